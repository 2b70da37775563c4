//! Rule tables on the wire: everything that the scoring reads, with its sources.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::assessment::{AccuracyBody, SourceBody};
use super::render::{Rendering, text};
use super::{BandName, CareLevelName, LanguageName, PositiveWhenName};
use crate::domain::instrument::Instrument;
use crate::domain::rule_table::{Band, Combination, RedFlag, Rule, RuleTable, SourceUse};

/// One version in the list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableSummary)]
pub struct RuleTableSummaryBody {
    /// The version.
    #[schema(example = "2026.1")]
    pub version: String,
    /// SHA-256 of its text, in hexadecimal.
    pub digest: String,
    /// Whether new submissions are scored with it.
    pub current: bool,
}

/// A whole rule table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTable)]
pub struct RuleTableBody {
    /// The version.
    #[schema(example = "2026.1")]
    pub version: String,
    /// SHA-256 of its text, in hexadecimal.
    pub digest: String,
    /// Whether new submissions are scored with it.
    pub current: bool,
    /// The language of the texts.
    pub language: LanguageName,
    /// The greatest total that any answers reach.
    pub max_total: i32,
    /// Always false: no study has measured the accuracy of the total.
    pub validated: bool,
    /// Where each band begins.
    pub bands: Vec<BandBody>,
    /// How rules combine.
    pub groups: Vec<RuleGroupBody>,
    /// The scored rules.
    pub rules: Vec<RuleBody>,
    /// Alarms.
    pub red_flags: Vec<RedFlagRuleBody>,
    /// Published instruments.
    pub instruments: Vec<InstrumentRuleBody>,
    /// Advice tied to findings.
    pub recommendations: Vec<RecommendationRuleBody>,
}

/// A band of the total.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BandStart)]
pub struct BandBody {
    /// Which band.
    pub band: BandName,
    /// Its least total.
    pub from: i32,
    /// What a person reads.
    pub label: String,
    /// Where it comes from.
    pub sources: Vec<SourceBody>,
}

/// How the rules of a group combine.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleGroup)]
pub struct RuleGroupBody {
    /// Id of the group.
    pub id: String,
    /// `steps`: they part one item's range; `highest_of`: only the highest counts; `cap`: the sum counts up to the cap.
    pub combination: &'static str,
    /// The item that the steps part.
    #[schema(required)]
    pub item: Option<String>,
    /// The cap, points.
    #[schema(required)]
    pub cap: Option<i32>,
}

/// A scored rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
pub struct RuleBody {
    /// Id of the rule.
    pub id: String,
    /// The heading it stands under.
    pub category: String,
    /// The group it belongs to.
    #[schema(required)]
    pub group: Option<String>,
    /// Points when it applies.
    pub points: i32,
    /// When it applies, in the table's grammar.
    pub when: Value,
    /// Why it counts; empty for a step of 0 points.
    pub reason: String,
    /// Why its points differ from the tier rule.
    #[schema(required)]
    pub note: Option<String>,
    /// Where it comes from.
    pub sources: Vec<SourceBody>,
}

/// An alarm of the table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RedFlagRule)]
pub struct RedFlagRuleBody {
    /// Id of the red flag.
    pub id: String,
    /// The care level it raises to.
    pub level: CareLevelName,
    /// Whether it flags a submission.
    pub flags: bool,
    /// When it fires, in the table's grammar.
    pub when: Value,
    /// Why it alarms.
    pub reason: String,
    /// Where it comes from.
    pub sources: Vec<SourceBody>,
}

/// An instrument of the table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentRule)]
pub struct InstrumentRuleBody {
    /// Id of the instrument.
    pub id: String,
    /// Its published name.
    pub name: String,
    /// Youngest age it was published for, years.
    pub age_from: i32,
    /// Whether a positive outcome flags a submission.
    pub flags: bool,
    /// Which side of the cut-off is positive.
    pub positive_when: PositiveWhenName,
    /// The cut-off.
    pub cut_off: i32,
    /// What adds up to its total.
    pub components: Vec<ComponentBody>,
    /// Its published accuracy.
    pub accuracy: Vec<AccuracyBody>,
    /// Under what terms it may be used.
    pub licence: String,
    /// Where it comes from.
    pub sources: Vec<SourceBody>,
}

/// One item of an instrument.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentComponent)]
pub struct ComponentBody {
    /// The item.
    pub item: String,
    /// Points by value, in the table's grammar; any other value is worth 0.
    pub steps: Value,
}

