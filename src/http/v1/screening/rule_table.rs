//! Rule tables in the API: everything that the scoring uses, with its sources.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answers::ItemIdName;
use super::evidence::TotalEvidenceBody;
use super::instrument_rule::{AdviceRuleBody, InstrumentRuleBody, NextScreenRuleBody, PathwayRuleBody};
use crate::domain::screening::rule_table::{Band, Combination, Group, Id, RedFlag, Rule, RuleTable, Source};
use crate::http::kernel::names::{BandName, CareLevelName, FamilyName, LanguageName, SourceKindName, UrgencyName};
use crate::http::kernel::paging::page;
use crate::http::kernel::wording::{SOURCES, SourceBody, Wording, text};

/// One version in the list of rule tables.
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

/// A complete rule table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTable)]
pub struct RuleTableBody {
    /// The version.
    #[schema(example = "2026.1")]
    pub version: String,
    /// SHA-256 of its text, in hexadecimal.
    pub digest: String,
    /// The language of the texts.
    pub language: LanguageName,
    /// The language of all citations, effects, notes and licences.
    pub sources_language: LanguageName,
    /// Highest possible total.
    pub max_total: i32,
    /// Always false: the total is not validated in a study of its own.
    pub validated: bool,
    /// Lowest total of each band.
    pub bands: Vec<BandBody>,
    /// The headings that rules are listed under, in the order of the rules.
    pub categories: Vec<CategoryBody>,
    /// How rules combine.
    pub groups: Vec<RuleGroupBody>,
    /// The scored rules.
    pub rules: Vec<RuleBody>,
    /// Alarms (red flags).
    pub red_flags: Vec<RedFlagRuleBody>,
    /// Published instruments.
    pub instruments: Vec<InstrumentRuleBody>,
    /// Consensus pathways.
    pub pathways: Vec<PathwayRuleBody>,
    /// Advice for findings.
    pub recommendations: Vec<AdviceRuleBody>,
    /// What findings can lead to.
    pub risks: Vec<AdviceRuleBody>,
    /// When the next screen is suggested, by band.
    pub next_screens: Vec<NextScreenRuleBody>,
    /// What was measured of the total; empty if nothing was. It is added after the release of a table.
    pub evidence: Vec<TotalEvidenceBody>,
    /// All sources, by id.
    pub sources: Vec<CitationBody>,
}

/// A source of the rule table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Citation)]
pub struct CitationBody {
    /// Id of the source.
    pub id: String,
    /// Kind of source.
    pub kind: SourceKindName,
    /// The citation.
    pub cite: String,
    /// Digital object identifier (DOI).
    #[schema(required)]
    pub doi: Option<String>,
}

/// A band of the total.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BandStart)]
pub struct BandBody {
    /// Which band.
    pub band: BandName,
    /// Lowest total of the band.
    pub from: i32,
    /// Label for the person.
    pub label: String,
    /// Sources of the band.
    pub sources: Vec<SourceBody>,
}

/// A heading that rules are listed under.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleCategory)]
pub struct CategoryBody {
    /// Id of the category, as in rules and findings.
    pub id: String,
    /// The heading.
    pub title: String,
}

/// How the rules of a group combine.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleGroup)]
pub struct RuleGroupBody {
    /// Id of the group.
    pub id: String,
    /// `steps`: they partition one item's range; `highest_of`: only the highest counts; `cap`: the sum counts up to the cap.
    pub combination: &'static str,
    /// The item whose range the steps partition.
    #[schema(value_type = Option<ItemIdName>)]
    pub item: Option<String>,
    /// The cap, points.
    pub cap: Option<i32>,
}

/// A scored rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScoredRule)]
pub struct RuleBody {
    /// Id of the rule.
    pub id: String,
    /// Heading that the rule is listed under.
    pub category: String,
    /// Group that the rule belongs to.
    pub group: Option<String>,
    /// Points if the rule applies.
    pub points: i32,
    /// When the rule applies, in the rule table's grammar.
    pub when: Value,
    /// The same in words.
    pub when_text: String,
    /// Why the rule counts; empty for a step of 0 points.
    pub reason: String,
    /// Why the points differ from the tier rule.
    pub note: Option<String>,
    /// Sources of the rule.
    pub sources: Vec<SourceBody>,
}

/// An alarm (red flag) of the rule table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RedFlagRule)]
pub struct RedFlagRuleBody {
    /// Id of the red flag.
    pub id: String,
    /// The care level that the red flag raises to.
    pub level: CareLevelName,
    /// Whether the red flag flags a submission.
    pub flags: bool,
    /// How soon staff should act on it; null in tables that do not state it.
    pub urgency: Option<UrgencyName>,
    /// The kind of evidence; reasons of two kinds make a follow-up more urgent. Null if the urgency is today or not stated.
    pub family: Option<FamilyName>,
    /// When the red flag applies, in the rule table's grammar.
    pub when: Value,
    /// The same in words.
    pub when_text: String,
    /// Reason for the alarm.
    pub reason: String,
    /// Sources of the red flag.
    pub sources: Vec<SourceBody>,
    /// What in it rests on less than a source that was read, in English.
    pub note: Option<String>,
}

