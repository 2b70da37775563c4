//! The linter of the rule table. It collects every fault, so that an author sees them all at once.

mod instruments;
mod texts;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use self::values::{range, reachable, values};

use super::condition::{Check, Condition, Quantity};
use super::questionnaire::{Group, Item};
use super::red_flag::CareLevel;
use super::rule_table::{Advice, Band, Combination, Confidence, Id, RuleTable, SourceUse, StatedReason};
use super::urgency::Urgency;

/// The greatest sum that the search for open questions can represent.
const GREATEST_SUM: i32 = 127;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFault {
    /// The place, such as `rules.age_60_69`.
    pub place: String,
    pub message: String,
}

impl LintFault {
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

/// Every fault of a table that could be parsed.
pub(crate) fn lint(table: &RuleTable) -> Vec<LintFault> {
    let mut lint = Lint { table, faults: Vec::new() };
    lint.unique_ids();
    lint.sources();
    lint.groups();
    lint.conditions();
    lint.bands();
    lint.red_flags();
    lint.reasons();
    lint.asked();
    lint.units();
    lint.instruments();
    lint.pathways();
    lint.advised();
    lint.texts();
    // `is` sets both ends of a range, so its fault is found twice.
    lint.faults.dedup();
    lint.faults
}

/// Walks a table and collects faults.
struct Lint<'a> {
    table: &'a RuleTable,
    faults: Vec<LintFault>,
}

