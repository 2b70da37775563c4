//! The filters, the order and the page of the worklist. They are in the address, under the names of the API.

use actix_web::HttpRequest;
use form_urlencoded::Serializer;

use super::WORKLIST;
use super::desk::{Desk, named};
use super::fields::Field;
use crate::domain::access::actor::Origin;
use crate::domain::follow_ups::StateName;
use crate::domain::follow_ups::worklist::FollowUpOrder;
use crate::domain::screening::urgency::Urgency;
use crate::http::kernel::faults::{of_query, of_validation};
use crate::http::kernel::problem::Problem;
use crate::http::pages::DONE;
use crate::http::pages::address::LANGUAGE;
use crate::http::v1::follow_ups::worklist::FollowUpQuery;

/// Parameters of a page that are none of the API.
const OWN: [&str; 2] = [LANGUAGE, DONE];
/// Rows of a page.
const ROWS: u16 = 25;

/// The parameters of an address that the API knows, without blank ones: a form sends every field.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        let known = pairs.filter(|(name, value)| !OWN.contains(&&**name) && !value.is_empty());
        Self(known.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The parameters as those of an operation of the API. Fails with all faults.
    pub(super) fn read<T: serde::de::DeserializeOwned + validator::Validate>(&self) -> Result<T, Problem> {
        let (value, mut faults) = of_query::<T>(&self.text());
        faults.extend(value.iter().flat_map(of_validation));
        value.filter(|_| faults.is_empty()).ok_or_else(|| Problem::parameters(faults))
    }

    pub(super) fn worklist(&self) -> Result<FollowUpQuery, Problem> {
        let mut query = self.read::<FollowUpQuery>()?;
        query.limit.get_or_insert(ROWS);
        Ok(query)
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    }

    /// The address of the worklist with these parameters.
    pub(super) fn address(&self) -> String {
        if self.0.is_empty() { WORKLIST.to_owned() } else { format!("{WORKLIST}?{}", self.text()) }
    }

    /// The address of the next page.
    pub(super) fn next(&self, cursor: &str) -> String {
        let others = self.0.iter().filter(|(name, _)| name != "cursor");
        let mut query = Serializer::new(String::new());
        query.extend_pairs(others).append_pair("cursor", cursor);
        format!("{WORKLIST}?{}", query.finish())
    }

    fn text(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.0);
        query.finish()
    }

    /// The fields of the filters, with what is selected.
    pub(super) fn fields(&self, desk: &Desk) -> Vec<Field> {
        let (texts, names) = (&desk.texts.worklist, &desk.texts.names);
        let states = StateName::ALL.map(StateName::as_str).map(|name| (name, named(&names.states, name)));
        let urgencies = Urgency::ALL.map(Urgency::as_str).map(|name| (name, named(&names.urgencies, name)));
        let origins = Origin::ALL.map(Origin::as_str).map(|name| (name, named(&names.origins, name)));
        let orders = FollowUpOrder::ALL.map(FollowUpOrder::as_str).map(|name| (name, named(&names.orders, name)));
        let whose = [("me", &*texts.mine), ("none", &*texts.unassigned)];
        let due = [("true", &*texts.only_overdue)];
        let list = |name: &'static str, label: &'static str, first: Option<&'static str>, options: &[(&str, &str)]| {
            let all = first.map(|text| (String::new(), text.to_owned()));
            let options = options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned()));
            Field::list(name, label, all.into_iter().chain(options).collect()).with(self.get(name))
        };
        vec![
            list("state", &texts.state, Some(&texts.not_closed), &states),
            list("urgency", &texts.urgency, Some(&texts.any), &urgencies),
            list("assignee", &texts.whose, Some(&texts.any), &whose),
            list("overdue", &texts.due, Some(&texts.any), &due),
            list("origin", &texts.origin, Some(&texts.any), &origins),
            list("order", &texts.order, None, &orders),
        ]
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn an_address_keeps_its_filters_and_drops_what_is_blank_or_of_the_page() {
        let request =
            TestRequest::with_uri("/staff?lang=es&done=claim&state=open&urgency=&cursor=a%20b").to_http_request();
        let parameters = Parameters::of(&request);
        assert_eq!(parameters.address(), "/staff?state=open&cursor=a+b");
        assert_eq!(parameters.next("c"), "/staff?state=open&cursor=c");
        assert_eq!((parameters.get("state"), parameters.get("urgency")), ("open", ""));
        assert_eq!(Parameters(Vec::new()).address(), "/staff");
        assert_eq!(parameters.worklist().unwrap().limit, Some(ROWS));
    }
}
