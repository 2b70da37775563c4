//! Conditions in words: every condition of every release has them in each language, and they say what the condition says.

use std::collections::BTreeSet;

use sarcoscreen::domain::language::Language;
use sarcoscreen::domain::screening::instrument::Method;
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::rules::Releases;

/// All conditions of a table in words, by place.
fn texts(table: &RuleTable, language: Language) -> Vec<(String, String)> {
    let words = table.condition_texts(language).unwrap();
    let rules = table.rules.iter().map(|rule| (format!("rules.{}", rule.id), words.condition(&rule.when)));
    let flags = table.red_flags.iter().map(|flag| (format!("red_flags.{}", flag.id), words.condition(&flag.when)));
    let advice = table.recommendations.iter().chain(&table.risks);
    let advice =
        advice.filter_map(|one| Some((format!("advice.{}", one.id), words.condition(&one.when.as_ref()?.when))));
    let categories = table.instruments.iter().filter_map(|one| match &one.method {
        Method::Category { positive, .. } => Some((format!("instruments.{}", one.id), words.condition(&positive.when))),
        Method::Sum { .. } | Method::Linear(_) => None,
    });
    let mut found: Vec<_> = rules.chain(flags).chain(advice).chain(categories).collect();
    for pathway in &table.pathways {
        let place = |part: &str, number: usize| format!("pathways.{}.{part}.{number}", pathway.id.as_str());
        let ways = pathway.case_finding.iter().enumerate();
        found.extend(ways.map(|(number, way)| (place("case_finding", number), words.case_finding(way))));
        for (part, criteria) in [("strength", &pathway.strength_low), ("performance", &pathway.performance_low)] {
            let criteria = criteria.iter().enumerate();
            found.extend(criteria.map(|(number, one)| (place(part, number), words.condition(&one.when))));
        }
    }
    found
}

#[test]
fn every_condition_of_every_release_is_in_words_in_each_language() {
    let mut seen = 0;
    for release in Releases::load().unwrap().iter() {
        let [english, spanish] = [Language::En, Language::Es].map(|language| texts(&release.table, language));
        assert_eq!(english.len(), spanish.len());
        for ((place, english), (_, spanish)) in english.into_iter().zip(spanish) {
            for text in [&english, &spanish] {
                // An id, a missing label or a missing value would show as one of these.
                let wrong = ["_", "  ", "“”", "«»", ": ;", "()", "{", "}"].iter().any(|part| text.contains(part));
                assert!(!wrong && !text.is_empty() && !text.ends_with([' ', ':']), "{place}: {text:?}");
                assert_eq!(text.matches('(').count(), text.matches(')').count(), "{place}: {text}");
            }
            assert_ne!(english, spanish, "{place}");
            seen += 1;
        }
    }
    println!("{seen} conditions in two languages");
    assert!(seen > 280, "{seen}");
}

#[test]
fn two_rules_of_a_release_have_the_same_words_only_if_they_have_the_same_condition() {
    for release in Releases::load().unwrap().iter() {
        let words = release.table.condition_texts(Language::En).unwrap();
        let mut conditions: Vec<_> = release.table.rules.iter().map(|rule| &rule.when).collect();
        conditions.dedup();
        let said: BTreeSet<String> = conditions.iter().map(|when| words.condition(when)).collect();
        assert_eq!(said.len(), conditions.len(), "{}", release.table.version);
    }
}

#[test]
fn each_kind_of_condition_reads_as_a_person_says_it() {
    let releases = Releases::load().unwrap();
    let table = &releases.current().table;
    let said = |language, place: &str| {
        let found = texts(table, language).into_iter().find(|(at, _)| at == place);
        found.unwrap_or_else(|| panic!("{place}")).1
    };
    for (place, english, spanish) in [
        ("rules.age_60_69", "Your age: 60 to 69", "Su edad: de 60 a 69"),
        ("rules.age_80_and_over", "Your age: at least 80", "Su edad: al menos 80"),
        ("rules.age_under_60", "Your age: less than 60", "Su edad: menos de 60"),
        ("rules.falls_0", "Falls in the past 12 months: 0", "Caídas en los últimos 12 meses: 0"),
        ("rules.smoker", "Do you smoke? yes", "¿Fuma? sí"),
        (
            "rules.bmi_low_for_age",
            "Body mass index: from 18 years of age less than 20 kg/m²; from 70 years of age less than 22 kg/m²",
            "Índice de masa corporal: desde los 18 años menos de 20 kg/m²; desde los 70 años menos de 22 kg/m²",
        ),
        (
            "red_flags.sarc_f_under_60",
            "Your age: less than 60; and SARC-F: at least 4 points",
            "Su edad: menos de 60; y además SARC-F: al menos 4 puntos",
        ),
        (
            "red_flags.creatine_kinase_high",
            "Creatine kinase: more than 5 × the upper limit; or Creatine kinase: more than 1000 U/L",
            "Creatina quinasa: más de 5 × el límite superior; o bien Creatina quinasa: más de 1000 U/L",
        ),
        (
            "pathways.ewgsop2.strength.0",
            "Grip strength: less than 16 kg (women), less than 27 kg (men), or unable to do the test",
            "Fuerza de agarre: menos de 16 kg (mujeres), menos de 27 kg (hombres), o no se pudo hacer la prueba",
        ),
        (
            "pathways.ewgsop2.performance.0",
            "Walking speed: at most 0.8 m/s, or unable to do the test",
            "Velocidad al caminar: como máximo 0,8 m/s, o no se pudo hacer la prueba",
        ),
        ("pathways.ewgsop2.case_finding.0", "SARC-F: positive", "SARC-F: positivo"),
    ] {
        assert_eq!((said(Language::En, place), said(Language::Es, place)), (english.to_owned(), spanish.to_owned()));
    }
    let nested = said(Language::En, "red_flags.dark_urine_with_muscle_trouble");
    let start = "Dark urine, the colour of tea or cola: yes; and (Strong muscle pain: yes; or ";
    assert!(nested.starts_with(start), "{nested}");
    let options = said(Language::En, "rules.activity_moderate_or_vigorous");
    assert_eq!(options, "How active are you in a usual week? “Moderate” or “Vigorous”");
}
