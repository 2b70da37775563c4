//! The fields of a form that was sent, as the input of the API.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::domain::fault::{Fault, FaultCode, NUL, Sentence, pointer_token};
use crate::http::kernel::body::Incoming;
use crate::http::kernel::problem::Problem;

/// Names and values in the order of the form.
pub(super) struct Given(Vec<(String, String)>);

const NUMBER: Sentence = Sentence::new("must be a number such as 24.5", "debe ser un número como 24,5");
const TIME: Sentence = Sentence::new(
    "must be a date with a time, such as 2026-01-31 09:30",
    "debe ser fecha y hora, como 2026-01-31 09:30",
);

impl Given {
    /// Reads a form. Line ends of browsers become those of the API.
    pub(super) async fn read(incoming: Incoming) -> Result<Self, Problem> {
        let bytes = incoming.form().await?;
        let pairs =
            form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n")));
        let pairs: Vec<(String, String)> = pairs.collect();
        if let Some((name, _)) = pairs.iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
            let fault = Fault::new(format!("/{}", pointer_token(name)), FaultCode::Text, NUL);
            return Err(Problem::content(vec![fault], None));
        }
        Ok(Self(pairs))
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// What was typed; empty if the form has no such field.
    pub(super) fn typed(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    }

    /// A text; `None` if the field is blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(self.typed(name).trim()).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A value of an enumeration; `None` if the field has none.
    pub(super) fn one_of<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        parse(self.typed(name))
    }

    /// A decimal number with a point or a comma.
    pub(super) fn number(&self, name: &str, faults: &mut Vec<Fault>) -> Option<f64> {
        let number = self.text(name)?.replace(',', ".").parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            faults.push(Fault::new(format!("/{name}"), FaultCode::Type, NUMBER));
        }
        number
    }

    /// A time at the clinic.
    pub(super) fn time(&self, name: &str, zone: &TimeZone, faults: &mut Vec<Fault>) -> Option<Timestamp> {
        let time = self.text(name)?.parse::<DateTime>().and_then(|time| time.to_zoned(zone.clone())).ok();
        if time.is_none() {
            faults.push(Fault::new(format!("/{name}"), FaultCode::Format, TIME));
        }
        time.map(|time| time.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Given {
        Given(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_number_has_a_point_or_a_comma() {
        for (typed, number) in [("24.5", Some(24.5)), (" 24,5 ", Some(24.5)), ("24", Some(24.0)), ("", None)] {
            let mut faults = Vec::new();
            assert_eq!(given(&[("a", typed)]).number("a", &mut faults), number, "{typed}");
            assert!(faults.is_empty(), "{typed}");
        }
        for typed in ["x", "NaN", "inf", "1.2.3", "24 kg"] {
            let mut faults = Vec::new();
            assert_eq!(given(&[("a", typed)]).number("a", &mut faults), None, "{typed}");
            assert_eq!(faults[0].pointer, "/a", "{typed}");
        }
    }

    #[test]
    fn a_time_is_one_at_the_clinic() {
        let madrid = TimeZone::get("Europe/Madrid").unwrap();
        for (typed, time) in [
            ("2026-12-01T09:30", Some("2026-12-01T08:30:00Z")),
            ("2026-07-01 09:30", Some("2026-07-01T07:30:00Z")),
            ("", None),
        ] {
            let mut faults = Vec::new();
            let expected = time.map(|time| time.parse().unwrap());
            assert_eq!(given(&[("at", typed)]).time("at", &madrid, &mut faults), expected, "{typed}");
            assert!(faults.is_empty(), "{typed}");
        }
        let mut faults = Vec::new();
        assert_eq!(given(&[("at", "soon")]).time("at", &madrid, &mut faults), None);
        assert_eq!(faults[0].pointer, "/at");
    }
}
