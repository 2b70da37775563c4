//! Statistics of a clinic: submissions by day, open follow-ups, and outcomes of closed follow-ups. Days are UTC days.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::fault::{Fault, FaultCode, Params, Sentence};
use crate::follow_ups::StateName;
use crate::names::names;

/// A range of days; both ends are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    first: Date,
    last: Date,
}

names! {
    /// The dimension of a count of a day's submissions.
    #[derive(PartialOrd, Ord)]
    pub enum Dimension {
        Submissions = "submissions",
        Flagged = "flagged",
        /// By band, or `unsettled`.
        Band = "band",
        Finding = "finding",
        InstrumentPositive = "instrument_positive",
    }
}

/// The number of submissions of a day with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub day: Date,
    pub dimension: Dimension,
    /// Which band, finding or instrument; empty for the dimensions without values.
    pub value: String,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    pub submissions: u64,
    pub flagged: u64,
}

/// The submissions of a range of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmissionCounts {
    /// Every day of the range.
    pub days: BTreeMap<Date, DayCounts>,
    /// By band; `unsettled` if missing answers leave it open.
    pub bands: BTreeMap<String, u64>,
    pub findings: BTreeMap<String, u64>,
    pub positive_instruments: BTreeMap<String, u64>,
}

/// The follow-ups that are not closed at the time of the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenCases {
    pub states: HashMap<StateName, u64>,
    pub overdue: u64,
    /// By age, in the classes bounded by [`AGE_CLASSES_HOURS`]; the last one is everything older.
    pub ages: [u64; AGE_CLASSES_HOURS.len() + 1],
    /// The median age, hours.
    pub median_hours: Option<f64>,
    /// The 90th percentile of age, hours.
    pub p90_hours: Option<f64>,
}

/// The follow-ups closed in a range of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedCases {
    pub outcomes: BTreeMap<String, u64>,
    /// Attended follow-ups by diagnosis, if one was recorded.
    pub diagnoses: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub range: DayRange,
    pub submissions: SubmissionCounts,
    pub open: OpenCases,
    pub closed: ClosedCases,
}

/// A proportion, as two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    numerator: u64,
    denominator: u64,
}

/// Upper bounds of the age classes, hours: 1 day, 3 days, 1 week, 2 weeks, 30 days.
pub const AGE_CLASSES_HOURS: [u16; 5] = [24, 72, 168, 336, 720];

/// How long after its end a day can still get a row. It is longer than a request takes plus the clock difference of two
/// instances.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);

/// The last day that gets no more rows.
pub fn last_over(now: Timestamp) -> Date {
    (now - MARGIN).to_zoned(TimeZone::UTC).date().saturating_sub(1.day())
}

impl DayRange {
    /// The longest range, days: three years and some weeks.
    pub const LONGEST: i32 = 1_100;
    /// The default length, days.
    pub const USUAL: i32 = 30;
    const EARLIEST: Date = jiff::civil::date(1970, 1, 1);
    const LATEST: Date = jiff::civil::date(2999, 12, 31);

    /// Parses the range. Without a last day it ends today; without a first day it has thirty days. Fails with one fault
    /// if the range ends before it begins, is too long, or is outside the supported years.
    pub fn parse(from: Option<Date>, to: Option<Date>, now: Timestamp) -> Result<Self, Fault> {
        let out_of_range = |pointer, sentence| Err(Fault::new(pointer, FaultCode::OutOfRange, sentence));
        let known = Self::EARLIEST..=Self::LATEST;
        let last = to.unwrap_or_else(|| now.to_zoned(TimeZone::UTC).date());
        if !known.contains(&last) {
            return out_of_range(
                "/to",
                Sentence::new("must be a day from 1970 to 2999", "debe ser un día de 1970 a 2999"),
            );
        }
        let first = from.unwrap_or_else(|| last.saturating_sub((Self::USUAL - 1).days()).max(Self::EARLIEST));
        if !known.contains(&first) {
            return out_of_range(
                "/from",
                Sentence::new("must be a day from 1970 to 2999", "debe ser un día de 1970 a 2999"),
            );
        }
        let range = Self { first, last };
        match range.length() {
            ..1 => out_of_range("/to", Sentence::new("must not be before `from`", "no debe ser anterior a `from`")),
            length if length > Self::LONGEST => {
                let long = Sentence::new(
                    "the range must be at most {maximum} days",
                    "el intervalo debe tener como máximo {maximum} días",
                );
                out_of_range("/from", long).map_err(|fault| fault.with(Params::at_most(Self::LONGEST)))
            }
            _ => Ok(range),
        }
    }

    pub const fn single(day: Date) -> Self {
        Self { first: day, last: day }
    }

    pub const fn first(self) -> Date {
        self.first
    }

    pub const fn last(self) -> Date {
        self.last
    }

