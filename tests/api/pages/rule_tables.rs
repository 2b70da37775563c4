//! The page of a rule table says what `GET /v1/rule-tables/{version}` says. Its search works without script.

use serde_json::Value;

use super::{LANGUAGES, VERSIONS, in_language, page};
use crate::world::World;

/// The rule table as the API has it.
async fn table(world: &World, version: &str, language: &str) -> Value {
    let client = world.holder(None);
    let request = client.request("GET", &format!("/v1/rule-tables/{version}")).header("accept-language", language);
    client.send(request).await.expect(200)
}

fn list<'a>(table: &'a Value, section: &str) -> &'a [Value] {
    table[section].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_entry_of_the_api_is_on_the_page_with_its_texts_and_sources() {
    let world = World::new().await;
    for version in VERSIONS {
        for language in LANGUAGES {
            let table = table(&world, version, language).await;
            let page = page(&world, &in_language(&format!("/rules/{version}"), language)).await;
            let mut count = 0;
            for (section, anchor, texts) in [
                ("rules", "rule", &["reason", "note"][..]),
                ("red_flags", "alarm", &["reason", "note"]),
                ("instruments", "instrument", &["name", "explanation", "licence", "note"]),
                ("pathways", "pathway", &["name", "explanation", "note"]),
                ("recommendations", "advice", &["text"]),
                ("risks", "risk", &["text"]),
                ("next_screens", "next", &["text"]),
            ] {
                for entry in list(&table, section) {
                    let id = entry.get("id").or(entry.get("band")).map(text).unwrap();
                    let shown = page.entry(&format!("{anchor}-{id}"));
                    assert!(page.links().contains(&format!("#{anchor}-{id}")), "no link to {id}");
                    for name in texts {
                        assert!(shown.text.contains(text(&entry[name])), "{version} {language} {id}: {name}");
                    }
                    for source in list(entry, "sources") {
                        for name in ["cite", "effect"] {
                            assert!(shown.text.contains(text(&source[name])), "{version} {id}: {}", source[name]);
                        }
                    }
                    let judged = list(entry, "sources").iter().any(|source| source["confidence"] == "judgement");
                    let marked = ["judgement", "criterio propio"].iter().any(|tag| shown.text.contains(tag));
                    assert!(!judged || marked, "{version} {language} {id} is not marked");
                    count += 1;
                }
            }
            assert_eq!(page.entries(), count, "{version}");
        }
    }
}

#[tokio::test]
async fn the_figures_of_the_page_are_those_of_the_api() {
    let world = World::new().await;
    for version in VERSIONS {
        let table = table(&world, version, "en").await;
        let page = page(&world, &format!("/rules/{version}?lang=en")).await;
        for rule in list(&table, "rules") {
            let points = rule["points"].as_i64().unwrap();
            let points = if points == 1 { "1 point".to_owned() } else { format!("{points} points") };
            let shown = &page.entry(&format!("rule-{}", text(&rule["id"]))).text;
            assert!(shown.trim_start().starts_with(&format!("{points}\n")), "{shown}");
        }
        let starts: Vec<_> = list(&table, "bands").iter().map(|band| band["from"].as_i64().unwrap()).collect();
        for (band, range) in [
            ("low", format!("{} – {}", starts[0], starts[1] - 1)),
            ("moderate", format!("{} – {}", starts[1], starts[2] - 1)),
            ("high", format!("{} and more", starts[2])),
        ] {
            assert!(page.entry(&format!("band-{band}")).text.contains(&range), "{version} {band}: {range}");
        }
        assert!(page.text().contains(&format!("can reach is {}.", table["max_total"])), "{version}");
        assert!(page.text().contains(text(&table["digest"])), "{version}");
        for instrument in list(&table, "instruments") {
            let shown = &page.entry(&format!("instrument-{}", text(&instrument["id"]))).text;
            assert!(shown.contains(&format!("{} years", instrument["age_from"])), "{shown}");
            if let Some(cut_off) = instrument["cut_off"].as_i64() {
                assert!(shown.contains(&format!("{cut_off} points")), "{shown}");
            }
            for row in list(instrument, "accuracy") {
                for share in [&row["sensitivity"], &row["specificity"]].into_iter().filter(|share| share.is_object()) {
                    assert!(shown.contains(&format!("{} %", share["percent"].as_f64().unwrap())), "{shown}");
                }
            }
        }
        for source in list(&table, "sources") {
            let shown = page.entry(&format!("source-{}", text(&source["id"])));
            assert!(shown.text.contains(text(&source["cite"])) && shown.text.contains(text(&source["doi"])));
        }
    }
}

#[tokio::test]
async fn the_page_has_what_was_measured_of_the_total() {
    let world = World::new().await;
    for version in VERSIONS {
        for (language, own, nothing) in [
            ("en", "is not validated in a study of its own", "No figures were published for this version."),
            ("es", "no está validado en un estudio propio", "No se publicaron cifras de esta versión."),
        ] {
            let table = table(&world, version, language).await;
            let page = page(&world, &in_language(&format!("/rules/{version}"), language)).await;
            assert!(page.links().contains(&"#evidence".to_owned()) && page.by_id("evidence").is_some(), "{version}");
            let shown = page.text();
            let evidence = list(&table, "evidence");
            assert!(shown.contains(own) && shown.contains(nothing) == evidence.is_empty(), "{version} {language}");
            for measured in evidence {
                for name in ["outcome", "data", "measured_on", "note"] {
                    assert!(shown.contains(text(&measured[name])), "{version} {language}: {name} of {measured}");
                }
                for name in ["people", "cases"] {
                    assert!(shown.contains(&measured[name].to_string()), "{version} {language}: {name} of {measured}");
                }
                let of_bands = list(measured, "bands").iter();
                let of_bands =
                    of_bands.flat_map(|band| ["flagged", "sensitivity", "specificity"].map(|name| &band[name]));
                for share in of_bands.chain([&measured["area"]]) {
                    let percent = share["percent"].as_f64().unwrap().to_string();
                    let percent = if language == "es" { percent.replace('.', ",") } else { percent };
                    assert!(shown.contains(&format!("{percent} %")), "{version} {language}: {percent} of {measured}");
                }
            }
            // A search shows entries only.
            let searched = self::page(&world, &in_language(&format!("/rules/{version}?q=age"), language)).await;
            assert!(searched.by_id("evidence").is_none(), "{version}");
        }
    }
}

