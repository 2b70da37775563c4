//! Evidence of a rule table's own total in the API.

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::assessment::ShareBody;
use crate::domain::screening::evidence::{BandEvidence, TotalEvidence};
use crate::http::kernel::names::BandName;

/// What was measured of the own total for one outcome. It is no validation in a study of its own.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TotalEvidence)]
pub struct TotalEvidenceBody {
    /// The outcome, in English.
    pub outcome: String,
    /// The data and the people in it, in English.
    pub data: String,
    /// The day on which the figures were measured.
    pub measured_on: Date,
    /// Number of people.
    pub people: u32,
    /// Number of people with the outcome.
    pub cases: u32,
    /// The area under the curve, in per cent: how often a person with the outcome has a higher total than one without.
    pub area: ShareBody,
    /// The figures from each band on.
    pub bands: Vec<BandEvidenceBody>,
    /// What makes the figures uncertain, in English.
    #[schema(required)]
    pub note: Option<String>,
}

/// The figures of everyone in a band or above it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BandEvidence)]
pub struct BandEvidenceBody {
    /// The band.
    pub band: BandName,
    /// Share of people in the band or above it.
    pub flagged: ShareBody,
    /// Share of people with the outcome who are in the band or above it.
    pub sensitivity: ShareBody,
    /// Share of people without the outcome who are below the band.
    pub specificity: ShareBody,
}

impl From<&TotalEvidence> for TotalEvidenceBody {
    fn from(measured: &TotalEvidence) -> Self {
        Self {
            outcome: measured.outcome.clone(),
            data: measured.data.clone(),
            measured_on: measured.measured_on,
            people: measured.people,
            cases: measured.cases,
            area: measured.area.into(),
            bands: measured.bands.iter().map(BandEvidenceBody::from).collect(),
            note: measured.note.clone(),
        }
    }
}

impl From<&BandEvidence> for BandEvidenceBody {
    fn from(measured: &BandEvidence) -> Self {
        Self {
            band: BandName(measured.band),
            flagged: measured.flagged.into(),
            sensitivity: measured.sensitivity.into(),
            specificity: measured.specificity.into(),
        }
    }
}
