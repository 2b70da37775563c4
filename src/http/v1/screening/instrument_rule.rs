//! Instruments, pathways and advice of a rule table in the API, with everything that decides them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answers::ItemIdName;
use super::assessment::AccuracyBody;
use crate::domain::screening::instrument::{Component, Instrument, Method};
use crate::domain::screening::open_questions::linear::{Linear, Logistic, Term};
use crate::domain::screening::pathway::{CaseFinding, Criterion, Pathway};
use crate::domain::screening::questionnaire::{Item, Kind};
use crate::domain::screening::rule_table::Advice;
use crate::http::kernel::names::{BandName, FlagKindName, PathwayName, PositiveWhenName, StageName};
use crate::http::kernel::wording::{SourceBody, Wording, text};

/// An instrument of the rule table: a sum of components, a weighted sum by sex, or a category.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentRule)]
pub struct InstrumentRuleBody {
    /// Id of the instrument.
    pub id: String,
    /// Published name.
    pub name: String,
    /// Meaning of the outcome.
    pub explanation: String,
    /// Minimum age that the instrument was published for, years.
    pub age_from: i32,
    /// Whether a positive outcome flags a submission.
    pub flags: bool,
    /// Which side of the cut-off is positive.
    pub positive_when: PositiveWhenName,
    /// Cut-off of a sum; null for other kinds.
    pub cut_off: Option<i32>,
    /// Components of the sum; empty for other kinds.
    pub components: Vec<ComponentBody>,
    /// Weighted sum for each sex; empty for other kinds.
    pub linear: Vec<LinearBody>,
    /// The positive answers, in the rule table's grammar; null for other kinds.
    pub category: Value,
    /// Published accuracy.
    pub accuracy: Vec<AccuracyBody>,
    /// Terms of use.
    pub licence: String,
    /// Where the sources disagree, and how that is resolved, in English.
    pub note: Option<String>,
    /// Sources of the instrument.
    pub sources: Vec<SourceBody>,
}

/// One component of a sum.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentComponent)]
pub struct ComponentBody {
    /// The item, or a quantity computed from several items.
    pub item: &'static str,
    /// Points by value, in the rule table's grammar; any other value scores 0.
    pub steps: Value,
}

/// Weighted sum for one sex.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentLinear)]
pub struct LinearBody {
    /// The sex.
    pub sex: &'static str,
    /// A score at or above this is positive.
    pub cut_off: f64,
    /// Terms of the sum.
    pub terms: Vec<TermBody>,
    /// Converts the score to a probability: 1 / (1 + exp(-(score / `divide_by` - `minus`))).
    pub logistic: Option<LogisticBody>,
}

/// One term: `times` * (item - `minus`).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentTerm)]
pub struct TermBody {
    /// The item.
    #[schema(value_type = ItemIdName)]
    pub item: &'static str,
    /// Subtracted from the item's value.
    pub minus: f64,
    /// Factor that the difference is multiplied by.
    pub times: f64,
}

/// The constants of a logistic function.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Logistic)]
pub struct LogisticBody {
    /// Divisor of the score.
    pub divide_by: f64,
    /// Subtracted from the quotient.
    pub minus: f64,
}

/// A pathway of the rule table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PathwayRule)]
pub struct PathwayRuleBody {
    /// Id of the pathway.
    pub id: PathwayName,
    /// The definition that the pathway follows, with its year.
    pub name: String,
    /// Minimum age that the pathway applies to, years.
    pub age_from: i32,
    /// The stage that the pathway leads to.
    pub stage: StageName,
    /// Whether the stage requires low performance in addition to low strength.
    pub needs_performance: bool,
    /// Case finding: any of these instruments or conditions.
    pub case_finding: Vec<Value>,
    /// Low strength: any of these conditions.
    pub strength_low: Vec<Value>,
    /// Low performance: any of these conditions.
    pub performance_low: Vec<Value>,
    /// Meaning of the pathway, with the statement that it is not a diagnosis.
    pub explanation: String,
    /// What cannot be asked here, and how the wording of the consensus was interpreted, in English.
    pub note: Option<String>,
    /// Sources of the pathway.
    pub sources: Vec<SourceBody>,
}

/// Advice of the rule table, or what findings can lead to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AdviceRule)]
pub struct AdviceRuleBody {
    /// Id of the advice or risk.
    pub id: String,
    /// The rules that trigger this entry.
    pub findings: Vec<String>,
    /// The condition that triggers this entry without a finding, in the rule table's grammar; null if there is none.
    pub when: Value,
    /// The kinds of flag reason that trigger this entry.
    pub flagged_by: Vec<FlagKindName>,
    /// Text for the person.
    pub text: String,
    /// Sources of the entry.
    pub sources: Vec<SourceBody>,
}

