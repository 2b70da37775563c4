//! Replay: the results of another rule table for a clinic's stored answers.

use std::sync::Arc;

use super::{rule_tables, scan};
use crate::app::{App, Result, progress::Progress};
use crate::domain::screening::replay::{Replay, rescore};
use crate::domain::{clinics::Clinic, screening::rule_table::RuleTable};
use crate::store::screening::scan::Scanned;

/// Scores all stored submissions of a clinic, except tests, with a table and compares the results with the stored ones. Changes
/// nothing.
pub async fn replay(
    app: &App,
    clinic: &Clinic,
    table: Arc<RuleTable>,
    progress: impl FnMut(Progress),
) -> Result<Replay> {
    let pathways = clinic.pathways.clone();
    let before_pathways = rule_tables::before_pathways(app).await?;
    let one = move |row: &Scanned, tally: &mut Replay| match (row.answers(), row.assessment(), row.pathway()) {
        _ if row.test => {}
        (Ok(answers), Ok(stored), Ok(asked)) => {
            let pathways = asked.as_ref().map_or(&pathways[..], std::slice::from_ref);
            let pathways = if before_pathways.contains(&row.rule_table) { pathways } else { &[] };
            tally.add(&stored, &rescore(&table, &answers, &stored, pathways));
        }
        _ => tally.unreadable += 1,
    };
    scan::fold(app, Some(clinic.clinic_id), one, Replay::merge, progress).await
}
