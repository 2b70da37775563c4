//! Reads a data file row by row: CSV, plain or gzip.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use csv::{ByteRecord, ReaderBuilder};
use flate2::bufread::MultiGzDecoder;

use crate::cli::progress::Counted;
use crate::cli::rules::check::list;
use crate::domain::evaluation::columns::{Columns, Remarks};
use crate::domain::evaluation::description::Description;
use crate::domain::evaluation::fault::FileFault;
use crate::domain::evaluation::outcome::Outcome;
use crate::domain::evaluation::predictor::Predictors;
use crate::domain::evaluation::sample::Sample;
use crate::domain::fault::MOST_FAULTS;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The description of a file: the one that is named, or the one beside the file.
pub(super) fn description(data: &Path, named: Option<&Path>) -> anyhow::Result<Description> {
    let path = named.map_or_else(|| beside(data), Path::to_path_buf);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read the description {}", path.display()))?;
    let faults = |found: Vec<_>| anyhow!("{} has faults:\n{}", path.display(), list(&found).trim_end());
    Description::parse(&text).map_err(faults)
}

fn beside(data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    data.with_file_name(format!("{}.toml", stem.strip_suffix(".csv").unwrap_or(stem)))
}

/// Reads a file into a sample, with the number of answers that were left out, by item. Fails with every fault, up to the most
/// that are listed.
pub(super) fn read(
    data: &Path,
    (description, wanted): (&Description, &[&Outcome]),
    predictors: Predictors,
    counted: &mut Counted,
) -> anyhow::Result<(Sample, BTreeMap<&'static str, u64>)> {
    let mut rows = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(open(data)?);
    let mut record = ByteRecord::new();
    let mut remarks = Remarks::default();
    if !rows.read_byte_record(&mut record).with_context(|| format!("cannot read {}", data.display()))? {
        bail!("{} is empty", data.display());
    }
    let names: Vec<String> = match cells(1, &record, &[]) {
        Ok(names) => names.into_iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect(),
        Err(fault) => bail!(refusal(data, &[fault])),
    };
    let named: Vec<&str> = names.iter().map(String::as_str).collect();
    let columns = Columns::new(description, wanted, &named).map_err(|faults| anyhow!(refusal(data, &faults)))?;
    let outcomes = wanted.iter().map(|outcome| (outcome.id.clone(), outcome.name.clone(), outcome.age_from));
    let mut sample = Sample::new(predictors, outcomes);
    // Not the line of the reader, which is one less in a file whose lines end with CR and LF.
    let mut row = 1;
    while remarks.faults.len() < MOST_FAULTS {
        row += 1;
        match rows.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                remarks.faults.push(FileFault::in_row(row, format!("cannot be read: {error}")));
                break;
            }
        }
        match cells(row, &record, &named) {
            Ok(cells) => {
                if let Some((member, answers)) = columns.read(row, &cells, &mut remarks) {
                    sample.add(row, &member, &answers);
                }
            }
            Err(fault) => remarks.faults.push(fault),
        }
        counted.row();
    }
    let design = description.stratum.as_deref().or(description.unit.as_deref());
    if remarks.faults.is_empty() {
        remarks.faults = sample.faults(design.unwrap_or_default());
    }
    match (&remarks.faults[..], sample.rows) {
        ([], 0) => bail!("{} has a header and no rows", data.display()),
        ([], _) => Ok((sample, remarks.left_out)),
        (faults, _) => bail!(refusal(data, faults)),
    }
}

/// Every fault on a line.
fn refusal(data: &Path, faults: &[FileFault]) -> String {
    let mut text = format!("{} has faults:", data.display());
    for fault in faults {
        let _ = write!(text, "\n{fault}");
    }
    if faults.len() >= MOST_FAULTS {
        text.push_str("\nreading stopped here; there may be more");
    }
    text
}

/// The cells of a row as text.
fn cells<'a>(row: u64, record: &'a ByteRecord, names: &[&str]) -> Result<Vec<&'a str>, FileFault> {
    let text = |(index, cell): (usize, &'a [u8])| {
        let unreadable = |_| match names.get(index) {
            Some(name) => FileFault::at(row, name, "is not UTF-8"),
            None => FileFault::in_row(row, format!("column {} is not UTF-8", index + 1)),
        };
        std::str::from_utf8(cell).map_err(unreadable)
    };
    record.iter().enumerate().map(text).collect()
}

fn open(data: &Path) -> anyhow::Result<Box<dyn Read>> {
    let cannot = || format!("cannot read {}", data.display());
    let mut file = BufReader::new(File::open(data).with_context(cannot)?);
    let zipped = file.fill_buf().with_context(cannot)?.starts_with(&GZIP);
    let plain: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_beside_the_file() {
        for name in ["people.csv", "people.csv.gz", "people.gz", "people"] {
            assert_eq!(beside(&Path::new("data").join(name)), Path::new("data/people.toml"), "{name}");
        }
    }
}
