//! Parses pathways.

use serde::Deserialize;
use toml::Value;

use super::condition::criterion;
use super::fault;
use crate::screening::instrument::Instrument;
use crate::screening::pathway::PathwayId;
use crate::screening::pathway::{CaseFinding, Criterion, Pathway, Stage};
use crate::screening::rule_lint::LintFault;
use crate::screening::rule_table::{Family, SourceUse, StatedReason};
use crate::screening::urgency::Urgency;

/// A pathway as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourcePathway {
    id: PathwayId,
    /// Years.
    age_from: i32,
    /// The stage reached when its criteria are met.
    stage: Stage,
    stage_when: StageWhen,
    urgency: Option<Urgency>,
    family: Option<Family>,
    /// Conditions, or `{ instrument = "<id>" }`.
    case_finding: Vec<Value>,
    /// Conditions.
    strength_low: Vec<Value>,
    /// Conditions.
    performance_low: Vec<Value>,
    note: Option<String>,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

/// The criteria of a pathway's stage.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum StageWhen {
    StrengthLow,
    StrengthAndPerformanceLow,
}

/// Parses one pathway; `instruments` are those of the same table.
pub(super) fn pathway(
    place: &str,
    source: SourcePathway,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<Pathway> {
    let mut criteria = |values: &[Value]| -> Option<Vec<Criterion>> {
        values.iter().map(|value| criterion(place, value, instruments, faults)).collect()
    };
    let (strength_low, performance_low) = (criteria(&source.strength_low)?, criteria(&source.performance_low)?);
    let case_finding = source.case_finding.iter().map(|value| case_finding(place, value, instruments, faults));
    Some(Pathway {
        id: source.id,
        age_from: source.age_from,
        stage: source.stage,
        reason: StatedReason::of(source.urgency, source.family),
        needs_performance: source.stage_when == StageWhen::StrengthAndPerformanceLow,
        case_finding: case_finding.collect::<Option<_>>()?,
        strength_low,
        performance_low,
        note: source.note,
        sources: source.sources,
    })
}

/// A way of case finding: an instrument by its id, or a condition.
fn case_finding(
    place: &str,
    value: &Value,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<CaseFinding> {
    let Some(id) = value.get("instrument") else {
        return Some(CaseFinding::When(criterion(place, value, instruments, faults)?));
    };
    let known = instruments.iter().position(|instrument| Some(&*instrument.id) == id.as_str());
    match known {
        Some(found) => Some(CaseFinding::Instrument(found)),
        None => fault(faults, place, &format!("names an unknown instrument {id}")),
    }
}
