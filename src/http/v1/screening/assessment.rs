//! The assessment in the API. [`super::render`] makes it from the domain's assessment and the rule table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answers::ItemIdName;
use super::evidence::TotalEvidenceBody;
use crate::domain::clinics::EmergencyNumber;
use crate::domain::screening::assessment::FlagReason;
use crate::domain::screening::instrument::{Accuracy, Share};
use crate::domain::screening::open_questions::OpenQuestion;
use crate::http::kernel::names::{
    BandName, CareLevelName, FlagKindName, LanguageName, OutcomeName, PathwayName, PositiveWhenName, StageName,
};
use crate::http::kernel::wording::{RedFlagBody, SourceBody, Wording};

/// The assessment of the answers by the rule table. The required fields are those of the view `summary`; each other field names
/// the views that have it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Assessment)]
pub struct AssessmentBody<'a> {
    /// Version of the rule table, under which `GET /v1/rule-tables/{version}` has all evidence.
    #[schema(example = "2026.1")]
    pub rule_table: &'a str,
    /// The language of the texts.
    pub language: LanguageName,
    /// The own score total, not validated in a study of its own.
    pub score: ScoreBody,
    /// The band; null unless settled, that is unless both bounds have the same band.
    pub band: Option<BandName>,
    /// The band of the lower bound.
    pub band_at_least: BandName,
    /// The band of the upper bound.
    pub band_at_most: BandName,
    /// Whether the answers require a follow-up by staff.
    pub flagged: bool,
    /// Why they do.
    pub flag_reasons: Vec<FlagReasonBody>,
    /// How soon the person should be seen; null while unanswered alarm questions rule out stating self-care.
    pub care_level: Option<CareLevelName>,
    /// The care level in a few words.
    pub care_title: &'a str,
    /// Alarms (red flags) that apply.
    pub red_flags: Vec<RedFlagBody>,
    /// Unanswered alarm items.
    #[schema(value_type = Vec<ItemIdName>)]
    pub alarm_items_unanswered: Vec<&'static str>,
    /// Unanswered items of the asked audiences that can still change the band, the flag or an instrument's outcome, the most
    /// influential first; empty when no answer can change any of them.
    pub open_questions: Vec<OpenQuestionBody>,
    /// Label of the band, for the person. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub label: Option<&'a str>,
    /// What the result means and does not mean. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub explanation: Option<&'a RawValue>,
    /// The rules that applied; their points add up to the total. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub findings: Option<Vec<FindingBody<'a>>>,
    /// Results of the published instruments. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub instruments: Option<Vec<InstrumentBody<'a>>>,
    /// Results of the requested consensus pathways; rule table 2026.1 has none. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pathways: Option<Vec<PathwayBody<'a>>>,
    /// Advice for the findings. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recommendations: Option<Vec<AdviceBody<'a>>>,
    /// What the findings can lead to. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub risks: Option<Vec<AdviceBody<'a>>>,
    /// When to screen again; absent if the rule table does not say, or if the person should be seen within a day. In `person` and
    /// `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_screen: Option<IntervalBody<'a>>,
    /// The clinic's offer and what to do now. In `person` and `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub consultation: Option<ConsultationBody<'a>>,
    /// The language of all citations, effects, notes and licences. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sources_language: Option<LanguageName>,
    /// What was measured of the total of this rule table; empty if nothing was. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub evidence: Option<Vec<TotalEvidenceBody>>,
}

/// Why answers are flagged.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FlagReason)]
pub struct FlagReasonBody {
    /// What flagged them.
    pub kind: FlagKindName,
    /// Id of the band, instrument, pathway, red flag or item.
    pub id: String,
}

/// The interval until the next screening.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScreeningInterval)]
pub struct IntervalBody<'a> {
    /// Days after the questions were answered.
    #[schema(minimum = 1)]
    pub days: u16,
    /// Reason for the interval.
    pub reason: &'a str,
}

/// The own score total with its bounds over the unanswered items.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Score)]
pub struct ScoreBody {
    /// Points from the answered items.
    #[schema(minimum = 0)]
    pub total: i32,
    /// Lowest total that the missing answers allow.
    #[schema(minimum = 0)]
    pub lower: i32,
    /// Highest total that the missing answers allow.
    #[schema(minimum = 0)]
    pub upper: i32,
    /// Highest total of the rule table.
    #[schema(minimum = 0)]
    pub max: i32,
    /// Always false: this total is not validated in a study of its own.
    pub validated: bool,
}

