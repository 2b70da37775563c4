//! `rules evaluate`: how well rule tables find the people who have an outcome.

mod file;
mod plots;
mod words;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::replay::table;
use crate::app::evaluation;
use crate::cli::database::{find_clinic, on_database};
use crate::cli::output::{print, tell};
use crate::cli::progress::{counted, shown};
use crate::config::{Evaluate, Settings};
use crate::domain::evaluation::clinic::{ClinicOutcome, FEWEST_OUTCOMES, Measured};
use crate::domain::evaluation::figures::OutcomeFigures;
use crate::domain::evaluation::outcome::Outcome;
use crate::domain::evaluation::predictor::Predictors;
use crate::domain::evaluation::sample::Sample;
use crate::domain::ids::ClinicId;
use crate::domain::screening::rule_table::RuleTable;

/// The lines of a Markdown file between which the figures are written.
const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- end of figures -->";

/// All figures. The help of the command describes the JSON form.
#[derive(Serialize)]
struct Document {
    /// The name of the data, or of the clinic.
    data: String,
    source: Option<String>,
    /// Rows of the file, or subjects of the clinic.
    rows: u64,
    left_out: Vec<LeftOut>,
    rule_tables: Vec<String>,
    replicates: u64,
    seed: u64,
    #[serde(flatten)]
    clinic: Option<ClinicCounts>,
    outcomes: Vec<OutcomeFigures>,
}

/// Answers that were out of range or implausible and count as unanswered.
#[derive(Serialize)]
struct LeftOut {
    item: &'static str,
    rows: u64,
}

#[derive(Serialize)]
struct ClinicCounts {
    clinic_id: ClinicId,
    measured: u64,
    never_measured: u64,
    without_age: u64,
    by_band: Vec<Measured>,
}

pub(super) async fn run(settings: &Settings, options: &Evaluate) -> anyhow::Result<ExitCode> {
    let tables = tables(&options.tables)?;
    let document = match (&options.data, &options.clinic) {
        (Some(data), _) => of_file(options, data, tables)?,
        (None, Some(clinic)) => of_clinic(settings, options, clinic, tables).await?,
        (None, None) => bail!("name a file with --data, or a clinic with --clinic"),
    };
    let blocks = words::blocks(&document);
    if let Some(folder) = &options.plots {
        write_plots(folder, &document)?;
    }
    if let Some(file) = &options.into {
        insert(file, &words::markdown(&blocks))?;
    }
    print(&match (options.json, options.markdown) {
        (true, _) => serde_json::to_string_pretty(&document)? + "\n",
        (false, true) => words::markdown(&blocks),
        (false, false) => words::text(&blocks),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn tables(names: &[String]) -> anyhow::Result<Vec<Arc<RuleTable>>> {
    let mut tables: Vec<Arc<RuleTable>> = Vec::new();
    for name in names {
        let read = table(name)?;
        if tables.iter().any(|known| known.version == read.version) {
            bail!("{name} is a second table of version {}; give the draft another version", read.version);
        }
        tables.push(Arc::new(read));
    }
    Ok(tables)
}

fn of_file(options: &Evaluate, data: &Path, tables: Vec<Arc<RuleTable>>) -> anyhow::Result<Document> {
    let description = file::description(data, options.description.as_deref())?;
    let wanted = match description.chosen(&options.outcome) {
        Ok(wanted) => wanted,
        Err(unknown) => {
            let known: Vec<&str> = description.outcomes.iter().map(|outcome| &*outcome.id).collect();
            bail!("the description has no outcome {unknown}; it has {}", known.join(", "));
        }
    };
    if let Some(twice) = (1..wanted.len()).find(|place| wanted[..*place].contains(&wanted[*place])) {
        bail!("--outcome names {} twice", wanted[twice].id);
    }
    let predictors = Predictors::new(tables, description.predictors.clone());
    let rule_tables = predictors.versions().map(str::to_owned).collect();
    let (sample, left_out) = counted(|shown| file::read(data, (&description, &wanted[..]), predictors, shown))?;
    if let Some(empty) = (0..wanted.len()).find(|place| sample.known(*place) == 0) {
        let Outcome { id, age_from, .. } = wanted[empty];
        bail!("{} has no person of {age_from} years or over in whom {id} is known", data.display());
    }
    Ok(Document {
        rows: sample.rows,
        left_out: left_out.into_iter().map(|(item, rows)| LeftOut { item, rows }).collect(),
        rule_tables,
        replicates: options.replicates,
        seed: options.seed,
        clinic: None,
        outcomes: figures(&sample, options),
        data: description.name,
        source: description.source,
    })
}

async fn of_clinic(
    settings: &Settings,
    options: &Evaluate,
    clinic: &str,
    tables: Vec<Arc<RuleTable>>,
) -> anyhow::Result<Document> {
    let [outcome] = &options.outcome[..] else { bail!("with --clinic, name one --outcome") };
    let Some(outcome) = ClinicOutcome::parse(outcome) else {
        bail!("an outcome of a clinic is {}", ClinicOutcome::ALL.map(ClinicOutcome::as_str).join(", "));
    };
    let predictors = Predictors::new(tables, Vec::new());
    let read = on_database(settings, async |app| {
        let clinic = find_clinic(app, clinic).await?;
        let read = shown(async |shown| {
            evaluation::of_clinic(app, clinic.clinic_id, &predictors, outcome, |now| shown.at(now)).await
        });
        Ok((read.await?, clinic))
    });
    let (found, clinic) = read.await?;
    let measured = found.sample.known(0);
    if measured < FEWEST_OUTCOMES {
        bail!(
            "{measured} subjects have this outcome recorded after a submission; an evaluation needs {FEWEST_OUTCOMES}"
        );
    }
    let measured = measured as u64;
    Ok(Document {
        data: clinic.name,
        source: None,
        rows: found.sample.rows,
        left_out: Vec::new(),
        rule_tables: predictors.versions().map(str::to_owned).collect(),
        replicates: options.replicates,
        seed: options.seed,
        clinic: Some(ClinicCounts {
            clinic_id: clinic.clinic_id,
            measured,
            never_measured: found.sample.rows - measured,
            without_age: found.without_age,
            by_band: found.measured(),
        }),
        outcomes: figures(&found.sample, options),
    })
}

/// The figures of each outcome. A line says which one is being measured, because each takes a while in a large file.
fn figures(sample: &Sample, options: &Evaluate) -> Vec<OutcomeFigures> {
    let names = options.outcome.iter().enumerate();
    let measured = names.map(|(place, name)| {
        tell(&format!("measuring {name}"));
        sample.measure(place, options.replicates, options.seed)
    });
    measured.collect()
}

fn write_plots(folder: &Path, document: &Document) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for figures in &document.outcomes {
        for (name, svg) in plots::of(figures)? {
            let path = folder.join(format!("{}-{name}.svg", figures.outcome));
            fs::write(&path, svg).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Writes the figures into a file, in place of those between its two lines.
fn insert(file: &Path, figures: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let new = with_figures(&text, figures)
        .with_context(|| format!("{} has no line {BEGIN} with a line {END} after it", file.display()))?;
    fs::write(file, new).with_context(|| format!("cannot write {}", file.display()))
}

fn with_figures(text: &str, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", figures.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_replace_those_between_the_two_lines() {
        let text = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nAfter.\n");
        let new = with_figures(&text, "new\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nAfter.\n"));
        assert_eq!(with_figures(&new, "new").as_deref(), Some(&*new));
        assert_eq!(with_figures("# Title\n", "new"), None);
    }
}
