//! The figures as a text for the terminal, and as Markdown.

use std::fmt::Write as _;

use super::Document;
use crate::domain::evaluation::figures::{
    ClassFigures, CutOffFigures, Difference, Estimate, GroupFigures, OutcomeFigures, PredictorFigures,
};

/// With fewer people who have the outcome, or who have it not, an area is known to less than about 0.06.
const ENOUGH: usize = 100;

/// A part of a report.
pub(super) enum Block {
    Heading(String),
    Text(String),
    Table { title: &'static str, header: Vec<String>, rows: Vec<Vec<String>> },
}

pub(super) fn blocks(document: &Document) -> Vec<Block> {
    let mut blocks = vec![Block::Text(about(document))];
    if let Some(clinic) = &document.clinic {
        blocks.push(Block::Text(format!(
            "{} subjects have the outcome recorded after their first submission, {} do not, and {} are left out because \
             their age is unknown. Verification bias: a clinic measures mostly people who were flagged. Weak people who were \
             not flagged are missing, so sensitivity looks higher than it is, and specificity lower.",
            clinic.measured, clinic.never_measured, clinic.without_age
        )));
        let rows = clinic.by_band.iter().map(|row| {
            let (measured, never) = (row.measured.to_string(), row.never_measured.to_string());
            vec![row.rule_table.clone(), row.band.to_owned(), measured, never]
        });
        blocks.push(table("Who was measured", &["rule table", "band", "measured", "never measured"], rows));
    }
    for outcome in &document.outcomes {
        blocks.extend(of_outcome(outcome));
    }
    blocks
}

fn about(document: &Document) -> String {
    let mut text = format!("{}: {} rows.", document.data, document.rows);
    if let Some(source) = &document.source {
        let _ = write!(text, " {}", source.trim());
    }
    let tables = document.rule_tables.join(", ");
    let _ = write!(text, " Rule tables {tables}. Questions without an answer count as no points.");
    for left_out in &document.left_out {
        let (rows, item) = (left_out.rows, left_out.item);
        let _ = write!(text, " {item} is out of range or implausible in {rows} and counts as unanswered.");
    }
    let (replicates, seed) = (document.replicates, document.seed);
    let _ = write!(text, " In brackets: 95 % intervals from {replicates} replicates, seed {seed}.");
    text
}

fn of_outcome(figures: &OutcomeFigures) -> Vec<Block> {
    let OutcomeFigures { outcome, name, age_from, people, cases, strata, units, .. } = figures;
    let prevalence = share(figures.prevalence);
    let totals = || totals(figures);
    let all = figures.predictors.iter();
    let cut_offs = all.flat_map(|one| one.cut_offs.iter().map(move |cut_off| at(one, cut_off)));
    let classes = |of: fn(&PredictorFigures) -> &[ClassFigures]| {
        totals().flat_map(move |total| of(total).iter().map(move |class| in_class(total, class)))
    };
    let at_cut_off = ["", "cut-off", "flagged", "sensitivity", "specificity", "PPV", "NPV", "LR+", "LR-"];
    let mut blocks = vec![
        Block::Heading(format!("{name} ({outcome})")),
        Block::Text(format!(
            "{people} people of {age_from} years and over, {cases} with the outcome; prevalence {prevalence}. \
             {units} sampling units in {strata} strata.{}",
            too_few(*people, *cases)
        )),
        table(
            "Area under the curve",
            &["", "people", "area", "settled", "open points"],
            figures.predictors.iter().map(in_short),
        ),
        table("At each band and cut-off (per cent; likelihood ratios)", &at_cut_off, cut_offs),
        table(
            "Bands",
            &["", "band", "people", "with the outcome"],
            classes(|total| &total.bands).map(|row| row[..4].to_vec()),
        ),
        table(
            "Calibration by tenths of the score",
            &["", "score", "people", "with the outcome", "expected"],
            classes(|total| &total.calibration),
        ),
    ];
    blocks.extend(by_group(figures));
    if !figures.differences.is_empty() {
        let rows = figures.differences.iter().flat_map(|one| difference(figures, one));
        blocks.push(table("Differences", &["", "less", "in", "difference"], rows));
    }
    blocks
}

/// A sentence on too few people; empty if there are enough.
fn too_few(people: usize, cases: usize) -> String {
    if cases.min(people - cases) >= ENOUGH {
        return String::new();
    }
    format!(" Fewer than {ENOUGH} people have the outcome, or have it not: every figure is rough.")
}

/// The totals of the rule tables.
fn totals(figures: &OutcomeFigures) -> impl Iterator<Item = &PredictorFigures> {
    figures.predictors.iter().filter(|predictor| !predictor.bands.is_empty())
}

/// Women and men, and ranges of ages: everything of the totals, and the areas of all predictors.
fn by_group(figures: &OutcomeFigures) -> [Block; 3] {
    let groups = || totals(figures).flat_map(|total| total.groups.iter().map(move |group| (total, group)));
    let header =
        ["", "group", "people", "with the outcome", "expected", "area", "sensitivity/specificity of each band"];
    let whole = table("By sex and age", &header, groups().map(|(total, group)| in_group(total, group)));
    let calibrated = groups().filter(|(_, group)| !group.calibration.is_empty());
    let tenths = table(
        "Calibration by sex and age (per cent with the outcome / expected)",
        &["", "group", "in each tenth of the group, from the lowest score on"],
        calibrated.map(|(total, group)| in_tenths(total, group)),
    );
    // Everyone has an age, the first predictor, so its groups are those of all.
    let names: Vec<&str> =
        figures.predictors.iter().take(1).flat_map(|age| &age.groups).map(|group| &*group.group).collect();
    let header: Vec<&str> = std::iter::once("").chain(names.iter().copied()).collect();
    let areas = figures.predictors.iter().map(|predictor| in_areas(predictor, &names));
    [whole, tenths, table("Area under the curve by sex and age", &header, areas)]
}

fn table(title: &'static str, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Block {
    Block::Table { title, header: header.iter().map(|cell| (*cell).to_owned()).collect(), rows: rows.collect() }
}

/// The name of a predictor with its rule table.
pub(super) fn named(predictor: &PredictorFigures) -> String {
    match &predictor.rule_table {
        Some(table) => format!("{} {table}", predictor.name),
        None => predictor.name.clone(),
    }
}

fn in_short(predictor: &PredictorFigures) -> Vec<String> {
    let settled = predictor.settled.map_or(String::new(), |settled| format!("{:.0} %", settled * 100.0));
    let open = predictor.open_points.map_or(String::new(), |points| format!("{points:.1}"));
    vec![named(predictor), predictor.people.to_string(), ratio(predictor.area), settled, open]
}

fn at(predictor: &PredictorFigures, cut_off: &CutOffFigures) -> Vec<String> {
    vec![
        named(predictor),
        cut_off.cut_off.clone(),
        share(cut_off.flagged),
        share(cut_off.sensitivity),
        share(cut_off.specificity),
        share(cut_off.positive_predictive_value),
        share(cut_off.negative_predictive_value),
        ratio(cut_off.positive_likelihood_ratio),
        ratio(cut_off.negative_likelihood_ratio),
    ]
}

fn in_class(total: &PredictorFigures, class: &ClassFigures) -> Vec<String> {
    vec![named(total), class.class.clone(), share(class.share), share(class.observed), to_a_tenth(class.expected)]
}

fn in_group(total: &PredictorFigures, group: &GroupFigures) -> Vec<String> {
    let people = format!("{} ({} with it)", group.people, group.cases);
    let pair = |at: &CutOffFigures| format!("{}/{}", percent(at.sensitivity.value), percent(at.specificity.value));
    let pairs = group.cut_offs.iter().map(pair).collect::<Vec<_>>().join(", ");
    let expected = to_a_tenth(group.expected);
    vec![named(total), group.group.clone(), people, share(group.prevalence), expected, area_in(group), pairs]
}

fn area_in(group: &GroupFigures) -> String {
    group.area.map_or("too few".to_owned(), ratio)
}

fn in_tenths(total: &PredictorFigures, group: &GroupFigures) -> Vec<String> {
    let pair = |tenth: &ClassFigures| format!("{}/{}", to_a_tenth(tenth.observed.value), to_a_tenth(tenth.expected));
    let pairs = group.calibration.iter().map(pair).collect::<Vec<_>>().join(", ");
    vec![named(total), group.group.clone(), pairs]
}

/// The areas in these groups; a dash where no person has a score.
fn in_areas(predictor: &PredictorFigures, names: &[&str]) -> Vec<String> {
    let of = |name: &&str| {
        let group = predictor.groups.iter().find(|group| group.group == **name);
        group.map_or("-".to_owned(), area_in)
    };
    std::iter::once(named(predictor)).chain(names.iter().map(of)).collect()
}

fn difference(figures: &OutcomeFigures, one: &Difference) -> Vec<Vec<String>> {
    let (of, minus) = (compared(figures, &one.of), compared(figures, &one.minus));
    let row = |what: String, value: String| vec![of.clone(), minus.clone(), what, value];
    let mut rows = vec![row("area".to_owned(), in_brackets(one.area, |value| format!("{value:+.3}")))];
    for at in &one.cut_offs {
        for (name, figure) in
            [("flagged", at.flagged), ("sensitivity", at.sensitivity), ("specificity", at.specificity)]
        {
            let points = in_brackets(figure, |value| format!("{:+.1}", value * 100.0));
            rows.push(row(format!("{name} from {} on, points", at.band), points));
        }
    }
    rows
}

/// The name of a predictor of a difference, which has its id and its rule table.
fn compared(figures: &OutcomeFigures, id: &str) -> String {
    let is_compared = |predictor: &&PredictorFigures| match &predictor.rule_table {
        Some(table) => id.strip_prefix(&*predictor.predictor).is_some_and(|rest| rest.trim_start() == table),
        None => predictor.predictor == id,
    };
    figures.predictors.iter().find(is_compared).map_or_else(|| id.to_owned(), named)
}

/// A share in per cent with its interval.
fn share(estimate: Estimate) -> String {
    in_brackets(estimate, |value| format!("{:.1}", value * 100.0))
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.0}", share * 100.0))
}

