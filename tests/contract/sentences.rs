//! The sentences of faults have the same values in each language.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The string literals at the start of a text, separated by white space and commas.
fn literals(text: &str, count: usize) -> Option<Vec<String>> {
    let mut rest = text;
    let mut found = Vec::new();
    while found.len() < count {
        rest = rest.trim_start_matches([' ', '\n', ',']).strip_prefix('"')?;
        let end = rest.match_indices('"').map(|(at, _)| at).find(|at| !rest[..*at].ends_with('\\'))?;
        found.push(rest[..end].to_owned());
        rest = &rest[end + 1..];
    }
    Some(found)
}

/// The names in braces.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

fn check(folder: &Path, checked: &mut usize) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check(&path, checked);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (at, call) in text.match_indices("Sentence::new(") {
                let Some(pair) = literals(&text[at + call.len()..], 2) else { continue };
                let [english, spanish] = [&*pair[0], &*pair[1]];
                assert_eq!(places(english), places(spanish), "{}: {english}", path.display());
                assert_ne!(english, spanish, "{}", path.display());
                let known = ["minimum", "maximum", "step", "allowed", "name"];
                assert!(places(english).iter().all(|place| known.contains(place)), "{english}");
                *checked += 1;
            }
        }
    }
}

#[test]
fn each_sentence_of_a_fault_has_the_same_values_in_each_language() {
    let mut checked = 0;
    check(Path::new("src"), &mut checked);
    assert!(checked > 80, "only {checked} sentences were found");
}
