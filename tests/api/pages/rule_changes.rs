//! The page of the changes between two versions.

use super::{LANGUAGES, page};
use crate::world::World;

#[tokio::test]
async fn a_change_has_both_sides_and_a_link_to_its_entry() {
    let world = World::new().await;
    let changes = page(&world, "/rules/2026.3/changes?lang=en").await;
    assert!(changes.text().contains("What changed from version 2026.2 to 2026.3"));
    let entries: Vec<_> = changes.elements.iter().filter(|element| element.get("data-kind").is_some()).collect();
    let with = |words: &[&str]| entries.iter().any(|entry| words.iter().all(|word| entry.text.contains(word)));
    assert!(with(&["age_60_69", "1 point", "3 points", "changed"]));
    assert!(with(&["moderate", "6 points", "10 points"]));
    assert!(with(&["stroke", "added"]) && with(&["neuromuscular_disease", "removed"]));
    let links = changes.links();
    for link in [
        "/rules/2026.3?lang=en#rule-age_60_69",
        "/rules/2026.3?lang=en#band-high",
        "/rules/2026.2?lang=en#rule-neuromuscular_disease",
    ] {
        assert!(links.iter().any(|one| one == link), "{link}: {links:?}");
    }
}

#[tokio::test]
async fn every_link_to_an_entry_leads_to_it() {
    let world = World::new().await;
    for (from, to) in [("2026.1", "2026.2"), ("2026.2", "2026.3"), ("2026.3", "2026.1")] {
        let changes = page(&world, &format!("/rules/{to}/changes?from={from}&lang=en")).await;
        let mut followed = 0;
        for version in [from, to] {
            let table = page(&world, &format!("/rules/{version}?lang=en")).await;
            let begin = format!("/rules/{version}?lang=en#");
            for anchor in changes.links().iter().filter_map(|link| link.strip_prefix(&begin)) {
                table.entry(anchor);
                followed += 1;
            }
        }
        assert!(followed > 20, "{from} {to}: {followed}");
    }
}

#[tokio::test]
async fn figures_come_before_entries_with_only_other_words() {
    let world = World::new().await;
    for language in LANGUAGES {
        let changes = page(&world, &format!("/rules/2026.3/changes?lang={language}")).await;
        let parts: Vec<_> = changes.elements.iter().filter(|one| one.name == "h2").map(|one| one.get("id")).collect();
        assert_eq!(parts, [Some("figures"), Some("wording")], "{language}");
    }
    // The reasons of these rules were reworded, and their figures did not change.
    let changes = page(&world, "/rules/2026.3/changes?lang=en").await;
    let (figures, wording) = changes.answer.text.split_once("id=\"wording\"").unwrap();
    for rule in ["#rule-sleep_under_6", "#rule-copd"] {
        assert!(!figures.contains(rule) && wording.contains(rule), "{rule}");
    }
    assert!(figures.contains("#rule-age_60_69") && !wording.contains("#rule-age_60_69"));
    assert!(!changes.answer.text.contains("#rule-falls_0"), "an entry without a change");
}

#[tokio::test]
async fn the_first_version_and_equal_versions_say_so() {
    let world = World::new().await;
    let text = async |address: &str| page(&world, address).await.text().to_owned();
    assert!(text("/rules/2026.1/changes?lang=en").await.contains("This is the first version."));
    assert!(text("/rules/2026.1/changes?lang=es").await.contains("Esta es la primera versión."));
    assert!(text("/rules/2026.2/changes?from=2026.2&lang=en").await.contains("The two versions do not differ."));
    assert!(text("/rules/2026.3/changes?from=2026.1&lang=es").await.contains("de la versión 2026.1 a la 2026.3"));
}
