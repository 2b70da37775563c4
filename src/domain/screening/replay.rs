//! The effect of another rule table on stored submissions. Only counts are kept, so that the size does not grow with the
//! number of rows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::Answers;
use super::assessment::{Assessment, Finding, FlagReason};
use super::questionnaire::Audiences;
use super::red_flag::CareLevel;
use super::rule_table::{Band, Id, RuleTable};
use super::scoring::{ScoreOptions, score};
use super::urgency::Urgency;
use crate::screening::pathway::PathwayId;

/// The result of a replay.
///
/// A row changes its band if the band differs: low, moderate, high, or not settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    pub rows: u64,
    /// Rows that could not be read and were not compared.
    pub unreadable: u64,
    /// Rows by stored band, then replayed band; in the order of [`BANDS`].
    pub bands: [[u64; 4]; 4],
    /// Rows by stored flag, then replayed flag; false before true.
    pub flagged: [[u64; 2]; 2],
    /// Rows by stored care level, then replayed care level; in the order of [`CARE_LEVELS`].
    pub care_levels: [[u64; 6]; 6],
    /// Rows by stored urgency, then replayed urgency; in the order of [`URGENCIES`].
    pub urgencies: [[u64; 4]; 4],
    /// How each rule's finding changed, by rule.
    pub findings: BTreeMap<(Id, Movement), Moved>,
    /// How each flag reason changed, by the name of its kind and its id.
    pub flag_reasons: BTreeMap<(&'static str, Id, Movement), Moved>,
}

/// The bands in the order of [`Replay::bands`]; the last is not settled.
pub const BANDS: [Option<Band>; 4] = [Some(Band::Low), Some(Band::Moderate), Some(Band::High), None];

/// The care levels in the order of [`Replay::care_levels`]; the first is not known.
pub const CARE_LEVELS: [Option<CareLevel>; 6] = [
    None,
    Some(CareLevel::SelfCare),
    Some(CareLevel::Consultation),
    Some(CareLevel::Consultation24h),
    Some(CareLevel::Emergency),
    Some(CareLevel::EmergencyAmbulance),
];

/// The urgencies in the order of [`Replay::urgencies`]; the first is that of a row without a reason to flag.
pub const URGENCIES: [Option<Urgency>; 4] =
    [None, Some(Urgency::Routine), Some(Urgency::ThisWeek), Some(Urgency::Today)];

/// The change of a finding or a flag reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Movement {
    /// Only the replayed assessment has it.
    Gained,
    /// Only the stored assessment has it.
    Lost,
    /// Its points differ.
    Points,
}

/// The number of rows with a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// All rows with the change.
    pub rows: u64,
    /// The rows whose band or flag changes too.
    pub deciding: u64,
}

/// Scores stored answers again with the settings of the stored assessment: the audience is the person, and the pathways
/// are those that the stored assessment followed, or `or_else` if its version had none.
#[must_use]
pub fn rescore(table: &RuleTable, answers: &Answers, stored: &Assessment, or_else: &[PathwayId]) -> Assessment {
    let followed: Vec<_> = stored.pathways.iter().map(|result| result.pathway).collect();
    let pathways = if followed.is_empty() { or_else } else { &followed };
    score(table, answers, ScoreOptions { audiences: Audiences::PERSON, pathways })
}

impl Replay {
    pub fn add(&mut self, stored: &Assessment, replayed: &Assessment) {
        self.rows += 1;
        let (band, flag) = (stated(stored), stored.flagged());
        let (other_band, other_flag) = (stated(replayed), replayed.flagged());
        self.bands[band][other_band] += 1;
        self.flagged[usize::from(flag)][usize::from(other_flag)] += 1;
        let level = |of: &Assessment| place(&CARE_LEVELS, of.care_level);
        self.care_levels[level(stored)][level(replayed)] += 1;
        let urgency = |of: &Assessment| place(&URGENCIES, of.urgency);
        self.urgencies[urgency(stored)][urgency(replayed)] += 1;
        let deciding = band != other_band || flag != other_flag;
        let count = |moved: &mut Moved| {
            moved.rows += 1;
            moved.deciding += u64::from(deciding);
        };
        for (rule, movement) in moved_findings(&stored.findings, &replayed.findings) {
            count(self.findings.entry((Arc::clone(rule), movement)).or_default());
        }
        for (reason, movement) in moved_reasons(&stored.flag_reasons, &replayed.flag_reasons) {
            let key = (reason.kind.as_str(), Arc::clone(&reason.id), movement);
            count(self.flag_reasons.entry(key).or_default());
        }
    }

    /// Adds the counts of other rows.
    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.unreadable += other.unreadable;
        add(&mut self.bands, &other.bands);
        add(&mut self.flagged, &other.flagged);
        add(&mut self.care_levels, &other.care_levels);
        add(&mut self.urgencies, &other.urgencies);
        for (key, moved) in other.findings {
            self.findings.entry(key).or_default().merge(moved);
        }
        for (key, moved) in other.flag_reasons {
            self.flag_reasons.entry(key).or_default().merge(moved);
        }
    }

    #[must_use]
    pub fn band_changes(&self) -> u64 {
        off_diagonal(&self.bands)
    }

    #[must_use]
    pub fn care_level_changes(&self) -> u64 {
        off_diagonal(&self.care_levels)
    }

    #[must_use]
    pub fn urgency_changes(&self) -> u64 {
        off_diagonal(&self.urgencies)
    }

    /// Rows whose flag changes, in either direction.
    #[must_use]
    pub fn flagged_changes(&self) -> u64 {
        off_diagonal(&self.flagged)
    }
}

impl Moved {
    const fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.deciding += other.deciding;
    }
}