/// A rule that applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub struct FindingBody<'a> {
    /// Id of the rule.
    pub rule: &'a str,
    /// Heading that the rule is listed under.
    pub category: &'a str,
    /// Points that the rule added; 0 if a higher rule of its group, or the group's cap, replaced them.
    #[schema(minimum = 0)]
    pub points: i32,
    /// The observed answers, by item or derived quantity.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub observed: BTreeMap<&'static str, serde_json::Value>,
    /// Why the rule counts.
    #[schema(value_type = String)]
    pub reason: &'a RawValue,
    /// Sources of the rule. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<SourceBody>>, nullable = false)]
    pub sources: Option<&'a RawValue>,
}

/// Result of a published instrument.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentResult)]
pub struct InstrumentBody<'a> {
    /// Id of the instrument.
    pub id: &'a str,
    /// Published name.
    #[schema(value_type = String)]
    pub name: &'a RawValue,
    /// Outcome of the instrument; negative does not rule out.
    pub outcome: OutcomeName,
    /// Total, once no item is open; null for an instrument without a total.
    #[schema(value_type = Option<f64>)]
    pub total: Option<Total>,
    /// Lowest total that the missing answers allow.
    #[schema(value_type = Option<f64>)]
    pub lower: Option<Total>,
    /// Highest total that the missing answers allow.
    #[schema(value_type = Option<f64>)]
    pub upper: Option<Total>,
    /// Cut-off; if it differs by sex, null until the sex is known.
    #[schema(value_type = Option<f64>)]
    pub cut_off: Option<Total>,
    /// Which side of the cut-off is positive.
    pub positive_when: PositiveWhenName,
    /// The deciding answer, for an instrument without a total.
    pub category: Option<String>,
    /// Probability from the instrument's formula; null if it has none.
    pub probability: Option<f64>,
    /// The smallest sets of unanswered items whose answers could settle the outcome, regardless of audience; empty when it is
    /// settled or does not apply, and when nothing can settle it.
    #[schema(value_type = Vec<Vec<ItemIdName>>)]
    pub would_settle: Vec<Vec<&'static str>>,
    /// The first published accuracy that has both shares; null if there is none.
    #[schema(value_type = Option<AccuracyFigureBody>)]
    pub accuracy: &'a RawValue,
    /// Ids of the sources of the instrument and of its accuracy in the rule table.
    #[schema(value_type = Vec<String>)]
    pub source_ids: &'a RawValue,
    /// All published accuracy. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<AccuracyBody>>, nullable = false)]
    pub accuracy_rows: Option<&'a RawValue>,
    /// Terms of use, in English. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub licence: Option<&'a RawValue>,
    /// Meaning of the outcome. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub explanation: Option<&'a RawValue>,
    /// Sources of the instrument that the questions are adapted from. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<SourceBody>>, nullable = false)]
    pub sources: Option<&'a RawValue>,
}

/// Published accuracy of an instrument, from one study or meta-analysis.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AccuracyFigure)]
pub struct AccuracyFigureBody<'a> {
    /// Share of affected people that the instrument finds.
    pub sensitivity: ShareBody,
    /// Share of unaffected people that the instrument classifies as negative.
    pub specificity: ShareBody,
    /// Study population, in English.
    pub setting: &'a str,
    /// The definition that the instrument was compared with.
    pub reference: &'a str,
    /// Id of the source in the rule table.
    pub source_id: &'a str,
}

/// One row of published accuracy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Accuracy)]
pub struct AccuracyBody {
    /// Share of affected people that the instrument finds.
    pub sensitivity: Option<ShareBody>,
    /// Share of unaffected people that the instrument classifies as negative.
    pub specificity: Option<ShareBody>,
    /// Study population, in English.
    pub setting: String,
    /// The definition that the instrument was compared with.
    pub reference: String,
    /// Id of the source in the rule table.
    pub source_id: String,
    /// The citation.
    pub source: String,
    /// Uncertainty of the row, in English.
    pub note: Option<String>,
}

/// A percentage with its 95 % interval, if one was published.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = AccuracyShare)]
pub struct ShareBody {
    /// Per cent.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: f64,
    /// Lower end, per cent.
    pub low: Option<f64>,
    /// Upper end, per cent.
    pub high: Option<f64>,
}

/// A total: a whole number of points, or a decimal if the instrument has decimals.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// Value in the instrument's units.
    pub units: i32,
    /// Units per point.
    pub scale: i32,
}

impl Serialize for Total {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.scale {
            1 => serializer.serialize_i32(self.units),
            scale => serializer.serialize_f64(f64::from(self.units) / f64::from(scale)),
        }
    }
}

