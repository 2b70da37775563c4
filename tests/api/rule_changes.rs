//! What a rule table is compared with: the version before, the form's bands and the headings of its rules.

use serde_json::{Value, json};

use crate::world::{Answer, User, World};

async fn shown(user: &User, path: &str, language: &str) -> Answer {
    user.send(user.request("GET", path).header("accept-language", language)).await
}

fn one<'a>(list: &'a Value, section: &str, id: &str) -> &'a Value {
    let entries = list["entries"].as_array().unwrap();
    entries.iter().find(|entry| entry["section"] == section && entry["id"] == id).unwrap_or(&Value::Null)
}

fn field<'a>(entry: &'a Value, name: &str) -> &'a Value {
    let fields = entry["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn the_changes_of_a_version_are_in_words_before_and_after() {
    let world = World::new().await;
    let path = "/v1/rule-tables/2026.3/changes?from=2026.2";
    let english = shown(&world.holder(None), path, "en").await.expect(200);
    let spanish = shown(&world.holder(None), path, "es").await.expect(200);
    for (changes, language) in [(&english, "en"), (&spanish, "es")] {
        let about = [&changes["before"], &changes["after"], &changes["language"]];
        assert_eq!(about, [&json!("2026.2"), &json!("2026.3"), &json!(language)]);
        assert_eq!(changes["sources_language"], "en");
    }
    let start = field(one(&english, "bands", "high"), "from");
    assert_eq!(*start, json!({"name": "from", "before": ["11 points"], "after": ["15 points"]}));
    for (changes, before, after) in [
        (
            &english,
            "Myoglobin against its upper limit: more than 1 times",
            "Myoglobin against its upper limit: more than 1.5 times",
        ),
        (
            &spanish,
            "Mioglobina frente a su límite superior: más de 1 veces",
            "Mioglobina frente a su límite superior: más de 1,5 veces",
        ),
    ] {
        let entry = one(changes, "red_flags", "myoglobin_raised");
        assert_eq!((&entry["change"], &entry["only_wording"]), (&json!("changed"), &json!(false)));
        assert_eq!(*field(entry, "when"), json!({"name": "when", "before": [before], "after": [after]}));
    }
    let (added, removed) = (one(&english, "rules", "stroke"), one(&english, "rules", "proton_pump_inhibitor"));
    for (entry, change, given, other) in [(added, "added", "after", "before"), (removed, "removed", "before", "after")]
    {
        assert_eq!(entry["change"], change);
        assert!(entry["fields"].as_array().unwrap().iter().all(|field| field[other] == json!([])), "{entry}");
        assert_eq!(field(entry, "when")[given].as_array().unwrap().len(), 1, "{entry}");
        assert!(!entry["title"].as_str().unwrap().is_empty(), "{entry}");
    }
    let reworded = one(&english, "rules", "copd");
    assert_eq!((&reworded["change"], &reworded["only_wording"]), (&json!("changed"), &json!(true)));
    // Conditions and figures change in every language alike.
    let figures = |changes: &Value| {
        let entries = changes["entries"].as_array().unwrap().iter();
        let decide = entries.filter(|entry| entry["only_wording"] == false);
        decide.map(|entry| json!([entry["section"], entry["id"], entry["change"]])).collect::<Vec<_>>()
    };
    assert_eq!(figures(&english), figures(&spanish));
    let label = |changes: &Value| field(one(changes, "bands", "high"), "label")["after"][0].clone();
    let [here, there] = ["en", "es"].map(|language| shown_band(&world, language));
    assert_eq!((label(&english), label(&spanish)), (here.await, there.await));
}

/// The label of the high band in the form.
async fn shown_band(world: &World, language: &str) -> Value {
    let form = shown(&world.holder(None), "/v1/questionnaire", language).await.expect(200);
    form["bands"][2]["label"].clone()
}

#[tokio::test]
async fn changes_need_two_known_versions() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let path = "/v1/rule-tables/2026.3/changes";
    for (query, pointer, code) in [
        ("", "/from", "required"),
        ("?from=2026.9", "/from", "not_found"),
        ("?from=..%2f2026.2", "/from", "not_found"),
        ("?from=LOCK", "/from", "not_found"),
        ("?from=2026.2&to=2026.3", "/to", "unknown_field"),
    ] {
        let answer = anonymous.get(&format!("{path}{query}")).await;
        assert_eq!((answer.status, answer.pointers()), (400, vec![pointer.to_owned()]), "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["code"], code, "{query}");
    }
    for query in ["?from=", "?from=%20", "?from=2026.2%00", "?from=123456789012345678901"] {
        assert_eq!(anonymous.get(&format!("{path}{query}")).await.pointers(), ["/from"], "{query}");
    }
    anonymous.get(&format!("{path}?from=2026.2&{}", "x=&".repeat(100))).await.expect(414);
    for unknown in ["2026.9", "LOCK", "current"] {
        anonymous.get(&format!("/v1/rule-tables/{unknown}/changes?from=2026.2")).await.expect(404);
    }
    let same = anonymous.get(&format!("{path}?from=2026.3")).await.expect(200);
    assert_eq!(same["entries"], json!([]));
    // The order of the versions is the caller's.
    let back = anonymous.get("/v1/rule-tables/2026.2/changes?from=2026.3").await.expect(200);
    assert_eq!(one(&back, "rules", "stroke")["change"], "removed");
}

#[tokio::test]
async fn the_form_and_its_rule_table_have_the_same_bands_and_each_category_has_a_title() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let mut titles = Vec::new();
    for language in ["en", "es"] {
        let form = shown(&anonymous, "/v1/questionnaire", language).await.expect(200);
        let path = format!("/v1/rule-tables/{}", form["rule_table"].as_str().unwrap());
        let table = shown(&anonymous, &path, language).await.expect(200);
        assert_eq!((&form["bands"], &form["max_total"]), (&table["bands"], &table["max_total"]));
        let starts: Vec<_> =
            form["bands"].as_array().unwrap().iter().map(|band| (band["band"].clone(), band["from"].clone())).collect();
        assert_eq!(json!(starts), json!([["low", 0], ["moderate", 10], ["high", 15]]));
        let categories = table["categories"].as_array().unwrap();
        for rule in table["rules"].as_array().unwrap() {
            let of_rule: Vec<_> = categories.iter().filter(|one| one["id"] == rule["category"]).collect();
            assert_eq!(of_rule.len(), 1, "{rule}");
            assert!(!rule["when_text"].as_str().unwrap().is_empty(), "{rule}");
        }
        titles.push(categories.iter().map(|one| one["title"].clone()).collect::<Vec<_>>());
    }
    let [english, spanish] = &titles[..] else { panic!("{titles:?}") };
    assert_eq!(english.len(), spanish.len());
    for (here, there) in english.iter().zip(spanish) {
        assert!(here.as_str().is_some_and(|title| !title.is_empty()) && here != there, "{here} {there}");
    }
}