page!(
    /// All rule tables, oldest first.
    RuleTablePage of RuleTableSummaryBody, from RuleTableSummaryBody
);

impl RuleTableBody {
    pub fn new(wording: Wording<'_>, digest: &str) -> Self {
        let (table, texts) = (wording.table, wording.texts());
        Self {
            version: table.version.to_string(),
            digest: digest.to_owned(),
            language: LanguageName(wording.language),
            sources_language: SOURCES,
            max_total: table.max_total(),
            validated: false,
            bands: bands(wording),
            categories: categories(wording),
            groups: groups(table),
            rules: table.rules.iter().map(|entry| rule(wording, entry)).collect(),
            red_flags: table.red_flags.iter().map(|flag| red_flag(wording, flag)).collect(),
            instruments: table.instruments.iter().map(|entry| wording.instrument_rule(entry)).collect(),
            pathways: table.pathways.iter().map(|entry| wording.pathway_rule(entry)).collect(),
            recommendations: wording.advice_rules(&table.recommendations, texts.map(|texts| &texts.recommendations)),
            risks: wording.advice_rules(&table.risks, texts.map(|texts| &texts.risks)),
            next_screens: wording.next_screens(),
            evidence: table.evidence.iter().map(TotalEvidenceBody::from).collect(),
            sources: citations(table),
        }
    }
}

fn citations(table: &RuleTable) -> Vec<CitationBody> {
    let citation = |(id, source): (&Id, &Source)| CitationBody {
        id: id.to_string(),
        kind: SourceKindName(source.kind),
        cite: source.cite.clone(),
        doi: source.doi.clone(),
    };
    table.sources.iter().map(citation).collect()
}

pub(super) fn bands(wording: Wording<'_>) -> Vec<BandBody> {
    let starts = wording.table.bands;
    let texts = wording.texts().map(|texts| &texts.bands);
    let bands = Band::ALL.into_iter().zip(&wording.table.band_sources).map(|(band, sources)| BandBody {
        band: BandName(band),
        from: match band {
            Band::Low => 0,
            Band::Moderate => starts.moderate,
            Band::High => starts.high,
        },
        label: text(texts, band.as_str()).to_owned(),
        sources: wording.sources(sources),
    });
    bands.collect()
}

fn categories(wording: Wording<'_>) -> Vec<CategoryBody> {
    let titles = wording.texts().map(|texts| &texts.categories);
    let mut found: Vec<CategoryBody> = Vec::new();
    for Rule { category, .. } in &wording.table.rules {
        if !found.iter().any(|known| known.id == **category) {
            found.push(CategoryBody { id: category.to_string(), title: text(titles, category).to_owned() });
        }
    }
    found
}

fn groups(table: &RuleTable) -> Vec<RuleGroupBody> {
    let group = |group: &Group| {
        let (combination, item, cap) = match group.combination {
            Combination::Steps(item) => ("steps", Some(item.id().to_owned()), None),
            Combination::HighestOf => ("highest_of", None, None),
            Combination::Cap(cap) => ("cap", None, Some(cap)),
        };
        RuleGroupBody { id: group.id.to_string(), combination, item, cap }
    };
    table.groups.iter().map(group).collect()
}

fn rule(wording: Wording<'_>, rule: &Rule) -> RuleBody {
    let reason = wording.texts().and_then(|texts| texts.rules.get(&*rule.id));
    RuleBody {
        id: rule.id.to_string(),
        category: rule.category.to_string(),
        group: rule.group.as_ref().map(ToString::to_string),
        points: rule.points,
        when: rule.stated.clone(),
        when_text: wording.condition(&rule.when),
        reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
        note: rule.note.clone(),
        sources: wording.sources(&rule.sources),
    }
}

fn red_flag(wording: Wording<'_>, flag: &RedFlag) -> RedFlagRuleBody {
    let reason = wording.texts().and_then(|texts| texts.red_flags.get(&*flag.id));
    RedFlagRuleBody {
        id: flag.id.to_string(),
        level: CareLevelName(flag.level),
        flags: flag.flags,
        urgency: flag.reason.map(|reason| UrgencyName(reason.urgency)),
        family: flag.reason.and_then(|reason| reason.family).map(FamilyName),
        when: flag.stated.clone(),
        when_text: wording.condition(&flag.when),
        reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
        sources: wording.sources(&flag.sources),
        note: flag.note.clone(),
    }
}
