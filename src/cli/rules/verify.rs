//! `rules verify`: checks that every stored assessment recomputes to itself.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use serde_json::json;

use crate::app::screening::verify::verify;
use crate::cli::database::{clinic_id, on_database};
use crate::cli::output::print;
use crate::cli::progress::shown;
use crate::config::Settings;
use crate::domain::screening::verification::{Differing, Verification};

pub(super) async fn run(settings: &Settings, clinic: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let found = on_database(settings, async |app| {
        let clinic_id = clinic_id(app, clinic).await?;
        shown(async |shown| verify(app, clinic_id, |now| shown.at(now)).await).await
    });
    let found = found.await?;
    print(&if json { in_json(&found)? } else { in_words(&found)? })?;
    Ok(if found.differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_words(found: &Verification) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for Differing { clinic_id, submission_id, rule_table, fields } in &found.first {
        let fields = fields.join(", ");
        writeln!(text, "submission {submission_id} of clinic {clinic_id}, rule table {rule_table}: {fields}")?;
    }
    let left_out = found.differing - found.first.len() as u64;
    if left_out > 0 {
        writeln!(text, "and {left_out} more")?;
    }
    for (field, rows) in &found.fields {
        writeln!(text, "{field} differs in {rows}")?;
    }
    writeln!(text, "{} stored assessments recomputed, {} differ", found.rows, found.differing)?;
    Ok(text)
}

fn in_json(found: &Verification) -> anyhow::Result<String> {
    let fields = found.fields.iter().map(|(field, rows)| json!({"field": field, "rows": rows}));
    let submissions = found.first.iter().map(|row| {
        let Differing { clinic_id, submission_id, rule_table, fields } = row;
        json!({"clinic_id": clinic_id, "submission_id": submission_id, "rule_table": rule_table, "fields": fields})
    });
    let document = json!({
        "rows": found.rows,
        "differing": found.differing,
        "fields": fields.collect::<Vec<_>>(),
        "submissions": submissions.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
