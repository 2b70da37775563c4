//! The linter of the rule table: collects every fault, so that an author sees them all at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::condition::{Check, Condition, Quantity};
use super::fixed::{Fraction, Threshold};
use super::language::Language;
use super::questionnaire::{CATALOGUE, Group as ItemGroup, Item, Kind};
use super::red_flag::CareLevel;
use super::rule_table::{Band, Combination, Id, RuleTable, SourceUse};
use super::texts::Texts;

/// One fault of a rule table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFault {
    /// Where, such as `rules.age_60_69`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl LintFault {
    /// Builds a fault.
    #[must_use]
    pub fn new(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), message: message.into() }
    }
}

impl fmt::Display for LintFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Every fault of a table that could be read.
pub(super) fn lint(table: &RuleTable) -> Vec<LintFault> {
    let mut lint = Lint { table, faults: Vec::new() };
    lint.unique_ids();
    lint.sources();
    lint.groups();
    lint.conditions();
    lint.bands();
    lint.red_flags();
    lint.instruments();
    lint.recommendations();
    lint.texts();
    // `is` is both ends of a range: its one fault is found at each.
    lint.faults.dedup();
    lint.faults
}

struct Lint<'a> {
    table: &'a RuleTable,
    faults: Vec<LintFault>,
}