/// The most frequent first; ties are ordered by `deciding`, descending, then by key.
#[must_use]
pub fn most_frequent<K: Ord>(moved: &BTreeMap<K, Moved>) -> Vec<(&K, Moved)> {
    let mut sorted: Vec<_> = moved.iter().map(|(key, moved)| (key, *moved)).collect();
    sorted.sort_by_key(|one| Reverse(one.1));
    sorted
}

/// Adds the counts of another table.
fn add<const N: usize>(mine: &mut [[u64; N]; N], theirs: &[[u64; N]; N]) {
    for (mine, theirs) in mine.as_flattened_mut().iter_mut().zip(theirs.as_flattened()) {
        *mine += theirs;
    }
}

/// The index of a value that the list has.
fn place<T: PartialEq>(list: &[T], value: T) -> usize {
    list.iter().position(|one| *one == value).unwrap_or_default()
}

/// The sum of all changed rows: everything off the diagonal.
fn off_diagonal<const N: usize>(table: &[[u64; N]; N]) -> u64 {
    let all: u64 = table.as_flattened().iter().sum();
    let same: u64 = (0..N).map(|place| table[place][place]).sum();
    all - same
}

/// The index of the band in [`BANDS`].
fn stated(assessment: &Assessment) -> usize {
    assessment.band().map_or(3, |band| band as usize)
}

/// Findings that were gained or lost, or whose points differ.
fn moved_findings<'a>(stored: &'a [Finding], replayed: &'a [Finding]) -> impl Iterator<Item = (&'a Id, Movement)> {
    let points = |findings: &[Finding], rule: &Id| findings.iter().find(|one| one.rule == *rule).map(|one| one.points);
    let gone = stored.iter().filter_map(move |one| match points(replayed, &one.rule) {
        None => Some((&one.rule, Movement::Lost)),
        Some(other) => (other != one.points).then_some((&one.rule, Movement::Points)),
    });
    let new = replayed.iter().filter(move |one| points(stored, &one.rule).is_none());
    gone.chain(new.map(|one| (&one.rule, Movement::Gained)))
}

/// Flag reasons that were gained or lost.
fn moved_reasons<'a>(
    stored: &'a [FlagReason],
    replayed: &'a [FlagReason],
) -> impl Iterator<Item = (&'a FlagReason, Movement)> {
    let lost = stored.iter().filter(|reason| !replayed.contains(reason)).map(|reason| (reason, Movement::Lost));
    let gained = replayed.iter().filter(|reason| !stored.contains(reason)).map(|reason| (reason, Movement::Gained));
    lost.chain(gained)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::assessment;

    fn rows(replay: &Replay) -> Vec<(&str, Movement, u64, u64)> {
        let shown = most_frequent(&replay.findings);
        shown.into_iter().map(|((rule, movement), moved)| (&**rule, *movement, moved.rows, moved.deciding)).collect()
    }

    #[test]
    fn bands_and_flags_are_counted_both_ways_with_what_moved_them() {
        let mut replay = Replay::default();
        let stored = assessment(10, &[("smoker", 1), ("falls", 3)], &[]);
        replay.add(&stored, &stored.clone());
        replay.add(&stored, &assessment(11, &[("smoker", 2), ("falls", 3)], &["choking"]));
        replay.add(&stored, &assessment(9, &[("falls", 2), ("sleep", 1)], &[]));
        let mut open = assessment(10, &[("smoker", 1), ("falls", 3)], &[]);
        open.band_at_most = Band::High;
        replay.add(&open, &stored);
        assert_eq!((replay.rows, replay.band_changes(), replay.flagged_changes()), (4, 2, 1));
        assert_eq!(replay.bands[1], [0, 2, 1, 0]);
        assert_eq!(replay.bands[3], [0, 1, 0, 0]);
        assert_eq!(replay.flagged, [[3, 1], [0, 0]]);
        assert_eq!(
            rows(&replay),
            [
                ("smoker", Movement::Points, 1, 1),
                ("falls", Movement::Points, 1, 0),
                ("sleep", Movement::Gained, 1, 0),
                ("smoker", Movement::Lost, 1, 0),
            ]
        );
        let reasons: Vec<_> = replay.flag_reasons.iter().collect();
        let choking = ("red_flag", Id::from("choking"), Movement::Gained);
        assert_eq!(reasons, [(&choking, &Moved { rows: 1, deciding: 1 })]);
    }

    #[test]
    fn a_reason_that_changes_no_result_is_counted_as_not_deciding() {
        let mut replay = Replay::default();
        replay.add(&assessment(3, &[], &["one", "two"]), &assessment(3, &[], &["two"]));
        assert_eq!(replay.flagged_changes(), 0);
        let lost = ("red_flag", Id::from("one"), Movement::Lost);
        assert_eq!(replay.flag_reasons.get(&lost), Some(&Moved { rows: 1, deciding: 0 }));
    }

    #[test]
    fn two_parts_add_up_to_the_whole() {
        let pairs = [
            (assessment(3, &[("a", 3)], &[]), assessment(6, &[("a", 6)], &[])),
            (assessment(6, &[("a", 6)], &["x"]), assessment(6, &[("b", 6)], &[])),
            (assessment(12, &[], &[]), assessment(12, &[], &[])),
        ];
        let of = |pairs: &[(Assessment, Assessment)]| {
            let mut replay = Replay { unreadable: 1, ..Replay::default() };
            for (one, other) in pairs {
                replay.add(one, other);
            }
            replay
        };
        let mut parts = of(&pairs[..1]);
        parts.merge(of(&pairs[1..]));
        assert_eq!(parts, Replay { unreadable: 2, ..of(&pairs) });
    }
}
