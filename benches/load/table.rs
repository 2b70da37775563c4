//! The table: a row per figure, with its median over the rounds and the range of the rounds.

use std::fmt::Write as _;

/// The figures, in the order in which they are shown.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

struct Row {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
    goal: &'static str,
}

impl Table {
    /// Adds a figure of one round.
    pub(crate) fn note(&mut self, name: &str, unit: &'static str, goal: &'static str, value: f64) {
        if let Some(row) = self.0.iter_mut().find(|row| row.name == name) {
            return row.values.push(value);
        }
        self.0.push(Row { name: name.to_owned(), unit, values: vec![value], goal });
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The table as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = "| figure | median | lowest | highest | rounds | goal |\n|---|---|---|---|---|---|\n".to_owned();
        for Row { name, unit, values, goal } in &self.0 {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let [middle, lowest, highest] = [median(&sorted), sorted[0], sorted[sorted.len() - 1]].map(number);
            let rounds = sorted.len();
            writeln!(text, "| {name} | {middle}{unit} | {lowest} | {highest} | {rounds} | {goal} |").unwrap();
        }
        text
    }
}

/// The median of sorted values.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// Formats a number with at least three significant digits.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