impl Lint<'_> {
    fn fault(&mut self, place: &str, message: impl Into<String>) {
        self.faults.push(LintFault::new(place, message));
    }

    fn unique_ids(&mut self) {
        let table = self.table;
        let sections: [(&str, Vec<&Id>); 5] = [
            ("groups", table.groups.iter().map(|entry| &entry.id).collect()),
            ("rules", table.rules.iter().map(|entry| &entry.id).collect()),
            ("red_flags", table.red_flags.iter().map(|entry| &entry.id).collect()),
            ("instruments", table.instruments.iter().map(|entry| &entry.id).collect()),
            ("recommendations", table.recommendations.iter().map(|entry| &entry.id).collect()),
        ];
        for (section, ids) in sections {
            let mut seen = HashSet::new();
            for id in ids {
                if !seen.insert(id) {
                    self.fault(&format!("{section}.{id}"), "the id stands twice");
                }
            }
        }
    }

    fn sources(&mut self) {
        let table = self.table;
        let mut uses: Vec<(String, &[SourceUse])> = Vec::new();
        let bands = Band::ALL.iter().zip(&table.band_sources);
        uses.extend(bands.map(|(band, sources)| (format!("bands.{}", band.as_str()), &sources[..])));
        uses.extend(table.rules.iter().map(|entry| (format!("rules.{}", entry.id), &entry.sources[..])));
        uses.extend(table.red_flags.iter().map(|entry| (format!("red_flags.{}", entry.id), &entry.sources[..])));
        uses.extend(table.instruments.iter().map(|entry| (format!("instruments.{}", entry.id), &entry.sources[..])));
        let advice = table.recommendations.iter();
        uses.extend(advice.map(|entry| (format!("recommendations.{}", entry.id), &entry.sources[..])));
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for (place, sources) in &uses {
            if sources.is_empty() {
                self.fault(place, "has no source");
            }
            for source in *sources {
                used.insert(&source.id);
                if !table.sources.contains_key(&source.id) {
                    self.fault(place, format!("names an unknown source {}", source.id));
                }
            }
        }
        for instrument in &table.instruments {
            for row in &instrument.accuracy {
                used.insert(&row.source);
                if !table.sources.contains_key(row.source.as_str()) {
                    self.fault(&format!("instruments.{}", instrument.id), format!("unknown source {}", row.source));
                }
            }
        }
        for id in table.sources.keys().filter(|id| !used.contains(&***id)) {
            self.fault(&format!("sources.{id}"), "is used by nothing");
        }
    }

    fn groups(&mut self) {
        let table = self.table;
        for rule in &table.rules {
            if let Some(group) = &rule.group
                && !table.groups.iter().any(|known| known.id == *group)
            {
                self.fault(&format!("rules.{}", rule.id), format!("belongs to an unknown group {group}"));
            }
            if rule.points < 0 {
                self.fault(&format!("rules.{}", rule.id), "points must not be negative");
            }
        }
        for group in &table.groups {
            let place = format!("groups.{}", group.id);
            let members: Vec<_> = table.rules.iter().filter(|rule| rule.group.as_ref() == Some(&group.id)).collect();
            if members.is_empty() {
                self.fault(&place, "has no rules");
            }
            match group.combination {
                Combination::Steps(item) => {
                    let conditions: Vec<_> = members.iter().map(|rule| &rule.when).collect();
                    self.partition(&place, item, &conditions);
                }
                Combination::Cap(cap) if cap < 1 => self.fault(&place, "the cap must be at least 1"),
                Combination::Cap(_) | Combination::HighestOf => {}
            }
        }
    }

    /// Every value of the item must satisfy exactly one step.
    fn partition(&mut self, place: &str, item: Item, conditions: &[&Condition]) {
        let mut checks = Vec::new();
        for condition in conditions {
            match condition {
                Condition::Test { quantity: Quantity::Item(tested), check } if *tested == item => checks.push(check),
                _ => return self.fault(place, format!("each step must test {} and nothing else", item.id())),
            }
        }
        for (count, what) in [(0, "gap"), (2, "overlap")] {
            let found = values(item).find(|(value, _)| {
                let holding = checks.iter().filter(|check| check.holds(*value)).count();
                if count == 0 { holding == 0 } else { holding >= 2 }
            });
            if let Some((_, shown)) = found {
                self.fault(place, format!("the steps have a {what} at {} = {shown}", item.id()));
            }
        }
    }

    fn conditions(&mut self) {
        let table = self.table;
        let rules = table.rules.iter().map(|rule| (format!("rules.{}", rule.id), &rule.when));
        let flags = table.red_flags.iter().map(|flag| (format!("red_flags.{}", flag.id), &flag.when));
        for (place, when) in rules.chain(flags) {
            for (quantity, check) in when.tests() {
                self.thresholds(&place, quantity, check);
            }
            if !reachable(when) {
                self.fault(&place, "no answers can satisfy it");
            }
        }
    }

    fn thresholds(&mut self, place: &str, quantity: Quantity, check: &Check) {
        let Check::Between { low, high } = check else { return };
        let (least, greatest) = range(quantity);
        for end in [low, high].into_iter().flatten() {
            if end.threshold < least || end.threshold > greatest {
                let message = format!(
                    "the threshold {} is outside the range of {}, {} to {}",
                    end.threshold.value(),
                    quantity.id(),
                    least.value(),
                    greatest.value()
                );
                self.fault(place, message);
            }
        }
    }

    fn bands(&mut self) {
        let starts = self.table.bands;
        if starts.moderate < 1 || starts.high <= starts.moderate {
            self.fault("bands", "must ascend and leave no band empty");
        }
        if starts.high > self.table.max_total() {
            let message = format!("high begins at {}, above the reachable {}", starts.high, self.table.max_total());
            self.fault("bands", message);
        }
    }

    fn red_flags(&mut self) {
        for flag in &self.table.red_flags {
            let place = format!("red_flags.{}", flag.id);
            if flag.level >= CareLevel::Consultation24h && !flag.flags {
                self.fault(&place, "a level of consultation_24h and above must flag");
            }
            if flag.level == CareLevel::SelfCare {
                self.fault(&place, "must raise the care level above self_care");
            }
        }
    }

    fn instruments(&mut self) {
        for instrument in &self.table.instruments {
            let place = format!("instruments.{}", instrument.id);
            let points =
                |component: &super::instrument::Component| component.steps.iter().map(|step| step.1).max().unwrap_or(0);
            let greatest: i32 = instrument.components.iter().map(points).sum();
            if instrument.cut_off < 1 || instrument.cut_off > greatest {
                self.fault(&place, format!("the cut-off is outside the reachable range 0 to {greatest}"));
            }
            for component in &instrument.components {
                let overlap = values(component.item)
                    .find(|(value, _)| component.steps.iter().filter(|step| step.0.holds(*value)).count() > 1);
                if let Some((_, shown)) = overlap {
                    self.fault(&place, format!("the steps overlap at {} = {shown}", component.item.id()));
                }
            }
        }
    }

    fn recommendations(&mut self) {
        for recommendation in &self.table.recommendations {
            let place = format!("recommendations.{}", recommendation.id);
            if recommendation.findings.is_empty() {
                self.fault(&place, "is tied to no finding");
            }
            for id in &recommendation.findings {
                if self.table.rule(id).is_none_or(|rule| rule.points == 0) {
                    self.fault(&place, format!("is tied to an unknown finding {id}"));
                }
            }
        }
    }

    fn texts(&mut self) {
        for language in Language::ALL {
            let place = format!("texts.{}", language.code());
            let Some(texts) = self.table.texts(language) else {
                self.fault(&place, "is missing");
                continue;
            };
            for (section, wanted, present) in text_keys(self.table, texts) {
                for key in wanted.iter().filter(|key| present.get(*key).is_none_or(|text| text.trim().is_empty())) {
                    self.fault(&place, format!("no text for {section}.{key}"));
                }
                for key in present.keys().filter(|key| !wanted.contains(*key)) {
                    self.fault(&place, format!("a text for {section}.{key}, which is nothing"));
                }
            }
        }
    }
}

