//! The table of a comparison: a row for each server and measurement, with medians over the rounds.

use std::fmt::Write as _;

use crate::generator::Found;
use crate::table::{median, number};

const HEAD: &str = "\
| measured | server | a second | lowest to highest | p99 | CPU per 1,000: server | PostgreSQL | load | \
rate, of the first's | CPU of server and PostgreSQL, of the first's |
|---|---|---|---|---|---|---|---|---|---|
";

const HEAD_OF_RATIOS: &str = "| measured | server | rate, of each peer's: median, lowest to highest |\n|---|---|---|\n";
/// The start of the names of the service, by view.
const OURS: &str = "sarcoscreen";

/// The rows, in the order in which they are shown.
#[derive(Default)]
pub(crate) struct Comparison(Vec<Row>);

struct Row {
    measured: String,
    server: String,
    rounds: Vec<Figures>,
}

struct Figures {
    rate: f64,
    p99: f64,
    /// CPU seconds per thousand responses: of the server, of PostgreSQL, of the load.
    cpu: [f64; 3],
    /// The rate, as a share of the first server's.
    rate_ratio: f64,
    /// The CPU of the server and of PostgreSQL, as a multiple of the first server's.
    cpu_ratio: f64,
}

impl Comparison {
    /// Adds the results of one round, by the name of the server. The first server is the baseline.
    pub(crate) fn note(&mut self, measured: &str, found: &[(&str, Found)]) {
        let first = &found[0].1;
        for (server, found) in found {
            let figures = Figures {
                rate: found.rate,
                p99: found.quantile(0.99),
                cpu: per_thousand(found),
                rate_ratio: found.rate / first.rate,
                cpu_ratio: cost(found) / cost(first),
            };
            let same = |row: &&mut Row| row.measured == measured && row.server == *server;
            if let Some(row) = self.0.iter_mut().find(same) {
                row.rounds.push(figures);
            } else {
                let (measured, server) = (measured.to_owned(), (*server).to_owned());
                self.0.push(Row { measured, server, rounds: vec![figures] });
            }
        }
    }

    /// The rates of the service as multiples of the peers' in the same round, as Markdown.
    pub(crate) fn ratios(&self) -> String {
        let mut text = HEAD_OF_RATIOS.to_owned();
        let (service, peers): (Vec<&Row>, Vec<&Row>) = self.0.iter().partition(|row| row.server.starts_with(OURS));
        for ours in service {
            let of = |theirs: &&Row| {
                let rounds = ours.rounds.iter().zip(&theirs.rounds);
                let mut sorted: Vec<f64> = rounds.map(|(ours, theirs)| ours.rate / theirs.rate).collect();
                sorted.sort_by(f64::total_cmp);
                let [middle, lowest, highest] = [median(&sorted), sorted[0], sorted[sorted.len() - 1]].map(number);
                format!("{} {middle} ({lowest} to {highest})", theirs.server)
            };
            let ratios: Vec<String> = peers.iter().filter(|row| row.measured == ours.measured).map(of).collect();
            writeln!(text, "| {} | {} | {} |", ours.measured, ours.server, ratios.join("; ")).unwrap();
        }
        text
    }

    /// The table as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for Row { measured, server, rounds } in &self.0 {
            let of = |figure: fn(&Figures) -> f64| {
                let mut sorted: Vec<f64> = rounds.iter().map(figure).collect();
                sorted.sort_by(f64::total_cmp);
                (number(median(&sorted)), number(sorted[0]), number(sorted[sorted.len() - 1]))
            };
            let ((rate, lowest, highest), p99) = (of(|figures| figures.rate), of(|figures| figures.p99).0);
            let cpu = [of(|figures| figures.cpu[0]).0, of(|figures| figures.cpu[1]).0, of(|figures| figures.cpu[2]).0];
            let (rates, cpus) = (of(|figures| figures.rate_ratio).0, of(|figures| figures.cpu_ratio).0);
            let cpu = cpu.join(" s | ");
            writeln!(
                text,
                "| {measured} | {server} | {rate} | {lowest} to {highest} | {p99} ms | {cpu} s | {rates} | {cpus} |"
            )
            .unwrap();
        }
        text
    }
}

fn per_thousand(found: &Found) -> [f64; 3] {
    let thousands = found.answered() / 1e3;
    [found.used.server, found.used.postgres, found.used.generator].map(|used| used / thousands)
}

fn cost(found: &Found) -> f64 {
    let [server, postgres, _] = per_thousand(found);
    server + postgres
}