impl Lint<'_> {
    fn fault(&mut self, place: &str, message: impl Into<String>) {
        self.faults.push(LintFault::new(place, message));
    }

    /// Checks that the ids of a section are unique.
    fn unique_ids(&mut self) {
        let table = self.table;
        let pathways: Vec<Id> = table.pathways.iter().map(|entry| Id::from(entry.id.as_str())).collect();
        let sections: [(&str, Vec<&Id>); 7] = [
            ("pathways", pathways.iter().collect()),
            ("risks", table.risks.iter().map(|entry| &entry.id).collect()),
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
                    self.fault(&format!("{section}.{id}"), "the id is used twice");
                }
            }
        }
    }

    /// Checks that every entry has a source, every named source exists, and every source is used.
    fn sources(&mut self) {
        let table = self.table;
        let mut uses: Vec<(String, &[SourceUse])> = Vec::new();
        let bands = Band::ALL.iter().zip(&table.band_sources);
        uses.extend(bands.map(|(band, sources)| (format!("bands.{}", band.as_str()), &sources[..])));
        uses.extend(table.rules.iter().map(|entry| (format!("rules.{}", entry.id), &entry.sources[..])));
        uses.extend(table.red_flags.iter().map(|entry| (format!("red_flags.{}", entry.id), &entry.sources[..])));
        uses.extend(table.instruments.iter().map(|entry| (format!("instruments.{}", entry.id), &entry.sources[..])));
        uses.extend(table.pathways.iter().map(|entry| (format!("pathways.{}", entry.id.as_str()), &entry.sources[..])));
        uses.extend(advice(table).map(|(section, entry)| (format!("{section}.{}", entry.id), &entry.sources[..])));
        let next = table.next_screens.iter();
        uses.extend(next.map(|entry| (format!("next_screens.{}", entry.band.as_str()), &entry.sources[..])));
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
            self.fault(&format!("sources.{id}"), "is never used");
        }
    }

    /// Checks that groups exist and have rules, and that steps partition their item's whole range.
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

    /// Checks that every value of the item satisfies exactly one step.
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

    /// Checks that cut-offs are in the range of their quantity, and that each condition can be true.
    fn conditions(&mut self) {
        let table = self.table;
        let rules = table.rules.iter().map(|rule| (format!("rules.{}", rule.id), &rule.when));
        let flags = table.red_flags.iter().map(|flag| (format!("red_flags.{}", flag.id), &flag.when));
        let advice = advice(table).filter_map(|(section, entry)| {
            let criterion = entry.when.as_ref()?;
            Some((format!("{section}.{}", entry.id), &criterion.when))
        });
        let conditions: Vec<_> = rules.chain(flags).chain(advice).chain(instruments::conditions(table)).collect();
        for (place, when) in conditions {
            for (quantity, check) in when.tests() {
                self.thresholds(&place, quantity, check);
            }
            if !reachable(when) {
                self.fault(&place, "no answers can satisfy it");
            }
        }
    }

    /// Checks that no item is in two units, because the bounds of the total are the sums of the units' bounds.
    fn units(&mut self) {
        let table = self.table;
        let mut fed: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, unit) in table.units.iter().enumerate() {
            for rule in unit.rules.iter().map(|index| &table.rules[*index]) {
                for item in rule.when.tests().iter().flat_map(|(quantity, _)| quantity.inputs().to_vec()) {
                    if *fed.entry(item.id()).or_insert(place) != place {
                        self.fault(
                            &format!("rules.{}", rule.id),
                            format!("{} feeds two units of the total", item.id()),
                        );
                    }
                }
            }
        }
        if table.max_total() > GREATEST_SUM {
            self.fault("rules", format!("the reachable total is above {GREATEST_SUM}"));
        }
    }

    /// Checks that each end of a range is within the quantity's range.
    fn thresholds(&mut self, place: &str, quantity: Quantity, check: &Check) {
        let Check::Between { low, high } = check else { return };
        if !matches!(quantity, Quantity::Item(_)) && low.is_some() && high.is_some() {
            self.fault(place, format!("{} may be compared at one end only", quantity.id()));
        }
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

    /// Checks that bands ascend and can be reached.
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

    /// Checks that red flags raise the care level, and that the urgent ones flag.
    fn red_flags(&mut self) {
        for flag in &self.table.red_flags {
            let place = format!("red_flags.{}", flag.id);
            if flag.level >= CareLevel::Consultation24h && !flag.flags {
                self.fault(&place, "a level of consultation_24h and above must flag");
            }
            if flag.level == CareLevel::SelfCare {
                self.fault(&place, "must raise the care level above self_care");
            }
            let cut_off = flag.when.tests().iter().any(|(_, check)| matches!(check, Check::Between { .. }));
            let open = flag.sources.iter().any(|source| source.confidence != Confidence::Confirmed);
            let weighty = flag.level >= CareLevel::Emergency || cut_off;
            if self.table.states_urgency() && weighty && open && flag.note.is_none() {
                self.fault(
                    &place,
                    "is an emergency or has a cut-off, has a source that is not confirmed, and has no note",
                );
            }
        }
    }

    /// Checks that each reason to flag has an urgency if the table states urgencies, and a family unless it is for today.
    fn reasons(&mut self) {
        let table = self.table;
        let flags = table.red_flags.iter().filter(|flag| flag.flags);
        let flags = flags.map(|flag| (format!("red_flags.{}", flag.id), flag.reason));
        let instruments = table.instruments.iter().filter(|instrument| instrument.flags);
        let instruments = instruments.map(|entry| (format!("instruments.{}", entry.id), entry.reason));
        let pathways = table.pathways.iter().map(|entry| (format!("pathways.{}", entry.id.as_str()), entry.reason));
        for (place, reason) in flags.chain(instruments).chain(pathways) {
            match reason {
                Some(_) if !table.states_urgency() => self.fault(&place, "has an urgency, and the high band has none"),
                None if table.states_urgency() => self.fault(&place, "flags and has no urgency"),
                Some(StatedReason { urgency, family: None }) if urgency != Urgency::Today => {
                    self.fault(&place, "has no family; only a reason for today needs none");
                }
                _ => {}
            }
        }
        for flag in table.red_flags.iter().filter(|flag| flag.level >= CareLevel::Consultation24h) {
            if flag.reason.is_some_and(|reason| reason.urgency != Urgency::Today) {
                self.fault(&format!("red_flags.{}", flag.id), "a level of consultation_24h and above is for today");
            }
        }
    }

    /// Checks that every item and option of a condition is asked, and that the form has every alarm item once.
    fn asked(&mut self) {
        let table = self.table;
        let rules = table.rules.iter().map(|rule| (format!("rules.{}", rule.id), &rule.when));
        let flags = table.red_flags.iter().map(|flag| (format!("red_flags.{}", flag.id), &flag.when));
        let advice = advice(table)
            .filter_map(|(section, entry)| Some((format!("{section}.{}", entry.id), &entry.when.as_ref()?.when)));
        let conditions: Vec<_> = rules.chain(flags).chain(advice).chain(instruments::conditions(table)).collect();
        for (place, when) in conditions {
            for item in when.items().without(table.asked.items).iter() {
                self.fault(&place, format!("{} is not asked: it has no text", item.id()));
            }
            for (quantity, check) in when.tests() {
                let (Quantity::Item(item), Check::OneOf(mask) | Check::Includes(mask)) = (quantity, check) else {
                    continue;
                };
                let options = item.spec().kind.options();
                for (_, option) in (0..).zip(options).filter(|(bit, _)| mask & (1 << bit) != 0) {
                    if !table.asked.options(item).any(|asked| asked == *option) {
                        self.fault(&place, format!("{}.{option} is not asked: it has no text", item.id()));
                    }
                }
            }
        }
        let of_group = table.asked.items.iter().filter(|item| item.spec().group == Group::Alarm);
        let (mut wanted, mut rows) = (of_group.collect::<Vec<_>>(), table.asked.alarms.clone());
        wanted.sort_unstable();
        rows.sort_unstable();
        if wanted != rows {
            self.fault("form.alarms", "must name every alarm item that has a text, once each");
        }
    }

    /// Checks that advice and risks are tied to findings, and that the next screenings name each band once.
    fn advised(&mut self) {
        let table = self.table;
        for (section, entry) in advice(table) {
            let place = format!("{section}.{}", entry.id);
            if entry.findings.is_empty() && entry.when.is_none() && entry.flagged_by.is_empty() {
                self.fault(&place, "has no finding, condition or flag reason");
            }
            for id in &entry.findings {
                if table.rule(id).is_none_or(|rule| rule.points == 0) {
                    self.fault(&place, format!("names an unknown finding {id}"));
                }
            }
        }
        let bands: Vec<_> = table.next_screens.iter().map(|next| next.band).collect();
        if !bands.is_empty() && bands != Band::ALL {
            self.fault("next_screens", "must name low, moderate and high once each, in this order");
        }
        for next in table.next_screens.iter().filter(|next| next.days == 0) {
            self.fault(&format!("next_screens.{}", next.band.as_str()), "must be at least a day");
        }
    }
}

/// Recommendations and risks, with their section.
fn advice(table: &RuleTable) -> impl Iterator<Item = (&'static str, &Advice)> {
    let recommendations = table.recommendations.iter().map(|entry| ("recommendations", entry));
    recommendations.chain(table.risks.iter().map(|entry| ("risks", entry)))
}