type Keys = (&'static str, BTreeSet<String>, BTreeMap<String, String>);

/// For each section of the texts, the keys that must be there and those that are.
fn text_keys(table: &RuleTable, texts: &Texts) -> Vec<Keys> {
    fn section<'a>(
        name: &'static str,
        wanted: impl IntoIterator<Item = &'a str>,
        present: &BTreeMap<String, String>,
    ) -> Keys {
        (name, wanted.into_iter().map(str::to_owned).collect(), present.clone())
    }
    let flatten = |map: &BTreeMap<String, super::texts::ReasonText>| {
        map.iter().map(|(key, text)| (key.clone(), text.reason.clone())).collect::<BTreeMap<_, _>>()
    };
    let items = texts.items.iter();
    let labels = items.clone().map(|(key, text)| (key.clone(), text.label.clone())).collect();
    let helps = items.map(|(key, text)| (key.clone(), text.help.clone())).collect();
    let options: BTreeMap<String, String> = texts
        .options
        .iter()
        .flat_map(|(item, labels)| labels.iter().map(move |(key, text)| (format!("{item}.{key}"), text.clone())))
        .collect();
    let wanted_options: Vec<String> = CATALOGUE
        .iter()
        .flat_map(|spec| spec.kind.options().iter().map(move |option| format!("{}.{option}", spec.id)))
        .collect();
    let units = CATALOGUE.iter().filter_map(|spec| match spec.kind {
        Kind::Number { unit, .. } => Some(unit),
        _ => None,
    });
    let names = texts.instruments.iter().map(|(key, text)| (key.clone(), text.name.clone())).collect();
    let explained = texts.instruments.iter().map(|(key, text)| (key.clone(), text.explanation.clone())).collect();
    let ids = || CATALOGUE.iter().map(|spec| spec.id);
    let scored = table.rules.iter().filter(|rule| rule.points > 0).map(|rule| &*rule.id);
    let instruments = || table.instruments.iter().map(|entry| &*entry.id);
    let bands = Band::ALL.iter().map(|band| band.as_str()).chain(["unsettled"]);
    let levels = CareLevel::ALL.iter().map(|level| level.as_str()).chain(["unknown"]);
    vec![
        section("groups", ItemGroup::ALL.map(ItemGroup::as_str), &texts.groups),
        section("items (label)", ids(), &labels),
        section("items (help)", ids(), &helps),
        section("options", wanted_options.iter().map(String::as_str), &options),
        section("units", units, &texts.units),
        section("categories", table.rules.iter().map(|rule| &*rule.category), &texts.categories),
        section("bands", bands, &texts.bands),
        section("rules", scored, &flatten(&texts.rules)),
        section("red_flags", table.red_flags.iter().map(|entry| &*entry.id), &flatten(&texts.red_flags)),
        section("care_levels", levels, &texts.care_levels),
        section("instruments (name)", instruments(), &names),
        section("instruments (explanation)", instruments(), &explained),
        section("recommendations", table.recommendations.iter().map(|entry| &*entry.id), &texts.recommendations),
    ]
}

