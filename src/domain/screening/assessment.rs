//! An assessment: the result of scoring answers with a rule table, in the compact form that is stored.
//!
//! It holds ids and values only. Reasons, sources, accuracy and texts are rendered from the rule table of its version, and
//! observed values from the answers stored with it.

use serde::{Deserialize, Serialize};

use super::instrument::InstrumentResult;
use super::pathway::PathwayResult;
use super::red_flag::CareLevel;
use super::rule_table::{Band, Id};
use crate::names::names;
use crate::screening::urgency::Urgency;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The version of the rule table.
    pub rule_table: Id,
    /// The service's own total, with bounds over the unanswered items.
    pub score: Score,
    /// The band of the lowest total that completions reach.
    pub band_at_least: Band,
    /// The band of the highest total that completions reach.
    pub band_at_most: Band,
    pub findings: Vec<Finding>,
    pub instruments: Vec<InstrumentResult>,
    /// The result of each requested pathway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pathways: Vec<PathwayResult>,
    pub red_flags: Vec<Id>,
    /// How soon the person should be seen; `None` while unanswered alarm questions rule out self-care.
    pub care_level: Option<CareLevel>,
    pub recommendations: Vec<Id>,
    /// The risks triggered: what the findings can lead to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Id>,
    /// Why the submission is flagged; empty if it is not.
    pub flag_reasons: Vec<FlagReason>,
    /// The urgency of a follow-up; `None` if not flagged.
    pub urgency: Option<Urgency>,
}

/// The service's own total. It is not validated in a study of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Points of the answered items.
    pub total: i32,
    /// The lowest total that completions of the asked items reach.
    pub lower: i32,
    /// The highest total that completions of the asked items reach.
    pub upper: i32,
}

/// A rule that applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: Id,
    /// The points it added to the total. It is 0 if a higher rule of its group or the group's cap replaced it, so that the
    /// points of all findings add up to the total.
    pub points: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagReason {
    pub kind: FlagKind,
    /// Id of the band, instrument, pathway, red flag or item.
    pub id: Id,
}

names! {
    pub enum FlagKind {
        /// The own total is in the high band, regardless of the open items.
        Band = "band",
        /// A flagging instrument is positive.
        Instrument = "instrument",
        /// A pathway reached its flagging stage.
        Pathway = "pathway",
        RedFlag = "red_flag",
        /// A laboratory value is raised.
        Laboratory = "laboratory",
        /// A single missing figure decides a rule. The id is that of the item.
        ValueMissing = "value_missing",
    }
}

impl Assessment {
    /// The band; `None` unless every completion falls in the same band.
    #[must_use]
    pub fn band(&self) -> Option<Band> {
        (self.band_at_least == self.band_at_most).then_some(self.band_at_least)
    }

    /// Whether staff should follow up.
    #[must_use]
    pub const fn flagged(&self) -> bool {
        !self.flag_reasons.is_empty()
    }

    /// Whether no further answer can remove the flag, because it has a reason other than a missing figure.
    #[must_use]
    pub fn flagged_for_good(&self) -> bool {
        self.flag_reasons.iter().any(|reason| reason.kind != FlagKind::ValueMissing)
    }

    /// Whether a consultation is offered; not when the person must not wait for the clinic.
    #[must_use]
    pub fn offers_consultation(&self) -> bool {
        self.care_level.is_some_and(CareLevel::offers_consultation)
    }
}
