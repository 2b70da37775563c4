//! The words of a small table, in each language.

use super::{Phrase, Words};
use crate::language::Language;
use crate::samples::rule_table;
use crate::screening::rule_table::RuleTable;

fn table() -> RuleTable {
    rule_table("", "")
}

fn text(words: &str) -> Phrase {
    Phrase::Text(words.to_owned())
}

fn words(table: &RuleTable, language: Language) -> Words<'_> {
    Words { table, language }
}

#[test]
fn a_test_is_its_item_with_the_range_or_the_options() {
    let table = table();
    let rules = [Language::En, Language::Es].map(|language| {
        let words = words(&table, language);
        table.rules.iter().map(|rule| words.condition(&rule.when)).collect::<Vec<_>>()
    });
    assert_eq!(rules[0], [text("Your age: 60 to 69 years"), text("Illnesses: includes “Cancer”")]);
    assert_eq!(rules[1], [text("Your age: de 60 a 69 years"), text("Illnesses: incluye «Cancer»")]);
}

#[test]
fn parts_of_a_condition_stay_parts() {
    let table = table();
    let alarm = |language| words(&table, language).condition(&table.red_flags[0].when);
    let expected = |urine, bmi, sum| Phrase::All(vec![text(urine), Phrase::Any(vec![text(bmi), text(sum)])]);
    let english =
        expected("Is your urine dark? yes", "Body mass index: less than 18.5 kg/m²", "Sum: at least 4 points");
    assert_eq!(alarm(Language::En), english);
    let spanish =
        expected("Is your urine dark? sí", "Índice de masa corporal: menos de 18,5 kg/m²", "Sum: al menos 4 puntos");
    assert_eq!(alarm(Language::Es), spanish);
}

#[test]
fn a_line_has_inner_parts_in_brackets() {
    let table = table();
    let line = |language| {
        let words = words(&table, language);
        words.line(&words.condition(&table.red_flags[0].when))
    };
    let english = "Is your urine dark? yes; and (Body mass index: less than 18.5 kg/m²; or Sum: at least 4 points)";
    assert_eq!(line(Language::En), english);
    let spanish = "Is your urine dark? sí; y además (Índice de masa corporal: menos de 18,5 kg/m²; o bien Sum: al menos 4 puntos)";
    assert_eq!(line(Language::Es), spanish);
    let words = words(&table, Language::En);
    assert_eq!(words.lines(&words.sources(&table.rules[0].sources)), ["A study: OR 2 (read in the source)"]);
    assert_eq!(words.lines(&Phrase::List(Vec::new())), [""; 0]);
}

#[test]
fn limits_by_age_and_sex_and_being_unable_are_in_one_line() {
    let table = table();
    let strength = |language| words(&table, language).criteria(&table.pathways[0].strength_low);
    let english = "Grip strength: at age 50 to 64, less than 20 kg in women, less than 34 kg in men; from age 65, less \
                   than 18 kg in women, less than 28.5 kg in men, or unable to do it";
    assert_eq!(strength(Language::En), Phrase::Any(vec![text(english)]));
    let spanish = "Grip strength: de 50 a 64 años, menos de 20 kg en mujeres, menos de 34 kg en hombres; a partir de 65 \
                   años, menos de 18 kg en mujeres, menos de 28,5 kg en hombres, o no puede hacerlo";
    assert_eq!(strength(Language::Es), Phrase::Any(vec![text(spanish)]));
}

#[test]
fn an_instrument_has_its_points_and_its_cut_off() {
    let table = table();
    let (words, sum) = (words(&table, Language::En), &table.instruments[0]);
    assert_eq!(words.method(sum), Phrase::List(vec![text("Falls: 1 to 3 = 1 point; at least 4 = 2 points")]));
    assert_eq!(words.cut_off(sum).as_deref(), Some("positive from 4 points"));
    assert_eq!(words.case_finding(&table.pathways[0].case_finding), Phrase::Any(vec![text("Sum: positive")]));
}

#[test]
fn each_kind_of_combination_has_its_own_words() {
    let table = table();
    let english = words(&table, Language::En);
    let combined: Vec<_> = table.rules.iter().map(|rule| english.combination(rule)).collect();
    assert_eq!(combined, ["One of these applies: Your age", "The rules that apply are added, up to 4 points"]);
    let alone = rule_table("group = \"ill\"\n", "");
    assert_eq!(words(&alone, Language::En).combination(&alone.rules[1]), "Counts on its own");
    let highest = rule_table("kind = \"cap\", cap = 4", "kind = \"highest_of\"");
    let highest = words(&highest, Language::En).combination(&highest.rules[1]);
    assert_eq!(highest, "Of the rules that apply, only the highest counts");
}

#[test]
fn decimals_have_no_trailing_zeros_and_the_separator_of_the_language() {
    let table = table();
    let decimal = |language, thousandths| words(&table, language).decimal(thousandths);
    assert_eq!([18_500, 2_000, 5, -3_090].map(|number| decimal(Language::En, number)), ["18.5", "2", "0.005", "−3.09"]);
    assert_eq!(decimal(Language::Es, 18_500), "18,5");
}
