//! `reindex`: makes stored subjects findable as new ones are.

use std::fmt::Write as _;

use anyhow::bail;

use super::database::{clinic_id, on_database};
use super::output::print;
use super::progress::shown;
use crate::app::subjects::reindex::{self, Remainder};
use crate::config::Settings;
use crate::store::subjects::reindex::Twins;

pub(super) async fn run(settings: &Settings, clinic: Option<&str>) -> anyhow::Result<()> {
    let remainder = on_database(settings, async |app| {
        let only = clinic_id(app, clinic).await?;
        shown(async |shown| reindex::run(app, only, |now| shown.at(now)).await).await
    });
    let Remainder { left, twins } = remainder.await?;
    print(&listed(&twins))?;
    if left > 0 {
        bail!("{left} subjects are not indexed, because they were in use; run this again");
    }
    print("all subjects are indexed\n")
}

/// A line for each pair of subjects.
fn listed(twins: &[Twins]) -> String {
    let mut text = String::new();
    for Twins { subject_id, found } in twins {
        let _ = writeln!(
            text,
            "the references of subject {subject_id} and subject {found} differ only in their Unicode form; new submissions \
             belong to {found}; if they are one person, staff merge them"
        );
    }
    text
}
