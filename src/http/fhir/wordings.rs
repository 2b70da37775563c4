//! Texts of a rule table in the language of a resource, with their translations to the other languages.

use serde_json::{Value, json};

use crate::domain::language::Language;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;

const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";

#[derive(Clone, Copy)]
pub(super) struct Wordings<'a> {
    pub(super) table: &'a RuleTable,
    pub(super) language: Language,
}

impl<'a> Wordings<'a> {
    pub(super) fn texts(self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    /// The texts of the other languages.
    fn others(self) -> impl Iterator<Item = (Language, &'a Texts)> {
        let others = Language::ALL.into_iter().filter(move |language| *language != self.language);
        others.filter_map(move |language| Some((language, self.table.texts(language)?)))
    }

    /// Sets a text member of an element, and beside it the member with its translations. An empty text is left out.
    pub(super) fn set(self, element: &mut Value, name: &str, find: impl Fn(&Texts) -> Option<String>) {
        let text = |texts: &Texts| find(texts).filter(|text| !text.is_empty());
        let Some(own) = self.texts().and_then(text) else { return };
        element[name] = own.into();
        let translation = |(language, texts): (Language, &Texts)| {
            let content = text(texts)?;
            let parts = [
                json!({"url": "lang", "valueCode": language.as_str()}),
                json!({"url": "content", "valueString": content}),
            ];
            Some(json!({"url": TRANSLATION, "extension": parts}))
        };
        let translations: Vec<Value> = self.others().filter_map(translation).collect();
        if !translations.is_empty() {
            element[format!("_{name}")] = json!({"extension": translations});
        }
    }

    /// The designations of a concept in the other languages.
    pub(super) fn designations(self, find: impl Fn(&Texts) -> Option<String>) -> Vec<Value> {
        let designation = |(language, texts): (Language, &Texts)| {
            let value = find(texts).filter(|value| !value.is_empty())?;
            Some(json!({"language": language.as_str(), "value": value}))
        };
        self.others().filter_map(designation).collect()
    }
}

/// The label of an option.
pub(super) fn option_label(texts: &Texts, item: &str, option: &str) -> Option<String> {
    texts.options.get(item)?.get(option).cloned()
}
