//! Parses the TOML of a rule table. It collects every fault instead of stopping at the first.

mod condition;
mod instrument;
mod pathway;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Value;

use self::condition::{condition, criterion};
use super::asked::Asked;
use super::assessment::FlagKind;
use super::instrument::Instrument;
use super::questionnaire::Item;
use super::red_flag::CareLevel;
use super::rule_lint::LintFault;
use super::rule_table::{
    Advice, BandStarts, Combination, Family, Group, Id, NextScreen, RedFlag, Rule, RuleFiles, RuleTable, SourceUse,
    StatedReason, Unit,
};
use super::texts::Texts;
use super::urgency::Urgency;

/// Parses the files of one version. `None` if a file is missing or is not TOML of the expected form.
pub(crate) fn read(files: &RuleFiles, faults: &mut Vec<LintFault>) -> Option<RuleTable> {
    let source = SourceTable::deserialize(Value::Table(merged(files, faults)?));
    let source = source.map_err(|error| faults.push(LintFault::new("table.toml", error.to_string().trim()))).ok()?;
    let mut texts = std::collections::BTreeMap::new();
    for name in files.keys().filter(|name| name.starts_with("texts.")) {
        if let Some(read) = file::<Texts>(files, name, faults) {
            texts.insert(read.language, read);
        }
    }
    let bands = read_bands(&source.bands, faults);
    let groups = entries("groups", source.groups, faults, group);
    let instruments = entries("instruments", source.instruments, faults, instrument::instrument);
    let rules = entries("rules", source.rules, faults, |place, entry, faults| rule(place, entry, &instruments, faults));
    let pathways = entries("pathways", source.pathways, faults, |place, entry, faults| {
        pathway::pathway(place, entry, &instruments, faults)
    });
    let red_flags = entries("red_flags", source.red_flags, faults, |place, entry, faults| {
        red_flag(place, entry, &instruments, faults)
    });
    let mut advised = |section, values| {
        entries(section, values, faults, |place, entry, faults| advice(place, entry, &instruments, faults))
    };
    let (recommendations, risks) = (advised("recommendations", source.recommendations), advised("risks", source.risks));
    let asked = Asked::new(&texts, &source.form, faults);
    Some(RuleTable {
        version: source.version,
        bands,
        high_band: source.bands.last().and_then(|band| StatedReason::of(band.urgency, None)),
        asked,
        band_sources: source.bands.into_iter().map(|band| band.sources).collect(),
        sources: source.sources,
        units: Unit::all(&groups, &rules),
        groups,
        rules,
        red_flags,
        instruments,
        pathways,
        recommendations,
        risks,
        next_screens: entries("next_screens", source.next_screens, faults, |_, entry: NextScreen, _| Some(entry)),
        evidence: Vec::new(),
        texts,
    })
}

/// All files except the texts, merged. Entries are parsed one by one later, so that each reports its own faults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    version: Id,
    bands: Vec<SourceBand>,
    sources: std::collections::BTreeMap<Id, super::rule_table::Source>,
    groups: Vec<Value>,
    rules: Vec<Value>,
    red_flags: Vec<Value>,
    instruments: Vec<Value>,
    #[serde(default)]
    pathways: Vec<Value>,
    recommendations: Vec<Value>,
    #[serde(default)]
    risks: Vec<Value>,
    #[serde(default)]
    next_screens: Vec<Value>,
    #[serde(default)]
    form: SourceForm,
}

/// The order and conditions of the form's questions, as written. Without it, a table asks the catalogue's alarm items in order.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceForm {
    /// The alarm items, in the order of the form.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// Items that are asked only when one of these items is above 0.
    #[serde(default)]
    pub asked_when_above_0: std::collections::BTreeMap<String, Vec<String>>,
    /// Items whose absence alone leaves a rule open although its other parts were reported.
    #[serde(default)]
    pub figures: Vec<String>,
    pub first_open: Option<SourceFirstOpen>,
}

/// The items that come first among the open questions of a person with a moderate total, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceFirstOpen {
    pub items: Vec<String>,
    /// Years.
    pub age_from: i32,
}

/// A band as written, with its lowest total.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceBand {
    id: super::rule_table::Band,
    from: i32,
    urgency: Option<Urgency>,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

/// A group as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceGroup {
    id: Id,
    /// `steps`, `highest_of` or `cap`.
    kind: String,
    /// The item of `steps`.
    item: Option<String>,
    /// Points, for `cap`.
    cap: Option<i32>,
}

/// A scored rule as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRule {
    id: Id,
    group: Option<Id>,
    category: Id,
    points: i32,
    when: Value,
    note: Option<String>,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

/// A red flag as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRedFlag {
    id: Id,
    level: CareLevel,
    flags: bool,
    #[serde(default)]
    laboratory: bool,
    urgency: Option<Urgency>,
    family: Option<Family>,
    when: Value,
    #[serde(default)]
    sources: Vec<SourceUse>,
    note: Option<String>,
}

