//! The words of the released rule tables: in each language the words of a condition state all of its figures. The
//! differences between two versions are complete.

use std::collections::BTreeSet;

use sarcoscreen::domain::language::Language;
use sarcoscreen::domain::screening::condition::{Check, Condition};
use sarcoscreen::domain::screening::pathway::CaseFinding;
use sarcoscreen::domain::screening::rule_table::{Rule, RuleTable};
use sarcoscreen::domain::screening::table_changes::{EntryChangeKind, Field, Section, changes};
use sarcoscreen::domain::screening::words::{Phrase, Words};
use sarcoscreen::rules::released_files;

const VERSIONS: [&str; 3] = ["2026.1", "2026.2", "2026.3"];

fn table(version: &str) -> RuleTable {
    RuleTable::read(&released_files(version).unwrap()).unwrap()
}

/// Every condition of a table, with its place.
fn conditions(table: &RuleTable) -> Vec<(String, &Condition)> {
    let mut found: Vec<(String, &Condition)> = Vec::new();
    found.extend(table.rules.iter().map(|rule| (format!("rule {}", rule.id), &rule.when)));
    found.extend(table.red_flags.iter().map(|flag| (format!("red flag {}", flag.id), &flag.when)));
    for advice in table.recommendations.iter().chain(&table.risks) {
        found.extend(advice.when.iter().map(|criterion| (format!("advice {}", advice.id), &criterion.when)));
    }
    for pathway in &table.pathways {
        let found_by = pathway.case_finding.iter().filter_map(|way| match way {
            CaseFinding::When(criterion) => Some(criterion),
            CaseFinding::Instrument(_) => None,
        });
        let criteria = found_by.chain(&pathway.strength_low).chain(&pathway.performance_low);
        found.extend(criteria.map(|criterion| (format!("pathway {}", pathway.id.as_str()), &criterion.when)));
    }
    found
}

/// The texts of a phrase.
fn texts(phrase: &Phrase) -> Vec<&str> {
    match phrase {
        Phrase::Text(text) => vec![text.as_str()],
        Phrase::Any(parts) | Phrase::All(parts) | Phrase::List(parts) => parts.iter().flat_map(texts).collect(),
    }
}

#[test]
fn the_words_of_every_condition_state_each_of_its_figures() {
    let mut figures = 0;
    for version in VERSIONS {
        let table = table(version);
        for language in Language::ALL {
            let words = Words { table: &table, language };
            for (place, condition) in conditions(&table) {
                let phrase = words.condition(condition);
                let place = format!("{version} {language:?} {place}: {phrase:?}");
                let said = texts(&phrase);
                assert!(!said.is_empty(), "{place}");
                for text in &said {
                    // An id has an underscore, a placeholder braces. A missing name leaves a colon or a space.
                    let plain = !text.contains(['_', '{', '}']) && text.trim() == *text && !text.starts_with(':');
                    assert!(plain && !text.ends_with(':'), "{place}");
                }
                for (_, check) in condition.tests() {
                    let Check::Between { low, high } = check else { continue };
                    for end in low.iter().chain(high) {
                        let figure = words.decimal(end.threshold.thousandths);
                        assert!(said.iter().any(|text| text.contains(&figure)), "{place} lacks {figure}");
                        figures += 1;
                    }
                }
            }
        }
    }
    assert!(figures > 100, "{figures}");
}

#[test]
fn a_condition_in_one_line_is_complete_and_differs_by_language() {
    let mut seen = 0;
    for version in VERSIONS {
        let table = table(version);
        for (place, condition) in conditions(&table) {
            let [english, spanish] = Language::ALL.map(|language| {
                let words = Words { table: &table, language };
                words.line(&words.condition(condition))
            });
            for text in [&english, &spanish] {
                let wrong = ["  ", "“”", "«»", ": ;", "()"].iter().any(|part| text.contains(part));
                assert!(!wrong && !text.is_empty(), "{version} {place}: {text:?}");
                assert_eq!(text.matches('(').count(), text.matches(')').count(), "{version} {place}: {text}");
            }
            assert_ne!(english, spanish, "{version} {place}");
            seen += 1;
        }
    }
    assert!(seen > 250, "{seen}");
}

