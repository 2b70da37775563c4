//! The assessment on the wire. [`super::render`] makes it from the domain's assessment and the rule table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    BandName, CareLevelName, ConfidenceName, LanguageName, OutcomeName, PathwayName, PositiveWhenName, SourceKindName,
    StageName,
};

/// What the rule table makes of the answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Assessment)]
pub struct AssessmentBody<'a> {
    /// The version of the rule table.
    #[schema(example = "2026.1")]
    pub rule_table: &'a str,
    /// The language of the texts.
    pub language: LanguageName,
    /// The own total, not validated by any study.
    pub score: ScoreBody,
    /// The band, stated only when every completion of the answers lies in it.
    #[schema(required)]
    pub band: Option<BandName>,
    /// The band of the least total that completions reach.
    pub band_at_least: BandName,
    /// The band of the greatest total that completions reach.
    pub band_at_most: BandName,
    /// What a person reads for the band.
    pub label: &'a str,
    /// What the outcome means and does not mean.
    #[schema(value_type = String)]
    pub explanation: &'a RawValue,
    /// The rules that applied; their points add up to the total.
    pub findings: Vec<FindingBody<'a>>,
    /// What each published instrument says.
    pub instruments: Vec<InstrumentBody<'a>>,
    /// What the asked consensus pathways say; rule table 2026.1 has none.
    pub pathways: Vec<PathwayBody<'a>>,
    /// Alarms that fired.
    pub red_flags: Vec<RedFlagBody>,
    /// How soon to be seen; null while open alarm questions forbid saying self-care.
    #[schema(required)]
    pub care_level: Option<CareLevelName>,
    /// Alarm items that were not answered.
    pub alarm_items_unanswered: Vec<&'static str>,
    /// Unanswered items of the asked audience that can still change the band, the flag or an instrument's outcome, those
    /// that can change most first; empty when no answer can change any of them.
    pub open_questions: Vec<OpenQuestionBody>,
    /// Advice tied to findings.
    pub recommendations: Vec<AdviceBody<'a>>,
    /// What the findings can lead to.
    pub risks: Vec<AdviceBody<'a>>,
    /// The clinic's offer and what to do now.
    pub consultation: ConsultationBody<'a>,
}

/// The own total with its bounds over the unanswered items.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Score)]
pub struct ScoreBody {
    /// Points counted from what was answered.
    #[schema(minimum = 0)]
    pub total: i32,
    /// The least total that completions reach.
    #[schema(minimum = 0)]
    pub lower: i32,
    /// The greatest total that completions reach.
    #[schema(minimum = 0)]
    pub upper: i32,
    /// The greatest total there is.
    #[schema(minimum = 0)]
    pub max: i32,
    /// Always false: no study has measured the accuracy of this total.
    pub validated: bool,
}

/// A rule that applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub struct FindingBody<'a> {
    /// Id of the rule.
    pub rule: &'a str,
    /// The heading it stands under.
    pub category: &'a str,
    /// Points it added; 0 where a higher rule of its group, or the group's cap, took them.
    #[schema(minimum = 0)]
    pub points: i32,
    /// What it was observed in: the answers, by item or derived quantity.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub observed: BTreeMap<&'static str, serde_json::Value>,
    /// Why it counts.
    #[schema(value_type = String)]
    pub reason: &'a RawValue,
    /// Where it comes from.
    #[schema(value_type = Vec<SourceBody>)]
    pub sources: &'a RawValue,
}

/// Where a figure comes from.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceBody {
    /// What kind of source it is.
    pub kind: SourceKindName,
    /// The citation.
    pub cite: String,
    /// Its digital object identifier.
    #[schema(required)]
    pub doi: Option<String>,
    /// The figure or statement taken from it, in English.
    pub effect: String,
    /// How sure it is.
    pub confidence: ConfidenceName,
}

/// What a published instrument says.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentResult)]
pub struct InstrumentBody<'a> {
    /// Id of the instrument.
    pub id: &'a str,
    /// Its published name.
    #[schema(value_type = String)]
    pub name: &'a RawValue,
    /// Its outcome; negative does not rule out.
    pub outcome: OutcomeName,
    /// Its total, once nothing is open; null for an instrument without one.
    #[schema(required, value_type = Option<f64>)]
    pub total: Option<Total>,
    /// The least total that completions reach.
    #[schema(required, value_type = Option<f64>)]
    pub lower: Option<Total>,
    /// The greatest total that completions reach.
    #[schema(required, value_type = Option<f64>)]
    pub upper: Option<Total>,
    /// Its cut-off; of one that differs by sex, once the sex is known.
    #[schema(required, value_type = Option<f64>)]
    pub cut_off: Option<Total>,
    /// Which side of the cut-off is positive.
    pub positive_when: PositiveWhenName,
    /// The answer that decides, for an instrument without a total.
    #[schema(required)]
    pub category: Option<String>,
    /// The probability that its formula gives, for an instrument that has one.
    #[schema(required)]
    pub probability: Option<f64>,
    /// The smallest sets of unanswered items whose answers could settle it, whoever would be asked; empty when it
    /// is settled or does not apply, and when nothing can settle it.
    pub would_settle: Vec<Vec<&'static str>>,
    /// Its published accuracy.
    #[schema(value_type = Vec<AccuracyBody>)]
    pub accuracy: &'a RawValue,
    /// Under what terms it may be used, in English.
    #[schema(value_type = String)]
    pub licence: &'a RawValue,
    /// What its outcome means.
    #[schema(value_type = String)]
    pub explanation: &'a RawValue,
}

