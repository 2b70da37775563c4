//! Reading grades of the texts of a rule table, sentence by sentence: Flesch-Kincaid for English (Kincaid 1975, years of
//! school) and Fernández Huerta for Spanish (1959, 0 hard to 100 easy; its sentence term as corrected by Law 2011).

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::domain::language::Language;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;

/// Shorter sentences have no grade, because one long word would decide it.
const LEAST_WORDS: usize = 8;

/// Words that name an illness, a medicine or a test count as two syllables: they cannot be replaced. `*` marks a prefix.
const NAMES: &str = "sarcopenia diabetes copd osteoporosis osteoarthritis arthritis rheumatoid parkinson's dementia depression \
    cirrhosis myopathy cortisone prednisone prednisolone steroid* corticosteroid* chemotherapy immunotherapy methotrexate \
    nivolumab pembrolizumab warfarin apixaban clopidogrel aspirin semaglutide liraglutide glibenclamide gliclazide glimepiride \
    repaglinide furosemide omeprazole atorvastatin simvastatin statin* antipsychotic* diuretic* creatine kinase myoglobin \
    vitamin hydroxyvitamin potassium calcium sarc-f sarc-calf sarc-f+ebm msra-7 msra-5 sppb ewgsop2 awgs sdoc ishii \
    epoc artrosis artritis reumatoide parkinson demencia depresión miopatía cortisona prednisona prednisolona corticoide* \
    corticosteroide* quimioterapia inmunoterapia metotrexato warfarina apixabán aspirina semaglutida liraglutida glibenclamida \
    gliclazida glimepirida repaglinida furosemida omeprazol atorvastatina simvastatina estatina* antipsicótico* diurético* \
    creatina quinasa mioglobina vitamina hidroxivitamina potasio calcio insuficiencia cardíaca";

/// The grades of one section.
#[derive(Default)]
struct Grades {
    sum: f64,
    count: f64,
    worst: Option<(f64, String)>,
}

/// The limits for the grades of a section: for its mean, and for one sentence.
struct Limits {
    mean: f64,
    one: f64,
    better: fn(f64, f64) -> bool,
}

const fn limits(language: Language) -> Limits {
    match language {
        Language::En => Limits { mean: 6.0, one: 9.0, better: |grade, limit| grade <= limit },
        Language::Es => Limits { mean: 70.0, one: 55.0, better: |grade, limit| grade >= limit },
    }
}

/// A line for each section and language, and the sentences over their limit.
pub(super) struct Report {
    pub(super) text: String,
    pub(super) fits: bool,
}

pub(super) fn report(table: &RuleTable) -> Result<Report, fmt::Error> {
    let (mut text, mut all_fit) = (String::new(), true);
    for (language, texts) in &table.texts {
        let limits = limits(*language);
        let scale = match language {
            Language::En => "Flesch-Kincaid, mean at most 6, no sentence over 9",
            Language::Es => "Fernandez Huerta, mean at least 70, no sentence under 55",
        };
        writeln!(text, "\nreading, {} ({scale}; sentences of {LEAST_WORDS} words and more):", language.code())?;
        for (section, grades) in sections(table, texts) {
            let Some((worst, sentence)) = &grades.worst else { continue };
            let mean = grades.sum / grades.count;
            let fits = (limits.better)(mean, limits.mean);
            // A label lists what belongs to it and is judged with the others of its section.
            let each_fits = section.starts_with(LABELS) || (limits.better)(*worst, limits.one);
            all_fit &= fits && each_fits;
            let mark = if fits && each_fits { "" } else { ", over the limit" };
            writeln!(text, "  {section}: {} sentences, mean {mean:.1}, hardest {worst:.1}{mark}", grades.count)?;
            if !each_fits {
                writeln!(text, "    {sentence}")?;
            }
        }
    }
    Ok(Report { text, fits: all_fit })
}

const LABELS: &str = "labels";

