//! Checks that every language has every required text and no other text.

use std::collections::{BTreeMap, BTreeSet};

use super::Lint;
use crate::language::Language;
use crate::screening::pathway::Stage;
use crate::screening::questionnaire::{Group as ItemGroup, Item, Kind};
use crate::screening::red_flag::CareLevel;
use crate::screening::rule_table::{Band, RuleTable};
use crate::screening::texts::{InstrumentTexts, Texts};

impl Lint<'_> {
    /// Checks that all languages have the same texts.
    pub(super) fn texts(&mut self) {
        for language in Language::ALL {
            let place = format!("texts.{}", language.as_str());
            let Some(texts) = self.table.texts(language) else {
                self.fault(&place, "is missing");
                continue;
            };
            for (section, wanted, present) in text_keys(self.table, texts) {
                for key in wanted.iter().filter(|key| present.get(*key).is_none_or(|text| text.trim().is_empty())) {
                    self.fault(&place, format!("no text for {section}.{key}"));
                }
                for key in present.keys().filter(|key| !wanted.contains(*key)) {
                    self.fault(&place, format!("a text for {section}.{key}, which does not exist"));
                }
            }
        }
    }
}

/// The maximum length of a label that needs no short label, characters.
const SHORT: usize = 40;

/// A section's name, the required keys, and the texts present.
type Keys = (&'static str, BTreeSet<String>, BTreeMap<String, String>);

/// For each section, the required keys and the texts present.
fn text_keys(table: &RuleTable, texts: &Texts) -> Vec<Keys> {
    let flatten = |map: &BTreeMap<String, crate::screening::texts::ReasonText>| {
        map.iter().map(|(key, text)| (key.clone(), text.reason.clone())).collect::<BTreeMap<_, _>>()
    };
    let items = texts.items.iter();
    let labels = items.clone().map(|(key, text)| (key.clone(), text.label.clone())).collect();
    let helps = items.map(|(key, text)| (key.clone(), text.help.clone())).collect();
    let asked = || table.asked.items.iter().map(Item::spec);
    let wanted_options: Vec<String> = asked()
        .flat_map(|spec| table.asked.options(spec.item).map(move |option| format!("{}.{option}", spec.id)))
        .collect();
    let units = asked().filter_map(|spec| match spec.kind {
        Kind::Number { unit, .. } => Some(unit),
        _ => None,
    });
    let named = |texts: &BTreeMap<String, InstrumentTexts>, part: fn(&InstrumentTexts) -> &String| {
        texts.iter().map(|(key, text)| (key.clone(), part(text).clone())).collect::<BTreeMap<_, _>>()
    };
    let ids = || asked().map(|spec| spec.id);
    let scored = table.rules.iter().filter(|rule| rule.points > 0).map(|rule| &*rule.id);
    let instruments = || table.instruments.iter().map(|entry| &*entry.id);
    let pathways = || table.pathways.iter().map(|entry| entry.id.as_str());
    let stages = Stage::ALL.iter().map(|stage| stage.as_str()).filter(|_| !table.pathways.is_empty());
    let bands = Band::ALL.iter().map(|band| band.as_str()).chain(["unsettled"]);
    let mut keys = vec![
        section("groups", ItemGroup::ALL.map(ItemGroup::as_str), &texts.groups),
        section("items (label)", ids(), &labels),
        section("items (help)", ids(), &helps),
        section("options", wanted_options.iter().map(String::as_str), &flat(&texts.options)),
        section("units", units, &texts.units),
        section("categories", table.rules.iter().map(|rule| &*rule.category), &texts.categories),
        section("bands", bands, &texts.bands),
        section("rules", scored, &flatten(&texts.rules)),
        section("red_flags", table.red_flags.iter().map(|entry| &*entry.id), &flatten(&texts.red_flags)),
        section("instruments (name)", instruments(), &named(&texts.instruments, |text| &text.name)),
        section("instruments (explanation)", instruments(), &named(&texts.instruments, |text| &text.explanation)),
        section("pathways (name)", pathways(), &named(&texts.pathways, |text| &text.name)),
        section("pathways (explanation)", pathways(), &named(&texts.pathways, |text| &text.explanation)),
        section("stages", stages, &texts.stages),
        section("recommendations", table.recommendations.iter().map(|entry| &*entry.id), &texts.recommendations),
        section("risks", table.risks.iter().map(|entry| &*entry.id), &texts.risks),
        section("next_screens", table.next_screens.iter().map(|entry| entry.band.as_str()), &texts.next_screens),
    ];
    keys.extend(care_keys(table, texts));
    keys.extend(short_keys(table, texts));
    keys
}

fn section<'a>(
    name: &'static str,
    wanted: impl IntoIterator<Item = &'a str>,
    present: &BTreeMap<String, String>,
) -> Keys {
    (name, wanted.into_iter().map(str::to_owned).collect(), present.clone())
}

/// The texts of sections within a section, by `<item>.<option>`.
fn flat(section: &BTreeMap<String, BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let each = section.iter();
    each.flat_map(|(item, of)| of.iter().map(move |(key, text)| (format!("{item}.{key}"), text.clone()))).collect()
}

/// The texts by care level. A table that states urgencies also has a text for this week, and for missing answers.
fn care_keys(table: &RuleTable, texts: &Texts) -> [Keys; 2] {
    let stated = table.states_urgency();
    let levels = || CareLevel::ALL.iter().map(|level| level.as_str()).chain(["unknown"]);
    let more: &[&str] = if stated { &["consultation_this_week", "value_missing", "undecided", "offer"] } else { &[] };
    let titled = levels().chain(["consultation_this_week"]).filter(|_| stated);
    [
        section("care_levels", levels().chain(more.iter().copied()), &texts.care_levels),
        section("care_titles", titled, &texts.care_titles),
    ]
}

/// The short labels of items and options with long labels, and the beginning and the end of the alarm rows.
fn short_keys(table: &RuleTable, texts: &Texts) -> [Keys; 3] {
    let stated = table.states_urgency();
    let long = |label: &str| label.chars().count() > SHORT && stated;
    let short = texts.items.iter().filter_map(|(key, text)| Some((key.clone(), text.short.clone()?))).collect();
    let long_items = texts.items.iter().filter(|(_, text)| long(&text.label)).map(|(id, _)| &**id);
    let options = flat(&texts.options);
    let long_options = options.iter().filter(|(_, label)| long(label)).map(|(key, _)| &**key);
    let form = &texts.questionnaire;
    let rows = [("alarm_stem", &form.alarm_stem), ("alarm_none", &form.alarm_none)];
    let present = rows.iter().filter_map(|(key, text)| Some(((*key).to_owned(), (*text).clone()?))).collect();
    [
        section("items (short)", long_items, &short),
        section("short_options", long_options, &flat(&texts.short_options)),
        section("questionnaire", rows.map(|(key, _)| key).into_iter().filter(|_| stated), &present),
    ]
}