/// When the next screen is suggested.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NextScreenRule)]
pub struct NextScreenRuleBody {
    /// Band of the screen: the highest band that is still possible. `high` also applies to every flagged submission.
    pub band: BandName,
    /// Days from one screen to the next.
    pub days: u16,
    /// Reason for the interval.
    pub text: String,
    /// Sources of the interval.
    pub sources: Vec<SourceBody>,
}

impl Wording<'_> {
    pub(in crate::http) fn instrument_rule(self, instrument: &Instrument) -> InstrumentRuleBody {
        let texts = self.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
        let (mut components, mut linear, mut category, mut cut_off) = (Vec::new(), Vec::new(), Value::Null, None);
        match &instrument.method {
            Method::Sum { cut_off: points, components: parts, .. } => {
                cut_off = Some(*points);
                let body = |part: &Component| ComponentBody { item: part.quantity.id(), steps: part.stated.clone() };
                components = parts.iter().map(body).collect();
            }
            Method::Linear(by_sex) => {
                linear = Item::Sex.spec().kind.options().iter().zip(&by_sex[..]).map(LinearBody::from).collect();
            }
            Method::Category { positive, .. } => category = positive.stated.clone(),
        }
        InstrumentRuleBody {
            id: instrument.id.to_string(),
            name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
            explanation: texts.map(|texts| texts.explanation.clone()).unwrap_or_default(),
            age_from: instrument.age_from,
            flags: instrument.flags,
            positive_when: PositiveWhenName(instrument.positive_when()),
            cut_off,
            components,
            linear,
            category,
            accuracy: instrument.accuracy.iter().map(|row| self.accuracy(row)).collect(),
            licence: instrument.licence.clone(),
            note: instrument.note.clone(),
            sources: self.sources(&instrument.sources),
        }
    }

    pub(in crate::http) fn pathway_rule(self, pathway: &Pathway) -> PathwayRuleBody {
        let texts = self.texts().and_then(|texts| texts.pathways.get(pathway.id.as_str()));
        let stated = |criteria: &[Criterion]| criteria.iter().map(|criterion| criterion.stated.clone()).collect();
        let way = |way: &CaseFinding| match way {
            CaseFinding::Instrument(place) => serde_json::json!({ "instrument": &*self.table.instruments[*place].id }),
            CaseFinding::When(criterion) => criterion.stated.clone(),
        };
        PathwayRuleBody {
            id: PathwayName(pathway.id),
            name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
            age_from: pathway.age_from,
            stage: StageName(pathway.stage),
            needs_performance: pathway.needs_performance,
            case_finding: pathway.case_finding.iter().map(way).collect(),
            strength_low: stated(&pathway.strength_low),
            performance_low: stated(&pathway.performance_low),
            explanation: texts.map(|texts| texts.explanation.clone()).unwrap_or_default(),
            note: pathway.note.clone(),
            sources: self.sources(&pathway.sources),
        }
    }

    pub(in crate::http) fn advice_rules(
        self,
        entries: &[Advice],
        texts: Option<&BTreeMap<String, String>>,
    ) -> Vec<AdviceRuleBody> {
        let rule = |entry: &Advice| AdviceRuleBody {
            id: entry.id.to_string(),
            findings: entry.findings.iter().map(ToString::to_string).collect(),
            when: entry.when.as_ref().map(|criterion| criterion.stated.clone()).unwrap_or_default(),
            flagged_by: entry.flagged_by.iter().copied().map(FlagKindName).collect(),
            text: text(texts, &entry.id).to_owned(),
            sources: self.sources(&entry.sources),
        };
        entries.iter().map(rule).collect()
    }

    pub(in crate::http) fn next_screens(self) -> Vec<NextScreenRuleBody> {
        let texts = self.texts().map(|texts| &texts.next_screens);
        let next = self.table.next_screens.iter().map(|next| NextScreenRuleBody {
            band: BandName(next.band),
            days: next.days,
            text: text(texts, next.band.as_str()).to_owned(),
            sources: self.sources(&next.sources),
        });
        next.collect()
    }
}

impl From<(&&'static str, &Linear)> for LinearBody {
    fn from((sex, linear): (&&'static str, &Linear)) -> Self {
        let logistic = |of: Logistic| LogisticBody { divide_by: of.divide_by, minus: of.minus };
        Self {
            sex,
            cut_off: f64::from(linear.cut_off) / f64::from(Linear::SCALE),
            terms: linear.terms.iter().map(TermBody::from).collect(),
            logistic: linear.logistic.map(logistic),
        }
    }
}

impl From<&Term> for TermBody {
    fn from(term: &Term) -> Self {
        let scale = if let Kind::Number { scale, .. } = term.item.spec().kind { scale } else { 1 };
        Self {
            item: term.item.id(),
            minus: f64::from(term.minus) / f64::from(scale),
            times: f64::from(term.times * scale) / f64::from(Linear::SCALE),
        }
    }
}