/// A recommendation or a risk as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceAdvice {
    id: Id,
    findings: Vec<Id>,
    when: Option<Value>,
    #[serde(default)]
    flagged_by: Vec<FlagKind>,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

/// Parses one file; a fault contains the position in the text.
fn file<T: DeserializeOwned>(files: &RuleFiles, name: &str, faults: &mut Vec<LintFault>) -> Option<T> {
    let Some(text) = files.get(name) else {
        faults.push(LintFault::new(name, "the file is missing"));
        return None;
    };
    toml::from_str(text).map_err(|error| faults.push(LintFault::new(name, error.to_string().trim().to_owned()))).ok()
}

/// Merges all files except the texts: lists are concatenated, tables united.
fn merged(files: &RuleFiles, faults: &mut Vec<LintFault>) -> Option<toml::Table> {
    let mut whole: toml::Table = file(files, "table.toml", faults)?;
    for name in files.keys().filter(|name| *name != "table.toml" && !name.starts_with("texts.")) {
        let part: toml::Table = file(files, name, faults)?;
        for (key, value) in part {
            match (whole.get_mut(&key), value) {
                (None, value) => {
                    whole.insert(key, value);
                }
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (Some(Value::Table(table)), Value::Table(more)) => {
                    for (id, entry) in more {
                        if table.insert(id.clone(), entry).is_some() {
                            faults.push(LintFault::new(name, format!("{key}.{id} is also in another file")));
                        }
                    }
                }
                _ => faults.push(LintFault::new(name, format!("{key} is also in another file"))),
            }
        }
    }
    Some(whole)
}

/// Parses each entry separately, so that one that cannot be parsed does not hide the faults of the others.
fn entries<S: DeserializeOwned, T>(
    section: &str,
    values: Vec<Value>,
    faults: &mut Vec<LintFault>,
    build: impl Fn(&str, S, &mut Vec<LintFault>) -> Option<T>,
) -> Vec<T> {
    let mut built = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let id = value.get("id").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
        let place = format!("{section}.{id}");
        match S::deserialize(value) {
            Ok(source) => built.extend(build(&place, source, faults)),
            Err(error) => faults.push(LintFault::new(&place, error.to_string().trim().to_owned())),
        }
    }
    built
}

/// Parses the bands: low from 0, then moderate, then high.
fn read_bands(bands: &[SourceBand], faults: &mut Vec<LintFault>) -> BandStarts {
    use super::rule_table::Band;
    if let [low, moderate, high] = bands
        && (low.id, moderate.id, high.id) == (Band::Low, Band::Moderate, Band::High)
        && low.from == 0
    {
        return BandStarts { moderate: moderate.from, high: high.from };
    }
    faults.push(LintFault::new("bands", "must be low from 0, then moderate, then high"));
    BandStarts { moderate: 1, high: 2 }
}

/// Parses a group; each kind takes its own field and no other.
fn group(place: &str, source: SourceGroup, faults: &mut Vec<LintFault>) -> Option<Group> {
    let item = source.item.as_deref().map(Item::from_id);
    let combination = match (source.kind.as_str(), item, source.cap) {
        ("steps", Some(Some(item)), None) => Combination::Steps(item),
        ("steps", Some(None), _) => return fault(faults, place, "names an unknown item"),
        ("highest_of", None, None) => Combination::HighestOf,
        ("cap", None, Some(cap)) => Combination::Cap(cap),
        _ => return fault(faults, place, "must be steps with an item, highest_of, or cap with a cap"),
    };
    Some(Group { id: source.id, combination })
}

fn rule(place: &str, source: SourceRule, instruments: &[Instrument], faults: &mut Vec<LintFault>) -> Option<Rule> {
    Some(Rule {
        when: condition(place, &source.when, instruments, faults)?,
        stated: condition::stated(&source.when),
        id: source.id,
        group: source.group,
        category: source.category,
        points: source.points,
        note: source.note,
        sources: source.sources,
    })
}

fn red_flag(
    place: &str,
    source: SourceRedFlag,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<RedFlag> {
    let when = condition(place, &source.when, instruments, faults)?;
    Some(RedFlag {
        items: when.items(),
        when,
        stated: condition::stated(&source.when),
        id: source.id,
        level: source.level,
        flags: source.flags,
        laboratory: source.laboratory,
        reason: StatedReason::of(source.urgency, source.family),
        sources: source.sources,
        note: source.note,
    })
}

fn advice(
    place: &str,
    source: SourceAdvice,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<Advice> {
    let when = match &source.when {
        Some(when) => Some(criterion(place, when, instruments, faults)?),
        None => None,
    };
    let (id, findings, flagged_by) = (source.id, source.findings, source.flagged_by);
    Some(Advice { id, findings, when, flagged_by, sources: source.sources })
}

/// Records a fault and returns `None`.
fn fault<T>(faults: &mut Vec<LintFault>, place: &str, message: &str) -> Option<T> {
    faults.push(LintFault::new(place, message));
    None
}