/// Result of a consensus pathway. It is a stage of screening, never a diagnosis.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PathwayResult)]
pub struct PathwayBody<'a> {
    /// Id of the pathway.
    pub id: PathwayName,
    /// The definition that the pathway follows, with its year.
    #[schema(value_type = String)]
    pub name: &'a RawValue,
    /// Whether case finding found a case; null while an open item decides it, or if there is no case finding.
    pub case_found: Option<bool>,
    /// Whether muscle strength is low.
    pub strength_low: Option<bool>,
    /// Whether physical performance is low; also null if the pathway has no cut-off for it.
    pub performance_low: Option<bool>,
    /// The stage reached; never a diagnosis.
    pub stage: StageName,
    /// Text of the stage, for the person.
    pub stage_text: &'a str,
    /// Unanswered items that could still raise the stage.
    #[schema(value_type = Vec<ItemIdName>)]
    pub needs: Vec<&'static str>,
    /// The instruments, items and quantities that met a criterion.
    pub because: Vec<String>,
    /// Meaning of the pathway, with the statement that it is not a diagnosis. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub explanation: Option<&'a RawValue>,
    /// Sources of the pathway. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<SourceBody>>, nullable = false)]
    pub sources: Option<&'a RawValue>,
}

/// An unanswered item that could still change the result.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OpenQuestion)]
pub struct OpenQuestionBody {
    /// The item.
    #[schema(value_type = ItemIdName)]
    pub item: &'static str,
    /// What the item could change: `band`, `flagged`, and ids of instruments.
    pub could_change: Vec<String>,
}

/// Advice, or what findings can lead to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Advice)]
pub struct AdviceBody<'a> {
    /// Id of the advice or risk.
    pub id: &'a str,
    /// Text for the person.
    #[schema(value_type = String)]
    pub text: &'a RawValue,
    /// The findings that triggered the entry; empty when an unscored answer did, or an instrument or pathway that flags.
    pub findings: Vec<&'a str>,
    /// Sources of the entry. In `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<SourceBody>>, nullable = false)]
    pub sources: Option<&'a RawValue>,
}

/// The clinic's offer and what to do now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Consultation)]
pub struct ConsultationBody<'a> {
    /// Whether a consultation is offered; false for a person who must not wait for the clinic.
    pub offered: bool,
    /// The clinic's name.
    pub clinic: &'a str,
    /// Booking address; null when no consultation is offered.
    pub booking_url: Option<&'a str>,
    /// The number to call in an emergency.
    pub emergency_number: &'a str,
    /// All numbers of the clinic for an emergency; the first is `emergency_number`.
    pub emergency_numbers: Vec<EmergencyNumberBody<'a>>,
    /// What to do now.
    pub text: String,
}

/// A number to call.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EmergencyNumber)]
pub struct EmergencyNumberBody<'a> {
    /// What the number is for; null for the general number.
    #[schema(required)]
    pub label: Option<&'a str>,
    /// Digits and spaces, with an optional + at the beginning.
    pub number: &'a str,
}

impl<'a> From<&'a EmergencyNumber> for EmergencyNumberBody<'a> {
    fn from(one: &'a EmergencyNumber) -> Self {
        Self { label: one.label.as_deref(), number: &one.number }
    }
}

impl<'a> AccuracyFigureBody<'a> {
    pub fn first(rows: &'a [Accuracy]) -> Option<Self> {
        rows.iter().find_map(|row| {
            Some(Self {
                sensitivity: row.sensitivity?.into(),
                specificity: row.specificity?.into(),
                setting: &row.setting,
                reference: &row.reference,
                source_id: &row.source,
            })
        })
    }
}

impl From<&FlagReason> for FlagReasonBody {
    fn from(reason: &FlagReason) -> Self {
        Self { kind: FlagKindName(reason.kind), id: reason.id.to_string() }
    }
}

impl Wording<'_> {
    pub(in crate::http) fn accuracy(self, row: &Accuracy) -> AccuracyBody {
        let source = self.table.sources.get(row.source.as_str());
        AccuracyBody {
            sensitivity: row.sensitivity.map(ShareBody::from),
            specificity: row.specificity.map(ShareBody::from),
            setting: row.setting.clone(),
            reference: row.reference.clone(),
            source_id: row.source.clone(),
            source: source.map(|source| source.cite.clone()).unwrap_or_default(),
            note: row.note.clone(),
        }
    }
}

impl From<Share> for ShareBody {
    fn from(share: Share) -> Self {
        Self { percent: share.percent, low: share.low, high: share.high }
    }
}

impl From<OpenQuestion> for OpenQuestionBody {
    fn from(question: OpenQuestion) -> Self {
        let own = [(question.band, "band"), (question.flagged, "flagged")];
        let own = own.into_iter().filter(|(changes, _)| *changes).map(|(_, what)| what.to_owned());
        let instruments = question.instruments.iter().map(ToString::to_string);
        Self { item: question.item.id(), could_change: own.chain(instruments).collect() }
    }
}
