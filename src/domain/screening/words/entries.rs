//! The texts of a rule table's entries, and how its rules combine.

use std::collections::BTreeMap;

use super::phrases::{COUNTS_ALONE, COUNTS_HIGHEST, COUNTS_STEPS, COUNTS_UP_TO, MORE_THAN};
use super::{Phrase, Words, labelled};
use crate::screening::asked::FormList;
use crate::screening::pathway::PathwayId;
use crate::screening::questionnaire::Item;
use crate::screening::rule_table::{Advice, Band, Combination, Group, RedFlag, Rule, SourceUse};

impl<'a> Words<'a> {
    pub fn band(self, band: Band) -> &'a str {
        text(self.texts().map(|texts| &texts.bands), band.as_str())
    }

    pub fn band_sources(self, band: Band) -> &'a [SourceUse] {
        self.table.band_sources.get(band as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// The title of a category of rules.
    pub fn category(self, id: &'a str) -> &'a str {
        let title = text(self.texts().map(|texts| &texts.categories), id);
        if title.is_empty() { id } else { title }
    }

    /// Why a rule counts, addressed to the person; empty for a step of 0 points.
    pub fn reason(self, rule: &Rule) -> &'a str {
        let reason = self.texts().and_then(|texts| texts.rules.get(&*rule.id));
        reason.map_or("", |text| &*text.reason)
    }

    /// Why a red flag is an alarm, addressed to the person.
    pub fn alarm(self, flag: &RedFlag) -> &'a str {
        let reason = self.texts().and_then(|texts| texts.red_flags.get(&*flag.id));
        reason.map_or("", |text| &*text.reason)
    }

    /// What the outcome of an instrument means.
    pub fn instrument_text(self, id: &str) -> &'a str {
        let texts = self.texts().and_then(|texts| texts.instruments.get(id));
        texts.map_or("", |texts| &*texts.explanation)
    }

    /// What a pathway means, with the statement that it is not a diagnosis.
    pub fn pathway_text(self, id: PathwayId) -> &'a str {
        let texts = self.texts().and_then(|texts| texts.pathways.get(id.as_str()));
        texts.map_or("", |texts| &*texts.explanation)
    }

    /// The name of a pathway.
    pub fn pathway(self, id: PathwayId) -> &'a str {
        let texts = self.texts().and_then(|texts| texts.pathways.get(id.as_str()));
        texts.map_or("", |texts| &*texts.name)
    }

    pub fn recommendation(self, id: &str) -> &'a str {
        text(self.texts().map(|texts| &texts.recommendations), id)
    }

    /// What findings can lead to.
    pub fn risk(self, id: &str) -> &'a str {
        text(self.texts().map(|texts| &texts.risks), id)
    }

    /// The reason for the interval until the next screening.
    pub fn next_screen(self, band: Band) -> &'a str {
        text(self.texts().map(|texts| &texts.next_screens), band.as_str())
    }

    /// A rule in one line: its test, or its reason if it has several tests.
    pub fn rule_title(self, rule: &Rule) -> String {
        match self.condition(&rule.when) {
            Phrase::Text(test) => test,
            _ => first_sentence(self.reason(rule)),
        }
    }

    /// The rules that lead to an advice or a risk, each in one line.
    pub fn findings(self, advice: &Advice) -> Phrase {
        let rules = advice.findings.iter().filter_map(|id| self.table.rule(id));
        Phrase::List(rules.map(|rule| Phrase::Text(self.rule_title(rule))).collect())
    }

    /// The kinds of flag reason that lead to an advice.
    pub fn flagged_by(self, advice: &Advice) -> Phrase {
        let kinds = advice.flagged_by.iter();
        Phrase::List(kinds.map(|kind| Phrase::Text(self.flag_kind(*kind).to_owned())).collect())
    }

    /// The options of an item that the table asks.
    pub fn options(self, item: Item) -> Phrase {
        let options = self.table.asked.options(item);
        Phrase::List(options.map(|option| Phrase::Text(self.option(item, option).to_owned())).collect())
    }

    /// The answers of which one must be above 0 for the item to be asked; empty for an item that is always asked.
    pub fn asked_when(self, item: Item) -> Phrase {
        let above_0 = self.say(MORE_THAN).replace("{n}", "0");
        let items = self.table.asked.when_above_0(item).iter();
        Phrase::Any(items.map(|item| labelled(self.item(*item), &above_0)).collect())
    }

    /// The items of a list of the form, in its order.
    pub fn form_items(self, list: FormList) -> Phrase {
        let items = self.table.asked.list(list).into_iter();
        Phrase::List(items.map(|item| Phrase::Text(self.item(item).to_owned())).collect())
    }

    /// The question with its help and the labels of its options, as the person reads them.
    pub fn question(self, item: Item) -> Phrase {
        let Some(texts) = self.texts() else { return Phrase::List(Vec::new()) };
        let asked = texts.items.get(item.id()).into_iter().flat_map(|texts| [&texts.label, &texts.help]);
        let labels = texts.options.get(item.id()).into_iter().flat_map(BTreeMap::values);
        Phrase::List(asked.chain(labels).map(|text| Phrase::Text(text.clone())).collect())
    }

    /// How the points of a rule combine with those of its group.
    pub fn combination(self, rule: &Rule) -> String {
        match self.group(rule).map(|group| group.combination) {
            None => self.say(COUNTS_ALONE).to_owned(),
            Some(Combination::Steps(item)) => self.say(COUNTS_STEPS).replace("{item}", self.item(item)),
            Some(Combination::HighestOf) => self.say(COUNTS_HIGHEST).to_owned(),
            Some(Combination::Cap(cap)) => self.say(COUNTS_UP_TO).replace("{points}", &self.points(cap)),
        }
    }

    pub fn group(self, rule: &Rule) -> Option<&'a Group> {
        self.table.groups.iter().find(|group| rule.group.as_ref() == Some(&group.id))
    }

    /// Each source with its statement and the confidence in it. Citations and statements are in English.
    pub fn sources(self, uses: &[SourceUse]) -> Phrase {
        let source = |used: &SourceUse| {
            let cite = self.table.sources.get(&used.id).map_or(&*used.id, |source| &*source.cite);
            Phrase::Text(format!("{cite}: {} ({})", used.effect, self.confidence(used.confidence)))
        };
        Phrase::List(uses.iter().map(source).collect())
    }
}

/// The first sentence of a text, without its full stop.
pub fn first_sentence(text: &str) -> String {
    text.split(". ").next().unwrap_or(text).trim_end_matches('.').to_owned()
}

fn text<'a>(section: Option<&'a BTreeMap<String, String>>, key: &str) -> &'a str {
    section.and_then(|section| section.get(key)).map(String::as_str).unwrap_or_default()
}