#[test]
fn two_rules_have_the_same_words_only_if_they_have_the_same_condition() {
    for version in VERSIONS {
        let table = table(version);
        let words = Words { table: &table, language: Language::En };
        for (place, one) in table.rules.iter().enumerate() {
            for other in &table.rules[..place] {
                let same_words = words.condition(&one.when) == words.condition(&other.when);
                assert_eq!(same_words, one.when == other.when, "{version} {} {}", one.id, other.id);
            }
        }
    }
}

#[test]
fn each_kind_of_condition_reads_as_a_person_says_it() {
    let table = table("2026.3");
    let said = |language, place: &str| {
        let words = Words { table: &table, language };
        let found = conditions(&table).into_iter().find(|(at, _)| at == place);
        words.line(&words.condition(found.unwrap_or_else(|| panic!("{place}")).1))
    };
    for (place, english, spanish) in [
        ("rule age_60_69", "Your age: 60 to 69 years", "Su edad: de 60 a 69 años"),
        ("rule age_80_and_over", "Your age: at least 80 years", "Su edad: al menos 80 años"),
        ("rule age_under_60", "Your age: less than 60 years", "Su edad: menos de 60 años"),
        ("rule falls_0", "Falls in the past 12 months: 0", "Caídas en los últimos 12 meses: 0"),
        ("rule smoker", "Do you smoke? yes", "¿Fuma? sí"),
        (
            "rule bmi_low_for_age",
            "Body mass index: at age 18 to 69, less than 20 kg/m²; from age 70, less than 22 kg/m²",
            "Índice de masa corporal: de 18 a 69 años, menos de 20 kg/m²; a partir de 70 años, menos de 22 kg/m²",
        ),
        (
            "red flag sarc_f_under_60",
            "Your age: less than 60 years; and SARC-F: at least 4 points",
            "Su edad: menos de 60 años; y además SARC-F: al menos 4 puntos",
        ),
        (
            "red flag creatine_kinase_high",
            "Creatine kinase against its upper limit: more than 5 times; or Creatine kinase: more than 1000 U/L",
            "Creatina quinasa frente a su límite superior: más de 5 veces; o bien Creatina quinasa: más de 1000 U/L",
        ),
        (
            "pathway ewgsop2",
            "Grip strength: less than 16 kg in women, less than 27 kg in men, or unable to do it",
            "Fuerza de agarre: menos de 16 kg en mujeres, menos de 27 kg en hombres, o no puede hacerlo",
        ),
    ] {
        assert_eq!((said(Language::En, place), said(Language::Es, place)), (english.to_owned(), spanish.to_owned()));
    }
    let nested = said(Language::En, "red flag dark_urine_with_muscle_trouble");
    let start = "Dark urine, the colour of tea or cola: yes; and (Strong muscle pain: yes; or ";
    assert!(nested.starts_with(start) && nested.ends_with(')'), "{nested}");
    let options = said(Language::En, "rule activity_moderate_or_vigorous");
    assert_eq!(options, "How active are you in a usual week? “Moderate” or “Vigorous”");
}

#[test]
fn every_instrument_has_words_for_how_it_is_scored() {
    for version in VERSIONS {
        let table = table(version);
        for language in Language::ALL {
            let words = Words { table: &table, language };
            for instrument in &table.instruments {
                let method = words.method(instrument);
                for text in texts(&method) {
                    assert!(!text.contains(['_', '{', '}']), "{text}");
                    assert!(text.contains(char::is_numeric) || text.contains(['“', '«']), "{text}");
                }
                assert!(!method.is_empty() && !words.instrument_text(&instrument.id).is_empty(), "{}", instrument.id);
            }
        }
    }
}

