//! Red flags in the response to refused answers.

use super::names::CareLevelName;
use super::problem::Problem;
use super::state::State;
use super::wording::{AlarmBody, Care, Wording};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::clinics::Clinic;
use crate::domain::fault::keep_first_of_each_place;
use crate::domain::language::Language;
use crate::domain::screening::scoring::RaisedFlag;

/// Renders the error of a use case that takes answers. A refusal states the red flags too: a person with an emergency must
/// not get only a field error.
pub(in crate::http) fn problem(state: &State, error: AppError, clinic: &Clinic, language: Language) -> Problem {
    let (faults, alarm) = match error {
        AppError::Refused { faults, alarm } => (Some(faults), alarm),
        AppError::AlreadyCorrected { alarm: Some(alarm) } => (None, alarm),
        other => return other.into(),
    };
    let wording = Wording { table: rule_tables::current(&state.app), language };
    let red_flag = |flag: &RaisedFlag| {
        let table = &state.app.releases.find(&flag.rule_table)?.table;
        Wording { table, ..wording }.red_flag(&flag.id)
    };
    let body = AlarmBody {
        red_flags: alarm.red_flags.iter().filter_map(red_flag).collect(),
        care_level: alarm.care_level.map(CareLevelName),
        care_text: alarm
            .care_level
            .map(|level| wording.care_text(clinic, &Care { level: Some(level), open: alarm.open, ..Care::default() })),
    };
    let Some(mut faults) = faults else {
        let mut problem = Problem::from(AppError::AlreadyCorrected { alarm: None });
        problem.alarm = Some(Box::new(body));
        return problem;
    };
    keep_first_of_each_place(&mut faults);
    Problem::content(faults, Some(body))
}
