//! Replay: what another rule table would make of the answers that a clinic has stored.

use std::sync::Arc;

pub use super::scan::Progress;
use super::{App, AppError, scan};
use crate::domain::ids::ClinicId;
use crate::domain::replay::{Replay, rescore};
use crate::domain::rule_table::RuleTable;
use crate::store::scan::Scanned;

/// Scores every stored submission of a clinic with a table and compares with what was stored. Changes nothing.
///
/// # Errors
/// When the database is away.
pub async fn replay(
    app: &App,
    clinic_id: ClinicId,
    table: Arc<RuleTable>,
    progress: impl FnMut(Progress),
) -> Result<Replay, AppError> {
    let one = move |row: &Scanned, tally: &mut Replay| match (row.answers(), row.assessment()) {
        (Ok(answers), Ok(stored)) => tally.add(&stored, &rescore(&table, &answers, &stored)),
        _ => tally.unreadable += 1,
    };
    scan::fold(app, Some(clinic_id), one, Replay::merge, progress).await
}
