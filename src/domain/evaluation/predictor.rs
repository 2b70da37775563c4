//! Predictors: everything whose scores are compared with an outcome.
//!
//! A score is one small integer, higher is worse. With open questions it is the lowest risk that completions of the answers
//! reach, so that a question that a file does not have counts as no points.

use std::sync::Arc;

use crate::language::Language;
use crate::screening::answers::Answers;
use crate::screening::instrument::{Instrument, Method, Reading};
use crate::screening::questionnaire::{Item, Kind};
use crate::screening::rule_table::{Band, Id, RuleTable};
use crate::screening::scoring::{ScoreOptions, score};
use crate::screening::words::Words;

/// The score of a person without one.
pub(super) const UNKNOWN: i16 = i16::MIN;

/// The instrument that is combined with age.
pub(super) const SARC_F: &str = "sarc_f";

/// Ages that are read as cut-offs, years.
const AGES: [i16; 4] = [65, 70, 75, 80];

/// Units of a score in one point of an instrument that is a weighted sum.
const TENTHS: i32 = 10;

/// The predictors of some rule tables. Their scores are in the order of the list.
#[derive(Clone, Debug)]
pub struct Predictors {
    tables: Vec<Arc<RuleTable>>,
    /// Items that are predictors by themselves, and whether a low value is worse.
    items: Vec<(Item, bool)>,
    pub(super) list: Vec<Predictor>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Predictor {
    pub kind: PredictorKind,
    /// The id of an instrument or an item.
    pub id: Id,
    /// The name in reports: of an instrument the published one.
    pub name: String,
    /// The version of the rule table, of a total or an instrument.
    pub table: Option<Id>,
    pub cut_offs: Vec<CutOffScore>,
    /// How a score is shown: negated if a low value is worse, and divided by its units in one.
    pub lower_is_worse: bool,
    pub scale: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PredictorKind {
    Age,
    /// The log odds of a model of age and SARC-F.
    AgeWithSarcF,
    Item,
    Total,
    Instrument,
}

/// A cut-off: scores at or above it are flagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CutOffScore {
    pub name: String,
    pub score: i16,
}

/// The scores of one person.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    pub(super) values: Vec<i16>,
    /// For each predictor, whether open questions cannot change its outcome or total.
    pub(super) settled: Vec<bool>,
    /// For each table, the points that open questions could add to the total.
    pub(super) open_points: Vec<i32>,
    /// For each table, the band of the total.
    pub bands: Vec<Band>,
}

impl Predictors {
    /// Age, the items, and the total and the instruments of each table.
    pub fn new(tables: Vec<Arc<RuleTable>>, items: Vec<(Item, bool)>) -> Self {
        let mut list = vec![Predictor {
            cut_offs: AGES.map(|age| CutOffScore { name: format!("{age} and over"), score: age }).to_vec(),
            ..Predictor::plain(PredictorKind::Age, Item::Age.id())
        }];
        list.extend(items.iter().map(|(item, lower_is_worse)| Predictor {
            lower_is_worse: *lower_is_worse,
            scale: scale(*item),
            ..Predictor::plain(PredictorKind::Item, item.id())
        }));
        for table in &tables {
            let of_table = |predictor: Predictor| Predictor { table: Some(Arc::clone(&table.version)), ..predictor };
            list.push(of_table(total(table)));
            list.extend(table.instruments.iter().map(|one| of_table(instrument(table, one))));
        }
        Self { tables, items, list }
    }

    /// The versions of the tables.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| &*table.version)
    }

    /// Scores the answers of one person.
    pub fn score(&self, answers: &Answers, into: &mut Scores) {
        into.clear();
        into.push(answers.get(Item::Age), true);
        for (item, lower_is_worse) in &self.items {
            let value = answers.get(*item);
            into.push(value.map(|value| if *lower_is_worse { -value } else { value }), value.is_some());
        }
        for table in &self.tables {
            let assessment = score(table, answers, ScoreOptions::PERSON);
            let open = assessment.score.upper - assessment.score.lower;
            into.push(Some(assessment.score.lower), open == 0);
            into.open_points.push(open);
            into.bands.push(assessment.band_at_least);
            for instrument in &table.instruments {
                let reading = instrument.read(answers);
                into.push(risk(instrument, reading, answers), reading.outcome.settled().is_some());
            }
        }
    }
}

impl Predictor {
    pub(super) fn plain(kind: PredictorKind, id: &str) -> Self {
        Self {
            kind,
            id: Arc::from(id),
            name: id.replace('_', " "),
            table: None,
            cut_offs: Vec::new(),
            lower_is_worse: false,
            scale: 1,
        }
    }

    /// A score as it is written: the value of an item, or points.
    pub fn shown(&self, score: i32) -> String {
        let value = if self.lower_is_worse { -score } else { score };
        if self.scale == 1 { value.to_string() } else { (f64::from(value) / f64::from(self.scale)).to_string() }
    }
}

