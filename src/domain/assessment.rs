//! An assessment: what the rule table makes of some answers, in the compact form that is stored.
//!
//! It holds ids and values only. Reasons, sources, accuracy and wording are rendered from the rule table of its
//! version, and observed values from the answers stored beside it.

use serde::{Deserialize, Serialize};

use super::follow_up::Urgency;
use super::instrument::InstrumentResult;
use super::pathway::PathwayResult;
use super::red_flag::CareLevel;
use super::rule_table::{Band, Id};

/// The result of scoring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The version of the rule table.
    pub rule_table: Id,
    /// The own total, with bounds over the unanswered items.
    pub score: Score,
    /// The band of the least total that completions reach.
    pub band_at_least: Band,
    /// The band of the greatest total that completions reach.
    pub band_at_most: Band,
    /// The rules that applied.
    pub findings: Vec<Finding>,
    /// What each instrument says.
    pub instruments: Vec<InstrumentResult>,
    /// What each asked pathway says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pathways: Vec<PathwayResult>,
    /// The red flags that fired.
    pub red_flags: Vec<Id>,
    /// How soon to be seen; `None` when open alarm questions forbid saying self-care.
    pub care_level: Option<CareLevel>,
    /// The recommendations that findings triggered.
    pub recommendations: Vec<Id>,
    /// What the findings can lead to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Id>,
    /// Why it is flagged; empty when it is not.
    pub flag_reasons: Vec<FlagReason>,
    /// How urgent a follow-up is; `None` when not flagged.
    pub urgency: Option<Urgency>,
}

/// The own total. It is not validated: no study has measured its accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Points counted from what was answered.
    pub total: i32,
    /// The least total that completions of the asked items reach.
    pub lower: i32,
    /// The greatest total that completions of the asked items reach.
    pub upper: i32,
}

/// A rule that applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Id,
    /// The points it added to the total: 0 where a higher rule of its group or the group's cap took them, so
    /// that the points of all findings add up to the total.
    pub points: i32,
}

/// Why a submission is flagged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagReason {
    /// What flagged it.
    pub kind: FlagKind,
    /// Id of the band, instrument, pathway or red flag.
    pub id: Id,
}

/// What can flag a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// The own total is certainly high.
    Band,
    /// A flagging instrument is positive.
    Instrument,
    /// A pathway reached its flagging stage.
    Pathway,
    /// A red flag fired.
    RedFlag,
    /// A laboratory value is raised.
    Laboratory,
}

impl Assessment {
    /// The band, stated only when every completion lies in it.
    #[must_use]
    pub fn band(&self) -> Option<Band> {
        (self.band_at_least == self.band_at_most).then_some(self.band_at_least)
    }

    /// Whether staff should follow up.
    #[must_use]
    pub const fn flagged(&self) -> bool {
        !self.flag_reasons.is_empty()
    }

    /// Whether a consultation is offered: not to somebody who must not wait for the clinic.
    #[must_use]
    pub fn offers_consultation(&self) -> bool {
        self.care_level.is_some_and(CareLevel::offers_consultation)
    }
}

impl FlagKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Band, Self::Instrument, Self::Pathway, Self::RedFlag, Self::Laboratory];

    /// The kind's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Band => "band",
            Self::Instrument => "instrument",
            Self::Pathway => "pathway",
            Self::RedFlag => "red_flag",
            Self::Laboratory => "laboratory",
        }
    }
}
