//! The form, the rule tables and outcomes in every available language.

use sarcoscreen::app::clinics::NewClinic;
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::language::Language;
use sarcoscreen::domain::screening::questionnaire::{Item, Kind};
use serde_json::{Value, json};

use crate::world::{Answer, User, World, fit, frail, new_clinic, releases};

/// `GET path` with an `Accept-Language`, if any, and other headers.
async fn get(user: &User, path: &str, language: &str, others: &[(&str, &str)]) -> Answer {
    let mut request = user.request("GET", path);
    if !language.is_empty() {
        request = request.header("accept-language", language);
    }
    for (name, value) in others {
        request = request.header(*name, *value);
    }
    user.send(request).await
}

async fn form(world: &World, language: &str) -> Value {
    get(&world.holder(None), "/v1/questionnaire", language, &[]).await.expect(200)
}

fn items(form: &Value) -> Vec<Value> {
    let groups = form["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["items"].as_array().unwrap()).cloned().collect()
}

fn said(value: &Value) -> &str {
    let text = value.as_str().unwrap();
    assert!(!text.trim().is_empty());
    text
}

const LANGUAGES: [(&str, &str); 19] = [
    ("", "en"),
    ("en", "en"),
    ("es", "es"),
    ("ES", "es"),
    ("es-MX", "es"),
    ("es-419", "es"),
    ("en-GB", "en"),
    ("fr", "en"),
    ("est", "en"),
    ("fr, es", "es"),
    ("fr, es;q=0.2, en;q=0.1", "es"),
    ("en;q=0.5, es;q=0.9", "es"),
    ("es;q=0.5, en;q=0.9", "en"),
    ("de, fr;q=0.9, *;q=0.1", "en"),
    ("es;q=0", "en"),
    ("fr, es;q=0.0, en;q=0.1", "en"),
    ("*", "en"),
    ("@@@", "en"),
    (";;q=,", "en"),
];

#[tokio::test]
async fn the_form_uses_the_best_requested_language() {
    let world = World::new().await;
    for (asked, wanted) in LANGUAGES {
        let answer = get(&world.holder(None), "/v1/questionnaire", asked, &[]).await;
        assert_eq!(answer.header("content-language"), wanted, "{asked:?}");
        assert!(answer.header("vary").to_lowercase().contains("accept-language"));
        assert!(answer.header("cache-control").contains("public"));
        assert_eq!(answer.expect(200)["language"], wanted, "{asked:?}");
    }
    let (english, spanish) = (form(&world, "en").await, form(&world, "es").await);
    for name in ["title", "introduction", "explanation"] {
        assert_ne!(said(&english[name]), said(&spanish[name]), "{name}");
    }
    for (here, there) in english["groups"].as_array().unwrap().iter().zip(spanish["groups"].as_array().unwrap()) {
        assert_eq!(here["id"], there["id"]);
        assert_ne!(said(&here["title"]), said(&there["title"]));
    }
}

#[tokio::test]
async fn a_client_with_the_current_form_in_its_language_gets_304() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let tag = async |language| get(&anonymous, "/v1/questionnaire", language, &[]).await.header("etag").to_owned();
    let (english, spanish) = (tag("en").await, tag("es").await);
    assert!(english.starts_with('"') && english.ends_with('"') && english != spanish, "{english} {spanish}");
    assert_eq!(tag("en-GB").await, english);
    // A proxy that compresses the form itself makes the `ETag` weak.
    let weak = format!("W/{english}");
    let list = format!("\"other\", {english}");
    for (language, known, status) in [
        ("en", english.as_str(), 304),
        ("es", &spanish, 304),
        ("es", &english, 200),
        ("en", &spanish, 200),
        ("en", &weak, 304),
        ("en", &list, 304),
        ("en", "*", 304),
        ("en", "\"other\"", 200),
        ("en", "garbage", 200),
    ] {
        let answer = get(&anonymous, "/v1/questionnaire", language, &[("if-none-match", known)]).await;
        assert_eq!(answer.status, status, "{language} {known}");
        assert_eq!(answer.header("etag"), if language == "en" { &english } else { &spanish });
        assert!(answer.header("vary").to_lowercase().contains("accept-language"));
        assert_eq!(answer.text.is_empty(), status == 304);
    }
}

