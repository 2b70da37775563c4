//! The options of `rules evaluate`.

use std::path::PathBuf;

use clap::{Args, value_parser};

#[derive(Clone, Debug, Args)]
pub struct Evaluate {
    /// The tables: versions built into this program, or folders of drafts. Later tables are compared with the first.
    #[arg(required = true, value_name = "TABLE")]
    pub tables: Vec<String>,
    /// The file of answers and outcomes, as CSV, plain or gzip. Its columns are item ids; a description beside it says what the
    /// others are.
    #[arg(long, value_name = "FILE", required_unless_present = "clinic", conflicts_with = "clinic")]
    pub data: Option<PathBuf>,
    /// The description of the file. [default: the name of the file, with .toml in place of .csv or .csv.gz]
    #[arg(long, value_name = "FILE", requires = "data")]
    pub description: Option<PathBuf>,
    /// The clinic whose recorded outcomes are used, by its id or name.
    #[arg(long, value_name = "ID OR NAME")]
    pub clinic: Option<String>,
    /// The outcome: one that the description defines; with --clinic grip, gait or diagnosis. May be repeated with --data.
    #[arg(long, value_name = "NAME", required = true)]
    pub outcome: Vec<String>,
    /// Replicates of the bootstrap, 100 to 10000.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = value_parser!(u64).range(100..=10_000))]
    pub replicates: u64,
    /// The seed of the bootstrap. The same seed gives the same intervals.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Prints a JSON document instead of text.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Prints Markdown instead of text.
    #[arg(long)]
    pub markdown: bool,
    /// Also writes the Markdown into this file, between the lines `<!-- figures -->` and `<!-- end of figures -->`.
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// Also writes plots into this folder, three SVG files for each outcome: curve, calibration and bands.
    #[arg(long, value_name = "FOLDER")]
    pub plots: Option<PathBuf>,
}
