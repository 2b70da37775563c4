//! Red flags in the response to refused answers.

use super::problem::Problem;
use super::state::State;
use super::wording::Wording;
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::clinics::Clinic;
use crate::domain::fault::keep_first_of_each_place;
use crate::domain::language::Language;

/// Renders the error of a use case that takes answers. A refusal states the red flags too: a person with an emergency must
/// not get only a field error.
pub(in crate::http) fn problem(state: &State, error: AppError, clinic: &Clinic, language: Language) -> Problem {
    let AppError::Refused { mut faults, alarm } = error else { return error.into() };
    keep_first_of_each_place(&mut faults);
    let released = state.app.releases.find(&alarm.rule_table);
    let table = released.map_or_else(|| rule_tables::current(&state.app), |release| &release.table);
    let wording = Wording { table, language };
    Problem::content(faults, Some(wording.alarm(clinic, &alarm)))
}