fn sections(table: &RuleTable, texts: &Texts) -> BTreeMap<String, Grades> {
    let mut sections: BTreeMap<String, Grades> = BTreeMap::new();
    let mut add = |section: &str, text: &str| {
        let offer = texts.care_levels.get("offer").map_or("", String::as_str);
        let text =
            text.replace("{emergency_number}", "112").replace("{items}", "").replace("{consultation_offer}", offer);
        let grades = sections.entry(section.to_owned()).or_default();
        for sentence in sentences(&text) {
            let words = words(&sentence);
            if words.len() >= LEAST_WORDS {
                grades.add(grade(&words, texts.language), sentence, texts.language);
            }
        }
    };
    add("form", &texts.questionnaire.introduction);
    for text in [&texts.questionnaire.alarm_stem, &texts.questionnaire.alarm_none].into_iter().flatten() {
        add("form", text);
    }
    add("outcome", &texts.outcome.explanation);
    for item in table.asked.items.iter() {
        let Some(text) = texts.items.get(item.id()) else { continue };
        add(&format!("{LABELS} of {}", item.spec().group.as_str()), &text.label);
        add("help", &text.help);
        for option in table.asked.options(item) {
            add(
                &format!("{LABELS} of options"),
                texts.options.get(item.id()).and_then(|of| of.get(option)).map_or("", |text| text),
            );
        }
    }
    for (name, section) in [
        ("bands", &texts.bands),
        ("care levels", &texts.care_levels),
        ("stages", &texts.stages),
        ("recommendations", &texts.recommendations),
        ("risks", &texts.risks),
        ("next screens", &texts.next_screens),
    ] {
        for text in section.values() {
            add(name, text);
        }
    }
    for (name, section) in [("rules", &texts.rules), ("red flags", &texts.red_flags)] {
        for text in section.values() {
            add(name, &text.reason);
        }
    }
    for (name, section) in [("instruments", &texts.instruments), ("pathways", &texts.pathways)] {
        for text in section.values() {
            add(name, &text.explanation);
        }
    }
    sections
}

impl Grades {
    fn add(&mut self, grade: f64, sentence: String, language: Language) {
        self.sum += grade;
        self.count += 1.0;
        if self.worst.as_ref().is_none_or(|(worst, _)| (limits(language).better)(*worst, grade)) {
            self.worst = Some((grade, sentence));
        }
    }
}

fn sentences(text: &str) -> Vec<String> {
    let mut sentences = vec![String::new()];
    for word in text.split_whitespace() {
        if let Some(last) = sentences.last_mut() {
            last.push_str(word);
            last.push(' ');
        }
        if word.trim_end_matches(['”', '"', '»', ')']).ends_with(['.', '!', '?']) {
            sentences.push(String::new());
        }
    }
    sentences.iter().map(|sentence| sentence.trim().to_owned()).collect()
}

