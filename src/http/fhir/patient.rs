//! Age and sex from a record system's `Patient`.

use std::borrow::Cow;

use jiff::civil::Date;
use serde_json::Value;

use crate::domain::screening::answers::RawAnswer;
use crate::domain::screening::questionnaire::{Item, Kind};

/// Whether the patient is known to be too young or too old for the questions.
pub(in crate::http) fn is_not_asked(patient: &Value, today: Date) -> bool {
    age_of(patient, today).is_some_and(|age| !is_asked(age))
}

/// The answers from the patient's data, each with its source element.
pub(in crate::http) fn answers(
    patient: &Value,
    today: Date,
) -> impl Iterator<Item = (Item, RawAnswer<'static>, &'static str)> {
    let age = age_of(patient, today).filter(|age| is_asked(*age));
    let age = age.map(|age| (Item::Age, RawAnswer::Number(age.into()), "birthDate"));
    let sexes = Item::Sex.spec().kind.options();
    let sex = sexes.iter().find(|sex| patient["gender"] == **sex);
    let sex = sex.map(|sex| (Item::Sex, RawAnswer::Text(Cow::Borrowed(*sex)), "gender"));
    age.into_iter().chain(sex)
}

fn age_of(patient: &Value, today: Date) -> Option<i32> {
    patient["birthDate"].as_str().and_then(|born| age(born, today))
}

fn is_asked(age: i32) -> bool {
    let Kind::Number { minimum, maximum, .. } = Item::Age.spec().kind else { return false };
    (minimum..=maximum).contains(&age)
}

/// Whole years since a date of birth; `None` if the date has no day or month.
fn age(born: &str, today: Date) -> Option<i32> {
    let whole: Date = born.parse().ok()?;
    let had_birthday = (today.month(), today.day()) >= (whole.month(), whole.day());
    Some(i32::from(today.year()) - i32::from(whole.year()) - i32::from(!had_birthday))
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_is_counted_in_whole_years_and_never_guessed() {
        let today = jiff::civil::date(2026, 11, 25);
        assert_eq!(age("1944-11-25", today), Some(82));
        assert_eq!(age("1944-11-26", today), Some(81));
        assert_eq!(age("2028-02-29", today), Some(-2));
        for unclear in ["1944", "1944-11", "", "25.11.1944"] {
            assert_eq!(age(unclear, today), None, "{unclear}");
        }
    }
}