/// One row of published accuracy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Accuracy)]
pub struct AccuracyBody {
    /// Share of those affected that it finds.
    #[schema(required)]
    pub sensitivity: Option<ShareBody>,
    /// Share of those not affected that it passes.
    #[schema(required)]
    pub specificity: Option<ShareBody>,
    /// Who was studied, in English.
    pub setting: String,
    /// The definition it was compared with.
    pub reference: String,
    /// The citation.
    pub source: String,
    /// What is uncertain about the row, in English.
    #[schema(required)]
    pub note: Option<String>,
}

/// A percentage with its 95 % interval where one was published.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Share)]
pub struct ShareBody {
    /// Per cent.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: f64,
    /// Lower end, per cent.
    #[schema(required)]
    pub low: Option<f64>,
    /// Upper end, per cent.
    #[schema(required)]
    pub high: Option<f64>,
}

/// A total: a whole number of points, or a decimal where the instrument has decimals.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// In the instrument's units.
    pub units: i32,
    /// Units in a point.
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

/// What a consensus pathway says. It is a stage of screening, never a diagnosis.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PathwayResult)]
pub struct PathwayBody<'a> {
    /// Id of the pathway.
    pub id: PathwayName,
    /// The definition that it follows, with its year.
    #[schema(value_type = String)]
    pub name: &'a RawValue,
    /// Whether the case finding found a case; null while an open item decides, or where there is no case finding.
    #[schema(required)]
    pub case_found: Option<bool>,
    /// Whether muscle strength is low.
    #[schema(required)]
    pub strength_low: Option<bool>,
    /// Whether physical performance is low; null too where the pathway has no cut-off for it.
    #[schema(required)]
    pub performance_low: Option<bool>,
    /// The stage reached; never a diagnosis.
    pub stage: StageName,
    /// What a person reads for the stage.
    pub stage_text: &'a str,
    /// The unanswered items that could still raise the stage.
    pub needs: Vec<&'static str>,
    /// The instruments, items and quantities that a criterion was met by.
    pub because: Vec<String>,
    /// What the pathway means, and that it is no diagnosis.
    #[schema(value_type = String)]
    pub explanation: &'a RawValue,
    /// Where it comes from.
    #[schema(value_type = Vec<SourceBody>)]
    pub sources: &'a RawValue,
}

/// An alarm that fired.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RedFlag)]
pub struct RedFlagBody {
    /// Id of the red flag.
    pub id: String,
    /// The care level it raises to.
    pub level: CareLevelName,
    /// Why it alarms.
    pub reason: String,
    /// Where it comes from.
    pub sources: Vec<SourceBody>,
}

/// An unanswered item that could still change something.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OpenQuestion)]
pub struct OpenQuestionBody {
    /// The item.
    pub item: &'static str,
    /// What it could change: `band`, `flagged`, and ids of instruments.
    pub could_change: Vec<String>,
}

/// Advice, or what findings can lead to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Advice)]
pub struct AdviceBody<'a> {
    /// Id of the advice or risk.
    pub id: &'a str,
    /// What a person reads.
    #[schema(value_type = String)]
    pub text: &'a RawValue,
    /// The findings that brought it up; empty when an answer that is not scored did, or an instrument or pathway that flags.
    pub findings: Vec<&'a str>,
    /// Where it comes from.
    #[schema(value_type = Vec<SourceBody>)]
    pub sources: &'a RawValue,
}

/// The clinic's offer and what to do now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Consultation)]
pub struct ConsultationBody<'a> {
    /// Whether a consultation is offered: not to somebody who must not wait for the clinic.
    pub offered: bool,
    /// The clinic's name.
    pub clinic: &'a str,
    /// Where to book; null when no consultation is offered.
    #[schema(required)]
    pub booking_url: Option<&'a str>,
    /// The number to call in an emergency.
    pub emergency_number: &'a str,
    /// What to do now.
    pub text: String,
}
