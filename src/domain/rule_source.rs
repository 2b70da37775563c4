//! Reads the TOML of a rule table. Collects every fault instead of stopping at the first.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Value;

use super::condition::{Check, Condition, End, Quantity};
use super::fixed::{Threshold, to_units};
use super::instrument::{Accuracy, Component, Instrument, PositiveWhen};
use super::questionnaire::{Item, Kind};
use super::red_flag::CareLevel;
use super::rule_lint::LintFault;
use super::rule_table::{BandStarts, Combination, Group, Id, RedFlag, Rule, RuleFiles, RuleTable, SourceUse, Unit};
use super::texts::Texts;

/// Reads the files of one version. `None` when a file is missing or is not TOML of the right outline.
pub(super) fn read(files: &RuleFiles, faults: &mut Vec<LintFault>) -> Option<RuleTable> {
    let source: SourceTable = file(files, "table.toml", faults)?;
    let mut texts = std::collections::BTreeMap::new();
    for name in files.keys().filter(|name| name.starts_with("texts.")) {
        if let Some(read) = file::<Texts>(files, name, faults) {
            texts.insert(read.language, read);
        }
    }
    let bands = read_bands(&source.bands, faults);
    let groups = entries("groups", source.groups, faults, group);
    let rules = entries("rules", source.rules, faults, rule);
    Some(RuleTable {
        version: source.version,
        bands,
        band_sources: source.bands.into_iter().map(|band| band.sources).collect(),
        sources: source.sources,
        units: Unit::all(&groups, &rules),
        groups,
        rules,
        red_flags: entries("red_flags", source.red_flags, faults, red_flag),
        instruments: entries("instruments", source.instruments, faults, instrument),
        recommendations: entries("recommendations", source.recommendations, faults, |_, entry, _| Some(entry)),
        texts,
    })
}

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
    recommendations: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceBand {
    id: super::rule_table::Band,
    from: i32,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceGroup {
    id: Id,
    kind: String,
    item: Option<String>,
    cap: Option<i32>,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRedFlag {
    id: Id,
    level: CareLevel,
    flags: bool,
    #[serde(default)]
    laboratory: bool,
    when: Value,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceInstrument {
    id: Id,
    age_from: i32,
    flags: bool,
    positive_when: PositiveWhen,
    cut_off: i32,
    licence: String,
    components: Vec<SourceComponent>,
    accuracy: Vec<Accuracy>,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceComponent {
    item: String,
    steps: Vec<toml::Table>,
}

fn file<T: DeserializeOwned>(files: &RuleFiles, name: &str, faults: &mut Vec<LintFault>) -> Option<T> {
    let Some(text) = files.get(name) else {
        faults.push(LintFault::new(name, "the file is missing"));
        return None;
    };
    toml::from_str(text).map_err(|error| faults.push(LintFault::new(name, error.to_string().trim().to_owned()))).ok()
}

/// Reads each entry on its own, so that one that cannot be read does not hide the faults of the others.
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

fn rule(place: &str, source: SourceRule, faults: &mut Vec<LintFault>) -> Option<Rule> {
    Some(Rule {
        when: condition(place, &source.when, faults)?,
        stated: stated(&source.when),
        id: source.id,
        group: source.group,
        category: source.category,
        points: source.points,
        note: source.note,
        sources: source.sources,
    })
}

fn red_flag(place: &str, source: SourceRedFlag, faults: &mut Vec<LintFault>) -> Option<RedFlag> {
    Some(RedFlag {
        when: condition(place, &source.when, faults)?,
        stated: stated(&source.when),
        id: source.id,
        level: source.level,
        flags: source.flags,
        laboratory: source.laboratory,
        sources: source.sources,
    })
}

fn instrument(place: &str, source: SourceInstrument, faults: &mut Vec<LintFault>) -> Option<Instrument> {
    let mut components = Vec::new();
    for component in source.components {
        let Some(item) = Item::from_id(&component.item) else {
            return fault(faults, place, &format!("names an unknown item {}", component.item));
        };
        let mut steps = Vec::new();
        let stated = serde_json::to_value(&component.steps).unwrap_or_default();
        for mut step in component.steps {
            let points = step.remove("points").and_then(|points| points.as_integer());
            let Some(points) = points.and_then(|points| i32::try_from(points).ok()) else {
                return fault(faults, place, "a step has no points");
            };
            steps.push((check(place, Quantity::Item(item), &step, faults)?, points));
        }
        components.push(Component { item, steps, stated });
    }
    Some(Instrument {
        id: source.id,
        age_from: source.age_from,
        flags: source.flags,
        positive_when: source.positive_when,
        cut_off: source.cut_off,
        components,
        accuracy: source.accuracy,
        licence: source.licence,
        sources: source.sources,
    })
}

fn condition(place: &str, value: &Value, faults: &mut Vec<LintFault>) -> Option<Condition> {
    let Some(table) = value.as_table() else {
        return fault(faults, place, "a condition must be a table");
    };
    for (key, build) in [("any_of", Condition::AnyOf as fn(Vec<Condition>) -> Condition), ("all_of", Condition::AllOf)]
    {
        if let Some(parts) = table.get(key) {
            return match parts.as_array() {
                Some(parts) if table.len() == 1 && !parts.is_empty() => {
                    let built: Vec<_> = parts.iter().filter_map(|part| condition(place, part, faults)).collect();
                    (built.len() == parts.len()).then(|| build(built))
                }
                _ => fault(faults, place, &format!("{key} must stand alone and hold conditions")),
            };
        }
    }
    let mut check_table = table.clone();
    let name = check_table.remove("item");
    let Some(quantity) = name.as_ref().and_then(Value::as_str).and_then(Quantity::from_id) else {
        let name = name.as_ref().and_then(Value::as_str).unwrap_or("nothing");
        return fault(faults, place, &format!("names an unknown item: {name}"));
    };
    Some(Condition::Test { quantity, check: check(place, quantity, &check_table, faults)? })
}

/// The condition as it is written, for showing. TOML values of a condition always have a JSON form.
fn stated(when: &Value) -> serde_json::Value {
    serde_json::to_value(when).unwrap_or_default()
}

/// Reads the operators of one test, in the kind of value that the quantity has.
fn check(place: &str, quantity: Quantity, operators: &toml::Table, faults: &mut Vec<LintFault>) -> Option<Check> {
    let kind = match quantity {
        Quantity::Item(item) => item.spec().kind,
        _ => Kind::Number { minimum: 0, maximum: i32::MAX, step: 1, scale: 1000, unit: "" },
    };
    let only = |name: &str| (operators.len() == 1).then(|| operators.get(name)).flatten();
    let built = match kind {
        Kind::Flag => only("is").and_then(Value::as_bool).map(|is| Check::OneOf(if is { 2 } else { 1 })),
        Kind::Choice(options) => {
            let one = only("is").map(std::slice::from_ref);
            let many = only("one_of").and_then(Value::as_array).map(Vec::as_slice);
            one.or(many).and_then(|chosen| mask(options, chosen)).map(Check::OneOf)
        }
        Kind::Set { options, .. } => {
            only("includes").map(std::slice::from_ref).and_then(|chosen| mask(options, chosen)).map(Check::Includes)
        }
        Kind::Number { .. } => between(operators),
    };
    built.or_else(|| {
        let message = format!("an operator, its type or an option does not fit {}: {operators}", quantity.id());
        fault(faults, place, message.replace('\n', " ").trim())
    })
}

fn mask(options: &[&str], chosen: &[Value]) -> Option<u32> {
    let bit = |value: &Value| {
        let index = options.iter().position(|option| Some(*option) == value.as_str())?;
        Some(1_u32 << index)
    };
    chosen.iter().map(bit).try_fold(0, |mask, bit| Some(mask | bit?)).filter(|mask| *mask != 0)
}

fn between(operators: &toml::Table) -> Option<Check> {
    let (mut low, mut high) = (None, None);
    for (name, value) in operators {
        let threshold = threshold(value)?;
        let ends: &mut [&mut Option<End>] = match name.as_str() {
            "is" => &mut [&mut low, &mut high],
            "at_least" | "more_than" => &mut [&mut low],
            "at_most" | "less_than" => &mut [&mut high],
            _ => return None,
        };
        let inclusive = !matches!(name.as_str(), "more_than" | "less_than");
        for end in ends {
            if end.replace(End { threshold, inclusive }).is_some() {
                return None;
            }
        }
    }
    (low.is_some() || high.is_some()).then_some(Check::Between { low, high })
}

fn threshold(value: &Value) -> Option<Threshold> {
    match value {
        Value::Integer(whole) => Some(Threshold { thousandths: whole.checked_mul(1000)? }),
        Value::Float(decimal) => to_units(*decimal, 1000).map(|units| Threshold { thousandths: i64::from(units) }),
        _ => None,
    }
}

fn fault<T>(faults: &mut Vec<LintFault>, place: &str, message: &str) -> Option<T> {
    faults.push(LintFault::new(place, message));
    None
}