#[tokio::test]
async fn conditions_are_in_words_and_no_id_is_among_them() {
    let world = World::new().await;
    let page = page(&world, "/rules/2026.3?lang=en").await;
    for (id, words) in [
        ("rule-age_60_69", "Your age: 60 to 69 years"),
        ("rule-age_60_69", "One of these applies: Your age"),
        ("rule-polypharmacy", "Number of regular medicines: at least 5"),
        ("rule-bmi_low_for_age", "at age 18 to 69, less than 20 kg/m²; from age 70, less than 22 kg/m²"),
        ("rule-cancer", "Illnesses: includes “Cancer”"),
        ("rule-cancer", "The rules that apply are added, up to 4 points"),
        ("alarm-dark_urine_with_muscle_trouble", "All of these:"),
        ("pathway-ewgsop2", "Grip strength: less than 16 kg in women, less than 27 kg in men, or unable to do it"),
        ("instrument-sarc_f", "“Very hard, or I cannot do it” = 2 points"),
    ] {
        let shown = page.entry(id);
        assert!(shown.text.contains(words), "{id}: {}", shown.text);
    }
    for line in page.texts("lines") {
        let words = line.split_whitespace().filter(|word| !word.contains("://"));
        let ids: Vec<_> = words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
        assert!(ids.iter().all(|word| !word.contains('_')), "{ids:?}");
    }
}

#[tokio::test]
async fn the_search_finds_entries_without_script() {
    let world = World::new().await;
    for (search, language, found, missing) in [
        ("smoke", "en", "rule-smoker", "rule-age_60_69"),
        ("FUMA", "es", "rule-smoker", "rule-age_60_69"),
        ("caidas+12", "es", "rule-falls_1_3", "rule-smoker"),
        ("malmstrom", "en", "rule-carrying_some", "rule-smoker"),
    ] {
        let page = page(&world, &format!("/rules/2026.3?q={search}&lang={language}")).await;
        assert!(page.by_id(found).is_some() && page.by_id(missing).is_none(), "{search}");
        let status = page.elements.iter().find(|element| element.get("role") == Some("status")).unwrap();
        assert!(status.text.starts_with(&format!("{} ", page.entries())), "{search}: {}", status.text);
        assert!(page.entry("found-none").get("hidden").is_some(), "{search}");
        assert!(page.links().contains(&format!("/rules/2026.3?lang={language}")), "{search}: no link to all entries");
    }
    let nothing = page(&world, "/rules/2026.3?q=%22%3Cxyz%3E").await;
    assert_eq!((nothing.entries(), nothing.entry("found-none").get("hidden")), (0, None));
    assert_eq!(nothing.entry("q").get("value"), Some("\"<xyz>"));
    let complete = page(&world, "/rules/2026.3?q=+").await;
    assert!(complete.entries() > 100 && complete.text().contains("How the total comes about"));
}

#[tokio::test]
async fn the_list_marks_the_current_version_and_links_each_version_with_its_changes() {
    let world = World::new().await;
    let list = page(&world, "/rules?lang=en").await;
    let titles = list.elements.iter().filter(|element| element.name == "h2");
    let titles: Vec<_> = titles.map(|title| &*title.text).collect();
    assert_eq!(titles, ["Version 2026.3 current", "Version 2026.2", "Version 2026.1"]);
    let links = list.links();
    for link in ["/rules/2026.1?lang=en", "/rules/2026.3?lang=en", "/rules/2026.3/changes?from=2026.2&lang=en"] {
        assert!(links.iter().any(|one| one == link), "{link}: {links:?}");
    }
    let text = |version: &str| format!("/rules/{version}?lang=en");
    assert!(page(&world, &text("2026.3")).await.text().contains("New answers are scored with this version."));
    assert!(page(&world, &text("2026.1")).await.text().contains("This is an earlier version."));
}

#[tokio::test]
async fn a_version_that_only_the_database_has_is_shown() {
    let world = World::new().await;
    let mut files = sarcoscreen::rules::released_files("2026.1").unwrap();
    let written = files.get_mut("table.toml").unwrap();
    *written = written.replace("version = \"2026.1\"", "version = \"2025.1\"");
    let insert = "insert into rule_tables values ('2025.1', repeat('0', 64), $1, now())";
    sqlx::query(insert).bind(serde_json::json!(files)).execute(&mut world.connect().await).await.unwrap();
    assert!(page(&world, "/rules/2025.1").await.by_id("rule-smoker").is_some());
    let changes = page(&world, "/rules/2025.1/changes?lang=en").await;
    assert!(changes.text().contains("This is the first version."));
    let changes = page(&world, "/rules/2025.1/changes?from=2026.1&lang=en").await;
    assert!(changes.text().contains("The two versions do not differ."));
}