#[test]
fn the_formula_of_a_weighted_sum_has_its_published_constants() {
    let table = table("2026.3");
    let words = Words { table: &table, language: Language::En };
    let ishii = table.instrument("ishii").unwrap();
    let method = words.method(ishii);
    let [women, men] = texts(&method)[..] else { panic!("{method:?}") };
    for (text, figures) in [
        (
            women,
            ["Female: 0.8 × (", "− 64)", "5.09 × (", "− 34)", "3.28 × (", "− 42)", "positive from 120", "/ 10 − 12.5"],
        ),
        (
            men,
            ["Male: 0.62 × (", "− 64)", "3.09 × (", "− 50)", "4.64 × (", "− 42)", "positive from 105", "/ 10 − 11.9"],
        ),
    ] {
        assert!(figures.iter().all(|figure| text.contains(figure)), "{text}");
    }
}

fn ids(table: &RuleTable) -> BTreeSet<&str> {
    table.rules.iter().map(|rule| &*rule.id).collect()
}

#[test]
fn the_changes_of_a_version_are_exactly_the_entries_that_are_written_otherwise() {
    for before in VERSIONS {
        for after in VERSIONS {
            let (old, new) = (table(before), table(after));
            let found = changes(&old, &new, Language::En);
            assert!(before != after || found.is_empty(), "{before}: {found:?}");
            let listed = |section, field| -> BTreeSet<&str> {
                let changed = found.iter().filter(|one| one.section == section && one.kind == EntryChangeKind::Changed);
                let changed = changed.filter(|one| one.fields.iter().any(|change| change.field == field));
                changed.map(|one| &*one.id).collect()
            };
            let both: Vec<(&Rule, &Rule)> =
                new.rules.iter().filter_map(|rule| Some((old.rule(&rule.id)?, rule))).collect();
            let conditions: BTreeSet<&str> =
                both.iter().filter(|(old, new)| old.stated != new.stated).map(|(_, new)| &*new.id).collect();
            assert_eq!(listed(Section::Rules, Field::When), conditions, "{before} {after}");
            let points: BTreeSet<&str> =
                both.iter().filter(|(old, new)| old.points != new.points).map(|(_, new)| &*new.id).collect();
            assert_eq!(listed(Section::Rules, Field::Points), points, "{before} {after}");
            let flags = new.red_flags.iter().filter_map(|flag| Some((old.red_flag(&flag.id)?, flag)));
            let flags: BTreeSet<&str> =
                flags.filter(|(old, new)| old.level != new.level).map(|(_, new)| &*new.id).collect();
            assert_eq!(listed(Section::RedFlags, Field::Level), flags, "{before} {after}");
            let of_kind = |kind| -> BTreeSet<&str> {
                let rules = found.iter().filter(|one| one.section == Section::Rules && one.kind == kind);
                rules.map(|one| &*one.id).collect()
            };
            let (old, new) = (ids(&old), ids(&new));
            let added: BTreeSet<&str> = new.difference(&old).copied().collect();
            let removed: BTreeSet<&str> = old.difference(&new).copied().collect();
            assert_eq!(of_kind(EntryChangeKind::Added), added, "{before} {after}");
            assert_eq!(of_kind(EntryChangeKind::Removed), removed, "{before} {after}");
        }
    }
}

#[test]
fn every_change_has_a_title_and_words() {
    for language in Language::ALL {
        for change in changes(&table("2026.2"), &table("2026.3"), language) {
            assert!(!change.title.is_empty() && !change.title.contains('_'), "{change:?}");
            assert!(!change.fields.is_empty(), "{change:?}");
            for field in &change.fields {
                let sides = [&field.before, &field.after];
                let said: Vec<_> = sides.into_iter().flatten().flat_map(texts).collect();
                assert!(!said.is_empty() && said.iter().all(|text| !text.is_empty()), "{change:?}");
            }
        }
    }
}
