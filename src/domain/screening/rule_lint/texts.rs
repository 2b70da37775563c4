//! Checks that every language has every text, and no text without a subject.

use std::collections::{BTreeMap, BTreeSet};

use super::Lint;
use crate::domain::language::Language;
use crate::domain::screening::pathway::Stage;
use crate::domain::screening::questionnaire::{CATALOGUE, Group as ItemGroup, Kind};
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::{Band, RuleTable};
use crate::domain::screening::texts::{InstrumentTexts, Texts};

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

/// A section's name, the required keys, and the texts present.
type Keys = (&'static str, BTreeSet<String>, BTreeMap<String, String>);

/// For each section, the required keys and the texts present.
fn text_keys(table: &RuleTable, texts: &Texts) -> Vec<Keys> {
    fn section<'a>(
        name: &'static str,
        wanted: impl IntoIterator<Item = &'a str>,
        present: &BTreeMap<String, String>,
    ) -> Keys {
        (name, wanted.into_iter().map(str::to_owned).collect(), present.clone())
    }
    let flatten = |map: &BTreeMap<String, crate::domain::screening::texts::ReasonText>| {
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
    let named = |texts: &BTreeMap<String, InstrumentTexts>, part: fn(&InstrumentTexts) -> &String| {
        texts.iter().map(|(key, text)| (key.clone(), part(text).clone())).collect::<BTreeMap<_, _>>()
    };
    let ids = || CATALOGUE.iter().map(|spec| spec.id);
    let scored = table.rules.iter().filter(|rule| rule.points > 0).map(|rule| &*rule.id);
    let instruments = || table.instruments.iter().map(|entry| &*entry.id);
    let pathways = || table.pathways.iter().map(|entry| entry.id.as_str());
    let stages = Stage::ALL.iter().map(|stage| stage.as_str()).filter(|_| !table.pathways.is_empty());
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
        section("instruments (name)", instruments(), &named(&texts.instruments, |text| &text.name)),
        section("instruments (explanation)", instruments(), &named(&texts.instruments, |text| &text.explanation)),
        section("pathways (name)", pathways(), &named(&texts.pathways, |text| &text.name)),
        section("pathways (explanation)", pathways(), &named(&texts.pathways, |text| &text.explanation)),
        section("stages", stages, &texts.stages),
        section("recommendations", table.recommendations.iter().map(|entry| &*entry.id), &texts.recommendations),
        section("risks", table.risks.iter().map(|entry| &*entry.id), &texts.risks),
        section("next_screens", table.next_screens.iter().map(|entry| entry.band.as_str()), &texts.next_screens),
    ]
}