/// Every value that an item can have, with how it is shown.
fn values(item: Item) -> Box<dyn Iterator<Item = (Fraction, String)>> {
    let whole = |value: i64| Fraction { numerator: value, denominator: 1 };
    match item.spec().kind {
        Kind::Number { minimum, maximum, step, scale, .. } => {
            let steps = (minimum..=maximum).step_by(step.unsigned_abs() as usize);
            Box::new(steps.map(move |units| {
                let value = Fraction { numerator: i64::from(units), denominator: i64::from(scale) };
                (value, (f64::from(units) / f64::from(scale)).to_string())
            }))
        }
        Kind::Flag => Box::new((0..2).map(move |flag| (whole(flag), (flag == 1).to_string()))),
        Kind::Choice(options) => {
            Box::new((0..).zip(options).map(move |(index, option)| (whole(index), (*option).to_owned())))
        }
        Kind::Set { options, .. } => {
            Box::new((0..).zip(options).map(move |(bit, option)| (whole(1 << bit), (*option).to_owned())))
        }
    }
}

/// The range in which a threshold on the quantity makes sense.
fn range(quantity: Quantity) -> (Threshold, Threshold) {
    let thousandths = |thousandths| Threshold { thousandths };
    match quantity {
        Quantity::Item(item) => match item.spec().kind {
            Kind::Number { minimum, maximum, scale, .. } => {
                let in_thousandths = |units: i32| thousandths(i64::from(units) * 1000 / i64::from(scale));
                (in_thousandths(minimum), in_thousandths(maximum))
            }
            Kind::Flag | Kind::Choice(_) | Kind::Set { .. } => (thousandths(0), thousandths(0)),
        },
        // The plausibility limits of the body mass index.
        Quantity::Bmi => (thousandths(10_000), thousandths(80_000)),
        Quantity::WeightLoss6MonthsPercent => (thousandths(0), thousandths(50_000)),
        Quantity::CreatineKinaseRatio | Quantity::MyoglobinRatio => (thousandths(0), thousandths(25_000_000)),
    }
}

/// Whether some answers satisfy the condition. Tests of one item within an `all_of` are tried together.
fn reachable(condition: &Condition) -> bool {
    match condition {
        Condition::Test { quantity: Quantity::Item(item), check } => values(*item).any(|(value, _)| check.holds(value)),
        Condition::Test { check: Check::Between { low: Some(low), high: Some(high) }, .. } => {
            low.threshold < high.threshold || (low.threshold == high.threshold && low.inclusive && high.inclusive)
        }
        Condition::Test { .. } => true,
        Condition::AnyOf(parts) => parts.iter().any(reachable),
        Condition::AllOf(parts) => {
            let mut checks: BTreeMap<Item, Vec<&Check>> = BTreeMap::new();
            for part in parts {
                if let Condition::Test { quantity: Quantity::Item(item), check } = part
                    && !matches!(check, Check::Includes(_))
                {
                    checks.entry(*item).or_default().push(check);
                }
            }
            let together = |(item, checks): (&Item, &Vec<&Check>)| {
                values(*item).any(|(value, _)| checks.iter().all(|check| check.holds(value)))
            };
            parts.iter().all(reachable) && checks.iter().all(together)
        }
    }
}