    /// The start of the first day and the end of the last day.
    pub fn bounds(self) -> (Timestamp, Timestamp) {
        let start = |day: Date| day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        (start(self.first), start(self.last.saturating_add(1.day())))
    }

    /// Every day, ascending.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(move |day| *day <= self.last)
    }

    /// The parts of the range without these days.
    pub fn without(self, days: &BTreeSet<Date>) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for day in self.days().filter(|day| !days.contains(day)) {
            match parts.last_mut().filter(|part| part.last.saturating_add(1.day()) == day) {
                Some(part) => part.last = day,
                None => parts.push(Self::single(day)),
            }
        }
        parts
    }

    fn length(self) -> i32 {
        (self.last - self.first).get_days() + 1
    }
}

/// What a submission adds to the counts of its day. `band` is `None` if missing answers leave it open.
pub fn counts_of(
    day: Date,
    flagged: bool,
    band: Option<String>,
    findings: Vec<String>,
    positive_instruments: Vec<String>,
) -> Vec<Count> {
    let band = band.unwrap_or_else(|| "unsettled".to_owned());
    let flagged = flagged.then(|| (Dimension::Flagged, String::new()));
    let findings = findings.into_iter().map(|finding| (Dimension::Finding, finding));
    let instruments = positive_instruments.into_iter().map(|instrument| (Dimension::InstrumentPositive, instrument));
    let whole = [(Dimension::Submissions, String::new()), (Dimension::Band, band)];
    let all = whole.into_iter().chain(flagged).chain(findings).chain(instruments);
    all.map(|(dimension, value)| Count { day, dimension, value, count: 1 }).collect()
}

/// The counts without those of corrected submissions. A count that would be negative is 0.
pub fn without(counts: Vec<Count>, corrected: &[Count]) -> Vec<Count> {
    let mut less: HashMap<(Date, Dimension, &str), u64> = HashMap::new();
    for Count { day, dimension, value, count } in corrected {
        *less.entry((*day, *dimension, value.as_str())).or_default() += count;
    }
    let remaining = |one: Count| {
        let taken = less.get(&(one.day, one.dimension, one.value.as_str())).copied().unwrap_or_default();
        Count { count: one.count.saturating_sub(taken), ..one }
    };
    counts.into_iter().map(remaining).collect()
}

impl SubmissionCounts {
    /// Adds up the counts. Every day of the range has a row, even without submissions.
    pub fn gather(range: DayRange, counts: impl IntoIterator<Item = Count>) -> Self {
        let mut whole = Self { days: range.days().map(|day| (day, DayCounts::default())).collect(), ..Self::default() };
        for Count { day, dimension, value, count } in counts {
            let total = match dimension {
                Dimension::Submissions => &mut whole.days.entry(day).or_default().submissions,
                Dimension::Flagged => &mut whole.days.entry(day).or_default().flagged,
                Dimension::Band => whole.bands.entry(value).or_default(),
                Dimension::Finding => whole.findings.entry(value).or_default(),
                Dimension::InstrumentPositive => whole.positive_instruments.entry(value).or_default(),
            };
            *total += count;
        }
        whole
    }
}

impl ClosedCases {
    /// The positive predictive value: the share with probable or confirmed sarcopenia among attended follow-ups with a
    /// diagnosis. It holds only for people who were flagged and attended. `None` if there are none.
    pub fn predictive_value(&self) -> Option<Share> {
        let of = |name: &str| self.diagnoses.get(name).copied().unwrap_or_default();
        Share::new(of("probable") + of("confirmed"), self.diagnoses.values().sum())
    }
}

impl Share {
    /// The standard normal quantile of a 95 % interval.
    const Z: f64 = 1.959_963_984_540_054;

    /// `None` if the denominator is 0 or the numerator is greater than it.
    pub fn new(numerator: u64, denominator: u64) -> Option<Self> {
        (denominator > 0 && numerator <= denominator).then_some(Self { numerator, denominator })
    }

    pub const fn numerator(self) -> u64 {
        self.numerator
    }

    pub const fn denominator(self) -> u64 {
        self.denominator
    }