fn to_a_tenth(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.1}", share * 100.0))
}

fn ratio(estimate: Estimate) -> String {
    in_brackets(estimate, |value| format!("{value:.2}"))
}

fn in_brackets(estimate: Estimate, shown: impl Fn(f64) -> String) -> String {
    match (estimate.value, estimate.low, estimate.high) {
        (None, ..) => "-".to_owned(),
        (Some(value), Some(low), Some(high)) => format!("{} ({} to {})", shown(value), shown(low), shown(high)),
        (Some(value), Some(low), None) => format!("{} ({} to -)", shown(value), shown(low)),
        (Some(value), ..) => shown(value),
    }
}

pub(super) fn text(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block::Heading(heading) => {
                let _ = writeln!(text, "\n{heading}\n{}\n", "=".repeat(heading.chars().count()));
            }
            Block::Text(paragraph) => {
                let _ = writeln!(text, "{paragraph}");
            }
            Block::Table { title, header, rows } => aligned(&mut text, title, header, rows),
        }
    }
    text
}

fn aligned(text: &mut String, title: &str, header: &[String], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let _ = writeln!(text, "\n{title}:");
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        let cells = row.iter().zip(widths.iter().copied()).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

pub(super) fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        let _ = match block {
            Block::Heading(heading) => writeln!(text, "### {heading}\n"),
            Block::Text(paragraph) => writeln!(text, "{paragraph}\n"),
            Block::Table { title, header, rows } => {
                let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
                let body: String = rows.iter().map(|row| line(row)).collect();
                let rule = "|---".repeat(header.len());
                writeln!(text, "**{title}**\n\n| {} |\n{rule}|\n{body}", header.join(" | "))
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> Vec<Block> {
        let rows = [["total", "0.79 (0.75 to 0.82)"], ["age", "0.80"]].map(|row| row.map(str::to_owned).to_vec());
        vec![Block::Heading("low grip".to_owned()), table("Area", &["", "area"], rows.into_iter())]
    }

    #[test]
    fn a_table_is_aligned_in_a_terminal_and_piped_in_markdown() {
        let expected = "\nlow grip\n========\n\n\nArea:\n         area\n  total  0.79 (0.75 to 0.82)\n  age    0.80\n";
        assert_eq!(text(&blocks()), expected);
        let expected =
            "### low grip\n\n**Area**\n\n|  | area |\n|---|---|\n| total | 0.79 (0.75 to 0.82) |\n| age | 0.80 |\n\n";
        assert_eq!(markdown(&blocks()), expected);
    }

    #[test]
    fn fewer_than_100_people_of_either_kind_are_called_too_few() {
        assert!(too_few(200, 99).contains("Fewer than 100") && too_few(199, 100).contains("Fewer than 100"));
        assert_eq!(too_few(200, 100), "");
    }

    #[test]
    fn a_figure_without_an_interval_or_a_value_says_so() {
        let estimate = |value, low| Estimate { value, low, high: low };
        assert_eq!(share(estimate(Some(0.5417), Some(0.5))), "54.2 (50.0 to 50.0)");
        assert_eq!(ratio(estimate(Some(1.7), None)), "1.70");
        assert_eq!(ratio(Estimate { high: None, ..estimate(Some(9.0), Some(3.0)) }), "9.00 (3.00 to -)");
        assert_eq!(ratio(estimate(None, None)), "-");
    }
}