#[tokio::test]
async fn every_item_is_in_the_form_once_with_its_rendering_data() {
    let world = World::new().await;
    let releases = releases();
    let asked = &releases.current().table.asked;
    for language in ["en", "es"] {
        let served = items(&form(&world, language).await);
        assert_eq!(served.len(), asked.items.iter().count());
        for spec in asked.items.iter().map(Item::spec) {
            let found: Vec<&Value> = served.iter().filter(|item| item["id"] == spec.id).collect();
            let [item] = found[..] else { panic!("{} is in the form {} times", spec.id, found.len()) };
            said(&item["label"]);
            said(&item["help"]);
            assert!(said(&item["short"]).chars().count() <= 40, "{}", item["short"]);
            assert_eq!(item["required"], Item::REQUIRED.contains(&spec.item), "{}", spec.id);
            assert_eq!(item["audience"], spec.audience().as_str());
            let options = item["options"].as_array().unwrap();
            let named: Vec<&str> = options.iter().map(|option| option["id"].as_str().unwrap()).collect();
            assert_eq!(named, asked.options(spec.item).collect::<Vec<_>>(), "{}", spec.id);
            for option in options {
                said(&option["label"]);
                assert!(said(&option["short"]).chars().count() <= 40, "{}", option["short"]);
                let alone = matches!(spec.kind, Kind::Set { exclusive: Some(id), .. } if option["id"] == id);
                assert_eq!(option["excludes_others"], alone, "{}", spec.id);
            }
            let Kind::Number { maximum, step, scale, unit, .. } = spec.kind else {
                assert_eq!([&item["minimum"], &item["maximum"], &item["step"], &item["unit"]], [&Value::Null; 4]);
                continue;
            };
            for (name, units) in [("minimum", spec.least()), ("maximum", maximum), ("step", step)] {
                assert_eq!(item[name], json!(f64::from(units) / f64::from(scale)), "{}", spec.id);
            }
            assert_eq!(item["unit"]["id"], unit);
            said(&item["unit"]["label"]);
        }
    }
    let (english, spanish) = (items(&form(&world, "en").await), items(&form(&world, "es").await));
    for (here, there) in english.iter().zip(&spanish) {
        assert_ne!(here["label"], there["label"], "{}", here["id"]);
    }
}

