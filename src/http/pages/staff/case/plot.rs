//! The person's screenings over time: the totals with their ranges as a picture, and as a table for every reader.

use super::result::{bands, total};
use super::{Read, Tables};
use crate::domain::screening::rule_table::Band;
use crate::domain::screening::words::Words;
use crate::domain::submissions::history::HistoryEntry;
use crate::domain::submissions::stored::StoredSubmission;
use crate::http::pages::staff::desk::{Desk, Moment, named};

/// Most screenings in the picture; the table has all.
const MOST: usize = 12;
/// Where the scale begins and how wide it is, in the units of the picture.
const LEFT: i32 = 130;
const WIDTH: i32 = 180;
const ROW: i32 = 24;

/// A row for each screening, the newest first, over a scale from 0.
pub(super) struct Plot {
    pub height: i32,
    pub rows: Vec<PlotRow>,
    pub ticks: Vec<Tick>,
}

pub(super) struct PlotRow {
    pub label: String,
    pub y: i32,
    /// The ends of the range.
    pub from: i32,
    pub to: i32,
    /// The total.
    pub at: i32,
}

/// A mark of the scale: 0, the beginning of each upper band, the highest total.
pub(super) struct Tick {
    pub x: i32,
    pub text: i32,
}

/// A screening in the table.
pub(super) struct ScreenRow {
    pub answered: Moment,
    pub total: String,
    pub bands: Vec<String>,
    pub origin: &'static str,
    /// What is special about it; empty if nothing is.
    pub note: &'static str,
}

impl Plot {
    /// `None` unless there are several screenings to compare.
    pub(super) fn new(desk: &Desk, screens: &[HistoryEntry], tables: &Tables<'_>) -> Option<Self> {
        let counting = screens.iter().map(|screen| &screen.submission);
        let counting = counting.filter(|stored| !stored.test && stored.superseded_by.is_none());
        let shown: Vec<&StoredSubmission> = counting.take(MOST).collect();
        let newest = shown.first().filter(|_| shown.len() > 1)?;
        let table = *tables.get(&*newest.assessment.rule_table)?;
        let highest = shown.iter().map(|stored| stored.assessment.score.upper).max().unwrap_or_default();
        let most = table.max_total().max(highest).max(1);
        let x = |points: i32| LEFT + WIDTH * points.clamp(0, most) / most;
        let row = |(y, stored): (i32, &&StoredSubmission)| {
            let score = stored.assessment.score;
            let label = desk.moment(stored.answered()).words;
            // The day is enough in the picture.
            let label = label.split(',').next().unwrap_or_default().to_owned();
            PlotRow { label, y: y * ROW + ROW / 2, from: x(score.lower), to: x(score.upper), at: x(score.total) }
        };
        let marks = [0, table.bands.lowest(Band::Moderate), table.bands.lowest(Band::High), most];
        let rows: Vec<PlotRow> = (0..).zip(&shown).map(row).collect();
        let height = rows.last().map_or(0, |last| last.y) + ROW / 2;
        Some(Self { height, rows, ticks: marks.map(|text| Tick { x: x(text), text }).into() })
    }

    /// The height with the numbers of the scale.
    pub(super) fn whole(&self) -> i32 {
        self.height + ROW
    }

    /// The line of the numbers.
    pub(super) fn numbers(&self) -> i32 {
        self.height + ROW - 6
    }
}

/// All screenings, the newest first.
pub(super) fn rows(desk: &Desk, read: &Read, tables: &Tables<'_>) -> Vec<ScreenRow> {
    let row = |screen: &HistoryEntry| {
        let stored = &screen.submission;
        let table = tables.get(&*stored.assessment.rule_table);
        let words = table.map(|table| Words { table, language: desk.language });
        ScreenRow {
            answered: desk.moment(stored.answered()),
            total: total(desk, stored.assessment.score),
            bands: words.map(|words| bands(words, &stored.assessment)).unwrap_or_default(),
            origin: named(&desk.texts.names.origins, stored.origin.as_str()),
            note: note(desk, stored),
        }
    };
    read.screens.iter().map(row).collect()
}

fn note(desk: &Desk, stored: &StoredSubmission) -> &'static str {
    let texts = &desk.texts.case;
    match (stored.test, stored.superseded_by, stored.imported) {
        (true, ..) => &texts.is_test,
        (_, Some(_), _) => &texts.is_corrected,
        (_, _, true) => &texts.is_imported,
        _ => "",
    }
}