fn words(sentence: &str) -> Vec<String> {
    let within = ['-', '\'', '+', '.', ','];
    let text = sentence.to_lowercase().replace('’', "'").replace(" %", " percent");
    let parts = text.split(|letter: char| !letter.is_alphanumeric() && !within.contains(&letter));
    parts.map(|part| part.trim_matches(within).to_owned()).filter(|word| !word.is_empty()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
fn grade(words: &[String], language: Language) -> f64 {
    let count = words.len() as f64;
    let syllables = words.iter().map(|word| syllables(word, language)).sum::<usize>() as f64;
    match language {
        Language::En => 0.39 * count + 11.8 * syllables / count - 15.59,
        Language::Es => 206.84 - 60.0 * syllables / count - 1.02 * count,
    }
}

fn syllables(word: &str, language: Language) -> usize {
    let named = |name: &str| name.strip_suffix('*').map_or(name == word, |beginning| word.starts_with(beginning));
    if NAMES.split_whitespace().any(named) {
        return 2;
    }
    if word.starts_with(|letter: char| letter.is_ascii_digit()) {
        return word.len().min(2);
    }
    let parts = word.split('-').filter(|part| !part.is_empty());
    let count: fn(&str) -> usize = match language {
        Language::En => english,
        Language::Es => spanish,
    };
    parts.map(count).sum()
}

/// Counts the groups of vowels, without a silent e and with the pairs that are two syllables.
fn english(word: &str) -> usize {
    const TWO_VOWELS_APART: [&str; 8] = ["area", "idea", "usual", "being", "doing", "going", "seeing", "created"];
    const SILENT_WITHIN: [&str; 4] = ["some", "everyd", "household", "homework"];
    let word = word.strip_suffix("'s").unwrap_or(word).replace('\'', "");
    let vowel = |letter: char| "aeiouy".contains(letter);
    let consonant_before = |ending: &str| {
        let stem = word.strip_suffix(ending).filter(|stem| stem.len() > 1);
        stem.and_then(|stem| stem.chars().next_back()).filter(|letter| !vowel(*letter))
    };
    let mut count = 0;
    let mut before = ' ';
    let mut earlier = ' ';
    for letter in word.chars() {
        let apart = before == 'i' && "ao".contains(letter) && !"tscg".contains(earlier);
        if vowel(letter) && (!vowel(before) || apart) || word.ends_with("ying") && before == 'y' && letter == 'i' {
            count += 1;
        }
        (earlier, before) = (before, letter);
    }
    let silent = consonant_before("e").is_some_and(|letter| letter != 'l' || !word.ends_with("le"))
        || (consonant_before("e") == Some('l') && word.chars().rev().nth(2).is_some_and(vowel))
        || consonant_before("es").is_some_and(|letter| !"sxzcglh".contains(letter))
        || consonant_before("ed").is_some_and(|letter| !"td".contains(letter))
        || ["ely", "eful", "ement", "eless"].iter().any(|ending| consonant_before(ending).is_some());
    let within = SILENT_WITHIN.iter().any(|beginning| word.starts_with(beginning));
    let apart = TWO_VOWELS_APART.iter().any(|known| word.starts_with(known));
    (count + usize::from(apart)).saturating_sub(usize::from(silent) + usize::from(within)).max(1)
}

/// Counts the groups of vowels; two strong or stressed vowels side by side are two syllables.
fn spanish(word: &str) -> usize {
    let word =
        word.replace('h', "").replace("que", "qe").replace("qui", "qi").replace("gue", "ge").replace("gui", "gi");
    let word = word.replace("qué", "qé").replace("guí", "gí");
    let word = word.strip_suffix('y').map_or(word.clone(), |stem| format!("{stem}i"));
    let groups = word.split(|letter: char| !"aeiouáéíóúü".contains(letter)).filter(|group| !group.is_empty());
    groups.map(|group| group.chars().filter(|letter| "aeoáéíóú".contains(*letter)).count().max(1)).sum::<usize>().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Releases;

    #[test]
    fn syllables_of_known_words() {
        for (word, count) in [
            ("a", 1),
            ("the", 1),
            ("people", 2),
            ("walked", 1),
            ("wanted", 2),
            ("makes", 1),
            ("places", 2),
            ("muscle", 2),
            ("muscles", 2),
            ("whole", 1),
            ("safely", 2),
            ("movement", 2),
            ("idea", 3),
            ("usually", 4),
            ("carrying", 3),
            ("something", 2),
            ("sometimes", 2),
            ("nation", 2),
            ("radio", 3),
            ("blood-thinner", 3),
            ("osteoporosis", 2),
            ("12", 2),
        ] {
            assert_eq!(syllables(word, Language::En), count, "{word}");
        }
        for (word, count) in [
            ("músculo", 3),
            ("muy", 1),
            ("quiero", 2),
            ("día", 2),
            ("ahora", 3),
            ("guía", 2),
            ("ciudad", 2),
            ("peor", 2),
        ] {
            assert_eq!(syllables(word, Language::Es), count, "{word}");
        }
    }

    /// By hand: 8 words, 8 syllables; 0.39 * 8 + 11.8 * 8 / 8 - 15.59 = -0.67.
    #[test]
    fn the_grade_of_a_sentence_is_its_formula() {
        let sentence = words("Do you need help when you climb stairs today?");
        assert_eq!(sentence.len(), 9);
        assert!((grade(&sentence[..8], Language::En) + 0.67).abs() < 1e-9);
        assert_eq!(sentences("One. Two (three?) Four").iter().filter(|one| !one.is_empty()).count(), 3);
    }

    #[test]
    fn the_texts_of_the_current_table_are_easy_to_read() {
        let Report { text, fits } = report(&Releases::load().unwrap().current().table).unwrap();
        assert!(fits && !text.contains("over the limit"), "{text}");
        assert!(text.lines().count() > 30, "{text}");
    }

    #[test]
    fn a_hard_sentence_is_shown() {
        let mut table = Releases::load().unwrap().current().table.clone();
        let hard = "Considerable deterioration of muscular capability necessitates immediate professional evaluation.";
        hard.clone_into(&mut table.texts.get_mut(&Language::En).unwrap().outcome.explanation);
        let Report { text, fits } = report(&table).unwrap();
        assert!(!fits && text.contains("over the limit") && text.contains(hard), "{text}");
    }
}
