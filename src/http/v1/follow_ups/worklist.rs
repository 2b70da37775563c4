//! Query parameters of the worklist.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IntoDeserializer as _};
use utoipa::IntoParams;
use uuid::Uuid;
use validator::Validate;

use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::follow_ups::StateName;
use crate::domain::follow_ups::worklist::{Assignee, FollowUpFilter, FollowUpOrder};
use crate::domain::ids::{CredentialId, SubjectId};
use crate::domain::page::PageRequest;
use crate::http::kernel::names::{
    BandName, FollowUpOrderName, FollowUpStateName, LanguageName, OriginName, UrgencyName,
};
use crate::http::kernel::paging::DEFAULT_LIMIT;
use crate::http::kernel::text::plain;

/// Filters, order and page of the worklist.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FollowUpQuery {
    /// Only follow-ups in one of these states, as one parameter with commas or as several; by default all that are not closed.
    #[param(value_type = Option<Vec<FollowUpStateName>>, style = Form, explode = false, min_items = 1)]
    #[serde(default, deserialize_with = "states")]
    pub state: Vec<StateName>,
    /// Only follow-ups of this urgency.
    pub urgency: Option<UrgencyName>,
    /// Only follow-ups assigned to this credential: its id, `me`, or `none` for unassigned follow-ups.
    #[param(
        value_type = Option<String>,
        example = "me",
        pattern = "^(me|none|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
    )]
    pub assignee: Option<AssigneeParameter>,
    /// Only overdue follow-ups (true), or only follow-ups that are not overdue (false).
    pub overdue: Option<bool>,
    /// Only follow-ups whose highest band is this one.
    pub band: Option<BandName>,
    /// Only follow-ups with a submission that has this finding, a rule id.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub finding: Option<String>,
    /// Only follow-ups with a submission on which this instrument is positive.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub instrument_positive: Option<String>,
    /// Only follow-ups whose last submission was received at or after this time, with an offset.
    pub received_from: Option<Timestamp>,
    /// Only follow-ups whose last submission was received before this time, with an offset.
    pub received_to: Option<Timestamp>,
    /// Only follow-ups due at or after this time, with an offset.
    pub due_from: Option<Timestamp>,
    /// Only follow-ups due before this time, with an offset.
    pub due_to: Option<Timestamp>,
    /// Only follow-ups with at least this many attempts to reach the person.
    #[validate(range(min = 1, max = 32767))]
    #[param(minimum = 1, maximum = 32767)]
    pub attempts_min: Option<i16>,
    /// Only follow-ups with a flagged submission (true), or only follow-ups that a correction left without one (false).
    pub flagged: Option<bool>,
    /// Only follow-ups whose appointment is at or after this time, with an offset.
    pub appointment_from: Option<Timestamp>,
    /// Only follow-ups whose appointment is before this time, with an offset.
    pub appointment_to: Option<Timestamp>,
    /// Whether to list only closed follow-ups with a grip strength under 1 kg or five chair stands under 3 s. Such values were
    /// stored before these floors, often in the wrong unit; they are never changed. Only closed follow-ups have measurements, so
    /// the only state that fits is closed.
    pub below_floor: Option<bool>,
    /// Only follow-ups of persons who prefer this language, as the items show it.
    pub language: Option<LanguageName>,
    /// Only follow-ups whose submissions all have this origin.
    pub origin: Option<OriginName>,
    /// Only follow-ups of this subject.
    pub subject_id: Option<Uuid>,
    /// The order; `urgency` by default.
    #[param(inline)]
    pub order: Option<FollowUpOrderName>,
    /// Whether to estimate the number of follow-ups that match the filter; they are never counted exactly.
    pub estimate: Option<bool>,
    /// Maximum number of items; 50 by default.
    #[validate(range(min = 1, max = 200))]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the previous page.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub cursor: Option<String>,
}

/// Since when follow-ups changed.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FollowUpChangesQuery {
    /// A time, with an offset.
    #[param(required, value_type = String, format = DateTime)]
    pub since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssigneeParameter {
    /// The caller.
    Me,
    Unassigned,
    Credential(Uuid),
}

impl FollowUpQuery {
    /// The filter, the order and the page, where `me` is the credential of the caller. Fails when two parameters exclude each
    /// other.
    pub fn parse(self, me: CredentialId) -> Result<(FollowUpFilter, FollowUpOrder, PageRequest), Fault> {
        let below_floor = self.below_floor == Some(true);
        if below_floor && self.state.iter().any(|state| *state != StateName::Closed) {
            let detail = Sentence::new(
                "only closed follow-ups have measurements; send state=closed, or no state",
                "solo los seguimientos cerrados tienen mediciones; envíe state=closed o ningún estado",
            );
            return Err(Fault::new("/below_floor", FaultCode::Contradiction, detail));
        }
        let states = if below_floor { vec![StateName::Closed] } else { self.state };
        let filter = FollowUpFilter {
            states,
            below_floor,
            urgency: self.urgency.map(|urgency| urgency.0),
            assignee: self.assignee.map(|assignee| match assignee {
                AssigneeParameter::Me => Assignee::Credential(me),
                AssigneeParameter::Unassigned => Assignee::Unassigned,
                AssigneeParameter::Credential(id) => Assignee::Credential(CredentialId(id)),
            }),
            overdue: self.overdue,
            band: self.band.map(|band| band.0),
            finding: self.finding,
            instrument_positive: self.instrument_positive,
            received_from: self.received_from,
            received_to: self.received_to,
            due_from: self.due_from,
            due_to: self.due_to,
            attempts_min: self.attempts_min,
            flagged: self.flagged,
            appointment_from: self.appointment_from,
            appointment_to: self.appointment_to,
            language: self.language.map(|language| language.0),
            origin: self.origin.map(|origin| origin.0),
            subject_id: self.subject_id.map(SubjectId),
            ..FollowUpFilter::default()
        };
        let page = PageRequest { limit: self.limit.unwrap_or(DEFAULT_LIMIT), cursor: self.cursor };
        Ok((filter, self.order.map(|order| order.0).unwrap_or_default(), page))
    }
}

/// Reads states separated by commas, without duplicates.
fn states<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StateName>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let states = text.split(',').map(|name| StateName::deserialize(name.into_deserializer()));
    let mut states: Vec<_> = states.collect::<Result<_, _>>()?;
    // Sorted, because a cursor is only valid for its filter: the order of the states must not matter.
    states.sort_by_key(|state| state.as_str());
    states.dedup();
    Ok(states)
}

impl<'de> Deserialize<'de> for AssigneeParameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*String::deserialize(deserializer)? {
            "me" => Ok(Self::Me),
            "none" => Ok(Self::Unassigned),
            id => Uuid::try_parse(id).map(Self::Credential).map_err(Error::custom),
        }
    }
}
