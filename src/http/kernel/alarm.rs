//! Refusal of answers with faults.

use super::problem::Problem;
use super::state::State;
use super::wording::Wording;
use crate::app::screening::rule_tables;
use crate::app::submissions::intake;
use crate::domain::clinics::Clinic;
use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;

/// Rejects faulty answers, but still reports the red flags in them: a person with an emergency must not get only a field
/// error.
///
/// # Errors
/// Fails when there is a fault.
pub(in crate::http) fn refuse(
    state: &State,
    answers: &Answers,
    mut faults: Vec<Fault>,
    clinic: &Clinic,
    language: Language,
) -> Result<(), Problem> {
    if faults.is_empty() {
        return Ok(());
    }
    keep_first_of_each_place(&mut faults);
    let wording = Wording { table: rule_tables::current(&state.app), language };
    let alarm = wording.alarm(clinic, &intake::alarm(&state.app, answers));
    Err(Problem::content(faults, Some(alarm)))
}