/// Advice of the table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RecommendationRule)]
pub struct RecommendationRuleBody {
    /// Id of the recommendation.
    pub id: String,
    /// The rules that trigger it.
    pub findings: Vec<String>,
    /// The advice.
    pub text: String,
    /// Where it comes from.
    pub sources: Vec<SourceBody>,
}

impl RuleTableBody {
    /// Renders a table.
    #[must_use]
    pub fn of(rendering: Rendering<'_>, digest: &str, current: bool) -> Self {
        let table = rendering.table;
        Self {
            version: table.version.to_string(),
            digest: digest.to_owned(),
            current,
            language: LanguageName(rendering.language),
            max_total: table.max_total(),
            validated: false,
            bands: bands(rendering),
            groups: groups(table),
            rules: table.rules.iter().map(|entry| rule(rendering, entry)).collect(),
            red_flags: table.red_flags.iter().map(|flag| red_flag(rendering, flag)).collect(),
            instruments: table.instruments.iter().map(|entry| instrument(rendering, entry)).collect(),
            recommendations: recommendations(rendering),
        }
    }
}

fn bands(rendering: Rendering<'_>) -> Vec<BandBody> {
    let starts = rendering.table.bands;
    let texts = rendering.texts().map(|texts| &texts.bands);
    let from = |band| match band {
        Band::Low => 0,
        Band::Moderate => starts.moderate,
        Band::High => starts.high,
    };
    let body = |(band, sources): (Band, &Vec<SourceUse>)| BandBody {
        band: BandName(band),
        from: from(band),
        label: text(texts, band.as_str()),
        sources: rendering.sources(sources),
    };
    Band::ALL.into_iter().zip(&rendering.table.band_sources).map(body).collect()
}

fn groups(table: &RuleTable) -> Vec<RuleGroupBody> {
    let group = |group: &crate::domain::rule_table::Group| {
        let (combination, item, cap) = match group.combination {
            Combination::Steps(item) => ("steps", Some(item.id().to_owned()), None),
            Combination::HighestOf => ("highest_of", None, None),
            Combination::Cap(cap) => ("cap", None, Some(cap)),
        };
        RuleGroupBody { id: group.id.to_string(), combination, item, cap }
    };
    table.groups.iter().map(group).collect()
}

fn rule(rendering: Rendering<'_>, rule: &Rule) -> RuleBody {
    let reason = rendering.texts().and_then(|texts| texts.rules.get(&*rule.id));
    RuleBody {
        id: rule.id.to_string(),
        category: rule.category.to_string(),
        group: rule.group.as_ref().map(ToString::to_string),
        points: rule.points,
        when: rule.stated.clone(),
        reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
        note: rule.note.clone(),
        sources: rendering.sources(&rule.sources),
    }
}

fn red_flag(rendering: Rendering<'_>, flag: &RedFlag) -> RedFlagRuleBody {
    let reason = rendering.texts().and_then(|texts| texts.red_flags.get(&*flag.id));
    RedFlagRuleBody {
        id: flag.id.to_string(),
        level: CareLevelName(flag.level),
        flags: flag.flags,
        when: flag.stated.clone(),
        reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
        sources: rendering.sources(&flag.sources),
    }
}

fn instrument(rendering: Rendering<'_>, instrument: &Instrument) -> InstrumentRuleBody {
    let texts = rendering.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
    let component = |component: &crate::domain::instrument::Component| ComponentBody {
        item: component.item.id().to_owned(),
        steps: component.stated.clone(),
    };
    InstrumentRuleBody {
        id: instrument.id.to_string(),
        name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
        age_from: instrument.age_from,
        flags: instrument.flags,
        positive_when: PositiveWhenName(instrument.positive_when),
        cut_off: instrument.cut_off,
        components: instrument.components.iter().map(component).collect(),
        accuracy: instrument.accuracy.iter().map(|row| rendering.accuracy(row)).collect(),
        licence: instrument.licence.clone(),
        sources: rendering.sources(&instrument.sources),
    }
}

fn recommendations(rendering: Rendering<'_>) -> Vec<RecommendationRuleBody> {
    let texts = rendering.texts().map(|texts| &texts.recommendations);
    let body = |entry: &crate::domain::rule_table::Recommendation| RecommendationRuleBody {
        id: entry.id.to_string(),
        findings: entry.findings.iter().map(ToString::to_string).collect(),
        text: text(texts, &entry.id),
        sources: rendering.sources(&entry.sources),
    };
    rendering.table.recommendations.iter().map(body).collect()
}