#[tokio::test]
async fn every_answer_of_the_form_is_accepted_and_values_beyond_it_are_refused() {
    let world = World::new().await;
    let browser = world.clinic("One").await.browser;
    let score = async |id: &str, answer: Value, status: u16| {
        let mut answers = json!({id: answer});
        // An upper limit needs its value.
        if let Some(value) = [
            ("creatine_kinase_upper_limit_u_l", "creatine_kinase_u_l"),
            ("myoglobin_upper_limit_ug_l", "myoglobin_ug_l"),
        ]
        .into_iter()
        .find(|(limit, _)| *limit == id)
        {
            answers[value.1] = json!(100);
        }
        let scored = browser.post("/v1/scores", &json!({"answers": answers})).await;
        assert_eq!(scored.status, status, "{id}: {answer}: {}", scored.text);
        if status == 422 {
            assert!(scored.pointers()[0].starts_with(&format!("/answers/{id}")), "{}", scored.text);
        }
    };
    for item in items(&form(&world, "en").await) {
        let id = item["id"].as_str().unwrap();
        let options: Vec<&str> =
            item["options"].as_array().unwrap().iter().map(|option| option["id"].as_str().unwrap()).collect();
        match item["kind"].as_str().unwrap() {
            "boolean" => {
                score(id, json!(true), 200).await;
                score(id, json!(1), 422).await;
            }
            "choice" => {
                for option in options {
                    score(id, json!(option), 200).await;
                }
                score(id, json!("other than these"), 422).await;
            }
            "set" => {
                for option in options {
                    score(id, json!([option]), 200).await;
                }
                score(id, json!([]), 200).await;
                score(id, json!(["other than these"]), 422).await;
            }
            kind => {
                let number = |name: &str| item[name].as_f64().unwrap();
                let (least, greatest, step) = (number("minimum"), number("maximum"), number("step"));
                assert_eq!(kind == "integer", step.fract() == 0.0, "{id}");
                let exact = |value: f64| json!((value * 1000.0).round() / 1000.0);
                for (value, status) in [
                    (least, 200),
                    (least + step, 200),
                    (greatest, 200),
                    (least - step, 422),
                    (greatest + step, 422),
                    (least + step / 2.0, 422),
                ] {
                    score(id, exact(value), status).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn rule_tables_are_listed_and_shown_completely_in_both_languages() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let list = anonymous.get("/v1/rule-tables").await;
    assert!(list.header("cache-control").contains("public"));
    let list = list.expect(200);
    let versions = list["items"].as_array().unwrap();
    assert_eq!(versions.iter().filter(|version| version["current"] == true).count(), 1);
    assert_eq!(list["next_cursor"], Value::Null);
    for version in versions {
        assert_eq!(version["digest"].as_str().unwrap().len(), 64);
        let path = format!("/v1/rule-tables/{}", version["version"].as_str().unwrap());
        let english = get(&anonymous, &path, "en", &[]).await.expect(200);
        let spanish = get(&anonymous, &path, "es-ES", &[]).await;
        assert_eq!(spanish.header("content-language"), "es");
        assert!(spanish.header("vary").to_lowercase().contains("accept-language"));
        let spanish = spanish.expect(200);
        assert_eq!((&spanish["digest"], spanish.get("current")), (&version["digest"], None));
        let most = if version["version"] == "2026.3" { 44 } else { 39 };
        assert_eq!((&english["validated"], &english["max_total"]), (&json!(false), &json!(most)));
        for (part, text) in [("rules", "reason"), ("red_flags", "reason"), ("recommendations", "text")] {
            let (here, there) = (english[part].as_array().unwrap(), spanish[part].as_array().unwrap());
            assert!(!here.is_empty() && here.len() == there.len());
            for (here, there) in here.iter().zip(there) {
                assert_eq!(here["id"], there["id"]);
                // A rule without points is never a finding, so it has no text.
                if here["points"] == 0 {
                    assert_eq!((&here[text], &there[text]), (&json!(""), &json!("")), "{}", here["id"]);
                    continue;
                }
                assert_ne!(said(&here[text]), said(&there[text]), "{}", here["id"]);
                assert!(!here["sources"].as_array().unwrap().is_empty(), "{}", here["id"]);
            }
        }
    }
    for unknown in ["2026.4", "2026", "current", "2026.1%20", "LOCK", "..%2f2026.1"] {
        anonymous.get(&format!("/v1/rule-tables/{unknown}")).await.expect(404);
    }
}

#[tokio::test]
async fn a_receipt_uses_the_requested_language_or_the_clinics_default() {
    let world = World::new().await;
    let english = world.clinic("One").await.intake;
    let new = NewClinic { language: Language::Es, ..new_clinic("Dos") };
    let clinic = sarcoscreen::app::clinics::create(&world.app, new).await.unwrap();
    let spanish = world.user(clinic.clinic_id.0, Role::Intake, None).await;
    let reasons = |table: &Value, receipt: &Value| {
        for finding in receipt["assessment"]["findings"].as_array().unwrap() {
            let rules = table["rules"].as_array().unwrap();
            let rule = rules.iter().find(|rule| rule["id"] == finding["rule"]).unwrap();
            assert_eq!(rule["reason"], finding["reason"]);
        }
    };
    for (user, asked, wanted) in [
        (&english, "", "en"),
        (&english, "es", "es"),
        (&english, "fr", "en"),
        (&spanish, "", "es"),
        (&spanish, "fr", "es"),
        (&spanish, "en", "en"),
        (&spanish, "es;q=0", "es"),
    ] {
        let mut request = user.request("POST", "/v1/submissions").json(&json!({"answers": frail()}));
        if !asked.is_empty() {
            request = request.header("accept-language", asked);
        }
        let answer = user.send(request).await;
        assert_eq!(answer.header("content-language"), wanted, "{asked}");
        assert!(answer.header("vary").to_lowercase().contains("accept-language"));
        let location = answer.header("location").to_owned();
        let receipt = answer.expect(201);
        assert_eq!(receipt["assessment"]["language"], wanted);
        reasons(&get(user, "/v1/rule-tables/2026.3", wanted, &[]).await.expect(200), &receipt);
        // A later read returns the text in the language of the first response, unless it asks for another one.
        let again = user.get(&location).await;
        assert_eq!(again.header("content-language"), wanted);
        assert_eq!(again.expect(200)["assessment"], receipt["assessment"]);
        let other = if wanted == "en" { "es" } else { "en" };
        let translated = get(user, &location, other, &[]).await;
        assert_eq!(translated.header("content-language"), other);
        assert_eq!(translated.expect(200)["assessment"]["language"], other);
    }
    let request =
        english.request("POST", "/v1/scores").header("accept-language", "es").json(&json!({"answers": fit()}));
    let scored = english.send(request).await;
    assert_eq!(scored.header("content-language"), "es");
    assert_eq!(scored.expect(200)["language"], "es");
    // The care text and the red flags of a refusal are in the requested language too.
    let alarm = json!({"answers": {"age": 7, "dark_urine": true, "muscle_pain": true}});
    let refused = |language| english.request("POST", "/v1/scores").header("accept-language", language).json(&alarm);
    let (here, there) = (english.send(refused("en")).await.expect(422), english.send(refused("es")).await.expect(422));
    assert_ne!(said(&here["care_text"]), said(&there["care_text"]));
    assert_ne!(said(&here["red_flags"][0]["reason"]), said(&there["red_flags"][0]["reason"]));
}

#[tokio::test]
async fn head_responds_like_get_without_a_body() {
    let world = World::new().await;
    for path in ["/v1/questionnaire", "/health/ready"] {
        let user = world.holder(None);
        let (whole, head) = (user.get(path).await, user.send(user.request("HEAD", path)).await);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), whole.header("content-length"), "{path}");
    }
}