impl Scores {
    fn clear(&mut self) {
        self.values.clear();
        self.settled.clear();
        self.open_points.clear();
        self.bands.clear();
    }

    fn push(&mut self, score: Option<i32>, settled: bool) {
        let small = |score: i32| i16::try_from(score.clamp(-32_000, 32_000)).unwrap_or(UNKNOWN);
        self.values.push(score.map_or(UNKNOWN, small));
        self.settled.push(settled);
    }
}

/// The number of units of an item's answer in one.
const fn scale(item: Item) -> i32 {
    match item.spec().kind {
        Kind::Number { scale, .. } => scale,
        Kind::Flag | Kind::Choice(_) | Kind::Set { .. } => 1,
    }
}

fn total(table: &RuleTable) -> Predictor {
    let bands = [(Band::Moderate, table.bands.moderate), (Band::High, table.bands.high)];
    let cut_off = |(band, from): (Band, i32)| CutOffScore {
        name: format!("{}, from {from}", band.as_str()),
        score: i16::try_from(from).unwrap_or(i16::MAX),
    };
    Predictor { cut_offs: bands.map(cut_off).to_vec(), ..Predictor::plain(PredictorKind::Total, "total") }
}

fn instrument(table: &RuleTable, instrument: &Instrument) -> Predictor {
    let small = |score: i32| i16::try_from(score).unwrap_or(i16::MAX);
    let (cut_off, score, lower_is_worse, scale) = match &instrument.method {
        Method::Sum { lower_is_worse: true, cut_off, .. } => (format!("at most {cut_off}"), small(-cut_off), true, 1),
        Method::Sum { lower_is_worse: false, cut_off, .. } => {
            (format!("at least {cut_off}"), small(*cut_off), false, 1)
        }
        Method::Linear(_) => ("at its cut-off".to_owned(), 0, false, TENTHS),
        Method::Category { .. } => ("positive".to_owned(), 1, false, 1),
    };
    Predictor {
        name: Words { table, language: Language::En }.instrument(&instrument.id).to_owned(),
        cut_offs: vec![CutOffScore { name: cut_off, score }],
        lower_is_worse,
        scale,
        ..Predictor::plain(PredictorKind::Instrument, &instrument.id)
    }
}

/// The lowest risk that completions of the answers reach: of a sum its bound, of a weighted sum the tenths of a point above
/// its cut-off, of one answer 0 or 1. The last two are known only from complete answers.
fn risk(instrument: &Instrument, reading: Reading, answers: &Answers) -> Option<i32> {
    match &instrument.method {
        Method::Sum { lower_is_worse: true, .. } => reading.bounds.map(|bounds| -bounds.upper),
        Method::Sum { lower_is_worse: false, .. } => reading.bounds.map(|bounds| bounds.lower),
        Method::Linear(_) => {
            let bounds = reading.bounds.filter(|_| !reading.open)?;
            Some((bounds.lower - instrument.cut_off(answers)?).div_euclid(instrument.scale() / TENTHS))
        }
        Method::Category { .. } => reading.outcome.settled().map(i32::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::answers::RawAnswers;
    use crate::screening::instrument::Outcome;

    fn answers(text: &str) -> Answers {
        let raw: RawAnswers<'_> = serde_json::from_str(text).unwrap();
        let (answers, faults) = Answers::parse(&raw);
        assert!(faults.is_empty(), "{faults:?}");
        answers
    }

    #[test]
    fn an_item_whose_low_value_is_worse_is_negated_and_shown_as_measured() {
        let predictors = Predictors::new(Vec::new(), vec![(Item::CalfCircumferenceCm, true)]);
        let mut scores = Scores::default();
        predictors.score(&answers(r#"{"age": 71, "calf_circumference_cm": 31.5}"#), &mut scores);
        assert_eq!((&*scores.values, &*scores.settled), (&[71, -315][..], &[true, true][..]));
        assert_eq!(predictors.list[1].shown(-315), "31.5");
        predictors.score(&answers(r#"{"age": 71}"#), &mut scores);
        assert_eq!((&*scores.values, &*scores.settled), (&[71, UNKNOWN][..], &[true, false][..]));
    }

    #[test]
    fn a_category_is_known_only_once_it_is_settled() {
        let reading = |outcome| Reading { bounds: None, open: false, outcome };
        let ring = Instrument {
            id: Arc::from("finger_ring"),
            age_from: 65,
            flags: true,
            reason: None,
            method: Method::Category {
                item: Item::FingerRing,
                positive: crate::screening::pathway::Criterion {
                    when: crate::screening::condition::Condition::AnyOf(Vec::new()),
                    stated: serde_json::Value::Null,
                },
            },
            accuracy: Vec::new(),
            licence: String::new(),
            note: None,
            sources: Vec::new(),
        };
        let risks = [Outcome::Positive, Outcome::Negative, Outcome::Undetermined];
        let risks = risks.map(|outcome| risk(&ring, reading(outcome), &Answers::default()));
        assert_eq!(risks, [Some(1), Some(0), None]);
    }
}