    /// The share, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub fn value(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The 95 % score interval, 0 to 1 (Wilson, J Am Stat Assoc 1927;22:209-212). It stays within 0 and 1 and suits small
    /// numbers.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub fn interval(self) -> (f64, f64) {
        let (share, count) = (self.value(), self.denominator as f64);
        let square = Self::Z * Self::Z;
        let scale = 1.0 + square / count;
        let centre = share + square / (2.0 * count);
        let width = Self::Z * ((share * (1.0 - share) + square / (4.0 * count)) / count).sqrt();
        (((centre - width) / scale).max(0.0), ((centre + width) / scale).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn range(first: Date, last: Date) -> DayRange {
        DayRange { first, last }
    }

    fn now(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_over_a_quarter_of_an_hour_after_midnight() {
        assert_eq!(last_over(now("2026-03-02T00:14:59Z")), date(2026, 2, 28));
        assert_eq!(last_over(now("2026-03-02T00:15:00Z")), date(2026, 3, 1));
        assert_eq!(last_over(now("2026-03-02T23:59:59Z")), date(2026, 3, 1));
    }

    #[test]
    fn a_range_defaults_to_thirty_days_until_today() {
        let today = now("2026-03-02T10:00:00Z");
        let usual = DayRange::parse(None, None, today).unwrap();
        assert_eq!((usual.first, usual.last, usual.length()), (date(2026, 2, 1), date(2026, 3, 2), 30));
        let longest = DayRange::parse(Some(date(2020, 1, 1)), Some(date(2023, 1, 4)), today).unwrap();
        assert_eq!((longest.length(), longest.days().count()), (1_100, 1_100));
        for (from, to, pointer) in [
            (Some(date(2020, 1, 1)), Some(date(2023, 1, 5)), "/from"),
            (Some(date(2026, 3, 2)), Some(date(2026, 3, 1)), "/to"),
            (Some(date(2026, 3, 3)), None, "/to"),
            (Some(Date::MIN), None, "/from"),
            (None, Some(Date::MAX), "/to"),
            (Some(Date::MIN), Some(Date::MAX), "/to"),
        ] {
            assert_eq!(DayRange::parse(from, to, today).unwrap_err().pointer, pointer);
        }
    }

    #[test]
    fn a_range_begins_at_midnight_and_ends_at_midnight() {
        let bounds = range(date(2024, 2, 28), date(2024, 2, 29)).bounds();
        assert_eq!(bounds, (now("2024-02-28T00:00:00Z"), now("2024-03-01T00:00:00Z")));
    }

    #[test]
    fn uncounted_days_form_the_fewest_parts() {
        let whole = range(date(2026, 1, 1), date(2026, 1, 10));
        let counted = [date(2025, 12, 31), date(2026, 1, 3), date(2026, 1, 4), date(2026, 1, 10)].into();
        let parts = [range(date(2026, 1, 1), date(2026, 1, 2)), range(date(2026, 1, 5), date(2026, 1, 9))];
        assert_eq!(whole.without(&counted), parts);
        assert_eq!(whole.without(&whole.days().collect()), []);
        assert_eq!(whole.without(&BTreeSet::new()), [whole]);
    }

    #[test]
    fn counts_of_corrected_submissions_are_taken_from_their_day_and_value_only() {
        let count = |day: i8, dimension, value: &str, count| Count {
            day: date(2026, 1, day),
            dimension,
            value: value.to_owned(),
            count,
        };
        let counts = vec![
            count(1, Dimension::Submissions, "", 5),
            count(1, Dimension::Band, "high", 2),
            count(1, Dimension::Band, "low", 3),
            count(2, Dimension::Band, "high", 4),
            count(2, Dimension::Finding, "x", 1),
        ];
        let corrected = [
            count(1, Dimension::Submissions, "", 2),
            count(1, Dimension::Band, "high", 1),
            count(1, Dimension::Band, "high", 1),
            count(2, Dimension::Finding, "x", 3),
            count(3, Dimension::Band, "high", 1),
        ];
        let left: Vec<u64> = without(counts, &corrected).into_iter().map(|one| one.count).collect();
        assert_eq!(left, [3, 0, 3, 4, 0]);
    }

    #[test]
    fn the_interval_of_a_share_is_the_published_one() {
        // Worked examples of Newcombe, Stat Med 1998;17:857-872, table I, method 3.
        for (numerator, denominator, lower, upper) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let (low, high) = Share::new(numerator, denominator).unwrap().interval();
            assert!(
                (low - lower).abs() < 5e-5 && (high - upper).abs() < 5e-5,
                "{numerator}/{denominator}: {low} {high}"
            );
        }
        assert_eq!(Share::new(0, 0), None);
        let (low, high) = Share::new(5, 5).unwrap().interval();
        assert!(low > 0.5 && (high - 1.0).abs() < 1e-12);
    }

    #[test]
    fn only_a_recorded_diagnosis_counts_for_the_predictive_value() {
        let closed = |diagnoses: &[(&str, u64)]| ClosedCases {
            outcomes: BTreeMap::from([("attended".to_owned(), 100)]),
            diagnoses: diagnoses.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        };
        assert_eq!(closed(&[]).predictive_value(), None);
        let all =
            closed(&[("none", 5), ("possible", 3), ("probable", 2), ("confirmed", 1)]).predictive_value().unwrap();
        assert_eq!((all.numerator(), all.denominator()), (3, 11));
    }
}
