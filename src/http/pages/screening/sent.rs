//! The fields of the form as a browser sends them, and the answers in them.

use std::borrow::Cow;

use crate::domain::fault::Fault;
use crate::domain::language::Language;
use crate::domain::screening::answers::{Answers, RawAnswer, RawAnswers};
use crate::domain::screening::questionnaire::{Audience, Group, Kind, Spec};
use crate::domain::screening::rule_table::RuleTable;

/// The field that answers no to every alarm sign without an answer.
pub(super) const ALARM_NONE: &str = "alarm_none";
/// The options that mean no in an alarm row.
pub(super) const NO: [&str; 2] = ["false", "none"];

/// The fields in the order of the form. A field without an entry in it is absent or blank.
#[derive(Default)]
pub(super) struct Sent(Vec<(String, String)>);

impl Sent {
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first entry of a field, as typed; empty if the field is absent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// The first entry of a field, without surrounding white space; `None` if it is blank.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| &**value)
    }

    /// Whether a field has this entry.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|entry| entry == value)
    }

    /// The answers, and the faults of what cannot be an answer, with pointers into the body of a submission.
    pub(super) fn answers(&self, table: &RuleTable, language: Language) -> (Answers, Vec<Fault>) {
        let raw = asked(table)
            .into_iter()
            .filter_map(|spec| Some((Cow::Borrowed(spec.id), self.answer(spec, unit(table, language, spec))?)));
        let (answers, faults) = Answers::parse(&RawAnswers(raw.collect()));
        (answers, faults.into_iter().map(|fault| fault.under("/answers")).collect())
    }

    fn answer(&self, spec: &'static Spec, unit: &str) -> Option<RawAnswer<'_>> {
        if let Kind::Set { .. } = spec.kind {
            let chosen: Vec<_> = self.all(spec.id).map(|option| RawAnswer::Text(Cow::Borrowed(option))).collect();
            return (!chosen.is_empty()).then_some(RawAnswer::List(chosen));
        }
        let Some(given) = self.given(spec.id) else { return self.no_to_all(spec) };
        Some(match (spec.kind, given) {
            (Kind::Flag, "true") => RawAnswer::Flag(true),
            (Kind::Flag, "false") => RawAnswer::Flag(false),
            (Kind::Number { .. }, typed) => {
                number(typed, unit).map_or(RawAnswer::Text(Cow::Borrowed(typed)), RawAnswer::Number)
            }
            (_, other) => RawAnswer::Text(Cow::Borrowed(other)),
        })
    }

    /// No to an alarm sign without an answer. "I do not know" is an answer here: it keeps the sign unanswered.
    fn no_to_all(&self, spec: &Spec) -> Option<RawAnswer<'static>> {
        let applies = spec.group == Group::Alarm && self.has(ALARM_NONE, "true") && self.all(spec.id).next().is_none();
        match spec.kind {
            Kind::Flag if applies => Some(RawAnswer::Flag(false)),
            Kind::Choice(options) if applies => {
                let none = options.iter().find(|option| NO.contains(option));
                none.map(|none| RawAnswer::Text(Cow::Borrowed(*none)))
            }
            _ => None,
        }
    }
}

/// The items that a person answers, in the order of the form.
pub(super) fn asked(table: &RuleTable) -> Vec<&'static Spec> {
    let all = Group::ALL.into_iter().flat_map(|group| table.asked.of_group(group));
    all.filter(|spec| spec.audience() == Audience::Person).collect()
}

/// The name of the unit of a number; empty for other items.
pub(super) fn unit<'a>(table: &'a RuleTable, language: Language, spec: &Spec) -> &'a str {
    let Kind::Number { unit, .. } = spec.kind else { return "" };
    let name = table.texts(language).and_then(|texts| texts.units.get(unit));
    name.map(String::as_str).unwrap_or_default()
}

/// A number with a decimal comma or point, which its unit may follow. Other texts are not guessed.
fn number(typed: &str, unit: &str) -> Option<f64> {
    let typed = typed.to_lowercase();
    let bare = typed.strip_suffix(&*unit.to_lowercase()).unwrap_or(&typed).trim_end().replace(',', ".");
    let is_plain = bare.chars().all(|c| c.is_ascii_digit() || c == '.') && bare.contains(|c: char| c.is_ascii_digit());
    if is_plain { bare.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_comma_or_a_point_and_perhaps_its_unit() {
        for (typed, value) in [("61.5", 61.5), ("61,5", 61.5), ("61,5 kg", 61.5), ("61.5KG", 61.5), ("070", 70.0)] {
            assert_eq!(number(typed, "kg"), Some(value), "{typed}");
        }
        for typed in ["", "kg", "61.5.2", "1e2", "-5", "sixty", "61 5", "61,5 lb", "NaN", "inf", "."] {
            assert_eq!(number(typed, "kg"), None, "{typed}");
        }
        assert_eq!(number("3", ""), Some(3.0));
    }

    #[test]
    fn a_blank_field_is_no_entry_and_a_field_keeps_what_was_typed() {
        let sent = Sent::parse(b"age=+70+&smoker=&conditions=copd&conditions=cancer");
        assert_eq!((sent.text("age"), sent.given("age"), sent.given("smoker")), (" 70 ", Some("70"), None));
        assert_eq!(sent.all("conditions").collect::<Vec<_>>(), ["copd", "cancer"]);
        assert!(sent.has("conditions", "cancer") && !sent.has("conditions", "stroke") && sent.text("x").is_empty());
    }
}
