//! The forms as form renderers read them: audiences, units, help, exclusive options, languages, canonical URLs, value sets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{create_once, identified, ids, response};
use crate::world::{User, World, frail};

const CORE: &str = "http://hl7.org/fhir/StructureDefinition";
const SDC: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition";
const PUBLIC: &str = "https://screening.example";

/// The questions of a form, below its headings.
fn questions(form: &Value) -> Vec<Value> {
    let headings = form["item"].as_array().unwrap().iter().filter(|item| item["type"] == "group");
    headings.flat_map(|heading| heading["item"].as_array().unwrap().clone()).collect()
}

fn question(form: &Value, id: &str) -> Value {
    questions(form).into_iter().find(|item| item["linkId"] == id).unwrap_or_else(|| panic!("no {id}"))
}

fn links(form: &Value) -> BTreeSet<String> {
    questions(form).iter().map(|item| item["linkId"].as_str().unwrap().to_owned()).collect()
}

/// The extension with a URL.
fn extension(element: &Value, url: &str) -> Value {
    let listed = element["extension"].as_array().cloned().unwrap_or_default();
    listed.into_iter().find(|one| one["url"] == url).unwrap_or_default()
}

async fn form(user: &User, id: &str) -> Value {
    user.get(&format!("/fhir/Questionnaire/{id}")).await.expect(200)
}

#[tokio::test]
async fn each_audience_has_a_form_with_the_items_of_the_person_and_its_own() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let whole = form(&anonymous, "2026.3").await;
    let [person, staff, laboratory] = ["person", "staff", "laboratory"].map(|audience| format!("2026.3-{audience}"));
    let (person, staff, laboratory) =
        (form(&anonymous, &person).await, form(&anonymous, &staff).await, form(&anonymous, &laboratory).await);
    let served = anonymous.get("/v1/questionnaire").await.expect(200);
    let items = |audience: &str| -> BTreeSet<String> {
        let groups = served["groups"].as_array().unwrap().iter().flat_map(|group| group["items"].as_array().unwrap());
        groups.filter(|item| item["audience"] == audience).map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let union = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.union(other).cloned().collect::<BTreeSet<_>>();
    assert_eq!(links(&person), items("person"));
    assert_eq!(links(&staff), union(&items("person"), &items("staff")));
    assert_eq!(links(&laboratory), union(&items("person"), &items("laboratory")));
    assert_eq!(links(&whole), union(&links(&staff), &links(&laboratory)));
    assert_eq!(staff["url"], "urn:sarcoscreen:questionnaire:staff");
    assert_eq!(staff["derivedFrom"], json!(["urn:sarcoscreen:questionnaire|2026.3"]));
    assert_eq!((&whole["url"], whole.get("derivedFrom")), (&json!("urn:sarcoscreen:questionnaire"), None));
    for one in [&whole, &person, &staff, &laboratory] {
        assert_eq!(one["meta"]["profile"], json!([format!("{SDC}/sdc-questionnaire")]));
        assert!(one["item"].as_array().unwrap().iter().any(|item| item["linkId"] == "sarc_f_total"));
    }
    anonymous.get("/fhir/Questionnaire/2026.3-other").await.expect(404);
}

#[tokio::test]
async fn a_search_finds_forms_by_version_url_status_and_id() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let found = async |query: &str| -> Vec<String> {
        ids(&anonymous.get(&format!("/fhir/Questionnaire?_count=20{query}")).await.expect(200))
    };
    assert_eq!(found("").await, ["2026.3", "2026.3-person", "2026.3-staff", "2026.3-laboratory"]);
    assert_eq!(found("&url=urn:sarcoscreen:questionnaire:person").await, ["2026.3-person"]);
    assert_eq!(found("&url=urn:sarcoscreen:questionnaire&version=2026.1").await, ["2026.1"]);
    assert_eq!(found("&_id=2026.2-staff,2026.3").await, ["2026.3", "2026.2-staff"]);
    assert_eq!(found("&status=retired").await.len(), 8);
    assert_eq!(found("&url=urn:other").await, [""; 0]);
    assert_eq!(found("&name:contains=screenstaff").await, ["2026.3-staff"]);
    assert_eq!(found("&name:exact=SarcopeniaScreenStaff,other").await, ["2026.3-staff"]);
    assert_eq!(found("&name:exact=sarcopeniascreenstaff").await, [""; 0]);
    assert_eq!(found("&name=screenstaff").await, [""; 0]);
    let title = form(&anonymous, "2026.3").await["title"].as_str().unwrap().to_lowercase();
    let last = title.split(' ').next_back().unwrap();
    assert_eq!(found(&format!("&title:contains={last}")).await.len(), 4);
    assert_eq!(found("&title:contains=no-such-title").await, [""; 0]);
    // A list has no empty value, which every text would contain; an escaped comma is part of a value.
    assert_eq!(found("&title:contains=no-such-title,").await, [""; 0]);
    assert_eq!(found("&name:exact=other%5C,SarcopeniaScreenStaff").await, [""; 0]);
    // A page has one form unless more are asked for; each page has the link to the next.
    let (mut path, mut read) = ("/fhir/Questionnaire".to_owned(), Vec::new());
    loop {
        let page = anonymous.get(&path).await.expect(200);
        assert_eq!(page["total"], 4);
        read.extend(ids(&page));
        let next = page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next");
        let Some(next) = next else { break };
        path = next["url"].as_str().unwrap().replacen(&world.base, "", 1);
    }
    assert_eq!(read, found("").await);
    assert_eq!(form(&anonymous, "2026.1").await["status"], "retired");
}

#[tokio::test]
async fn a_question_has_what_a_renderer_needs() {
    let world = World::new().await;
    let form = form(&world.holder(None), "2026.3").await;
    let unit = |id: &str| extension(&question(&form, id), &format!("{CORE}/questionnaire-unit"))["valueCoding"].clone();
    for (id, code) in [("age", "a"), ("height_cm", "cm"), ("gait_speed_m_s", "m/s"), ("vitamin_d_nmol_l", "nmol/L")] {
        assert_eq!((&unit(id)["system"], &unit(id)["code"]), (&json!("http://unitsofmeasure.org"), &json!(code)));
    }
    // A count has no unit.
    assert!(unit("falls_past_year").is_null());
    let speed = question(&form, "gait_speed_m_s");
    assert_eq!(extension(&speed, &format!("{CORE}/maxDecimalPlaces"))["valueInteger"], 2);
    let control = |element: &Value| {
        let concept = extension(element, &format!("{CORE}/questionnaire-itemControl"))["valueCodeableConcept"].clone();
        (concept["coding"][0]["system"].clone(), concept["coding"][0]["code"].clone())
    };
    let system = json!("http://hl7.org/fhir/questionnaire-item-control");
    let help = speed["item"][0].clone();
    assert_eq!((&help["linkId"], &help["type"]), (&json!("gait_speed_m_s.help"), &json!("display")));
    assert_eq!(control(&help), (system.clone(), json!("help")));
    assert_eq!(control(&question(&form, "stair_difficulty")), (system.clone(), json!("radio-button")));
    assert_eq!(control(&question(&form, "medications")), (system, json!("check-box")));
    let exclusive: Vec<String> = questions(&form)
        .iter()
        .flat_map(|item| item["answerOption"].as_array().cloned().unwrap_or_default())
        .filter(|option| extension(option, &format!("{CORE}/questionnaire-optionExclusive"))["valueBoolean"] == true)
        .map(|option| option["valueCoding"]["code"].as_str().unwrap().to_owned())
        .collect();
    assert!(exclusive.contains(&"medications.none_of_these".to_owned()), "{exclusive:?}");
    assert!(exclusive.iter().all(|code| code.ends_with(".none_of_these")), "{exclusive:?}");
    let short = extension(&question(&form, "stair_difficulty"), &format!("{SDC}/sdc-questionnaire-shortText"));
    assert_eq!(short["valueString"], "Going up ten stairs");
    // LOINC codes only where they are confirmed.
    let loinc: Vec<String> = questions(&form)
        .iter()
        .flat_map(|item| item["code"].as_array().cloned().unwrap_or_default())
        .filter(|code| code["system"] == "http://loinc.org")
        .map(|code| code["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(loinc, ["8302-2", "29463-7", "82291-6"]);
    let grip = question(&form, "grip_strength_kg")["code"].clone();
    assert_eq!(grip, json!([{"system": "urn:sarcoscreen:results", "code": "grip_strength_kg"}]));
}

/// Every text that the translation extension gives a value, with its language.
fn translated(element: &Value, found: &mut Vec<(String, String)>) {
    match element {
        Value::Object(members) => {
            if members.get("url") == Some(&json!(format!("{CORE}/translation"))) {
                let part = |name: &str| {
                    let part = extension(element, name);
                    part["valueCode"].as_str().or(part["valueString"].as_str()).unwrap().to_owned()
                };
                found.push((part("lang"), part("content")));
            }
            members.values().for_each(|member| translated(member, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| translated(entry, found)),
        _ => {}
    }
}

#[tokio::test]
async fn a_form_has_its_texts_in_both_languages() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let of = async |language: &str| {
        let request = anonymous.request("GET", "/fhir/Questionnaire/2026.3").header("accept-language", language);
        anonymous.send(request).await.expect(200)
    };
    let (english, spanish) = (of("en").await, of("es").await);
    for (one, other, language) in [(&english, &spanish, "es"), (&spanish, &english, "en")] {
        let mut found = Vec::new();
        translated(one, &mut found);
        assert!(found.len() > 150 && found.iter().all(|(of, _)| of == language), "{}", found.len());
        let texts: BTreeSet<&str> = found.iter().map(|(_, text)| &**text).collect();
        assert!(texts.contains(other["title"].as_str().unwrap()));
        for question in questions(other) {
            assert!(texts.contains(question["text"].as_str().unwrap()), "{question}");
        }
    }
    let codes = anonymous.get("/fhir/CodeSystem/answers").await.expect(200);
    assert!(codes["concept"].as_array().unwrap().iter().all(|one| one["designation"][0]["language"] == "es"));
}

#[tokio::test]
async fn canonical_urls_follow_the_public_url_and_old_names_stay_accepted() {
    let world = World::with(|settings| settings.public_url = Some(PUBLIC.to_owned())).await;
    let intake = world.clinic("One").await.intake;
    let url = format!("{PUBLIC}/fhir/Questionnaire/sarcoscreen");
    let whole = form(&intake, "2026.3").await;
    assert_eq!(whole["url"], url);
    assert_eq!(form(&intake, "2026.3-person").await["url"], format!("{url}-person"));
    // The URL is also the address of the current version.
    assert_eq!(form(&intake, "sarcoscreen").await, whole);
    let found = intake.get(&format!("/fhir/Questionnaire?url={url}")).await.expect(200);
    assert_eq!(found["entry"].as_array().unwrap().len(), 1);
    let names = [
        url.clone(),
        format!("{url}|2026.3"),
        format!("{url}-staff|2026.3"),
        "urn:sarcoscreen:questionnaire|2026.3".to_owned(),
        "urn:sarcoscreen:questionnaire:person".to_owned(),
        "https://earlier.example/fhir/Questionnaire/sarcoscreen|2026.3".to_owned(),
    ];
    for (place, name) in names.iter().enumerate() {
        let mut body = identified(&frail(), &place.to_string());
        body["questionnaire"] = json!(name);
        body["subject"] = json!({"identifier": {"value": "R-1"}});
        let stored = create_once(&intake, &place.to_string(), &body).await.expect(201);
        assert_eq!(stored["questionnaire"], format!("{url}|2026.3"), "{name}");
    }
    for other in [format!("{url}-other"), format!("{PUBLIC}/fhir/Questionnaire/other"), format!("{url}|1999.1")] {
        let mut body = response(&frail());
        body["questionnaire"] = json!(other);
        body["subject"] = json!({"identifier": {"value": "R-1"}});
        intake.post("/fhir/QuestionnaireResponse", &body).await.expect(422);
    }
    let found = intake.get(&format!("/fhir/QuestionnaireResponse?questionnaire={url}")).await.expect(200);
    assert_eq!(found["entry"].as_array().unwrap().len(), names.len());
    let set = intake.get("/fhir/ValueSet/stair-difficulty").await.expect(200);
    assert_eq!(set["url"], format!("{PUBLIC}/fhir/ValueSet/stair-difficulty"));
}

#[tokio::test]
async fn each_item_with_options_has_a_value_set_of_the_same_codes() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    let form = form(&anonymous, "2026.3").await;
    let sets = anonymous.get("/fhir/ValueSet").await.expect(200);
    let sets = sets["entry"].as_array().unwrap();
    let with_options: Vec<Value> =
        questions(&form).into_iter().filter(|item| item.get("answerOption").is_some()).collect();
    assert_eq!(sets.len(), with_options.len());
    for item in with_options {
        let id = item["linkId"].as_str().unwrap().replace('_', "-");
        let set = anonymous.get(&format!("/fhir/ValueSet/{id}")).await.expect(200);
        assert_eq!(set["url"], format!("urn:sarcoscreen:valueset:{id}"));
        let included = &set["compose"]["include"][0];
        assert_eq!(included["system"], "urn:sarcoscreen:answers");
        let codes = |list: &Value, at: &str| -> Vec<Value> {
            list.as_array().unwrap().iter().map(|one| one.pointer(at).unwrap().clone()).collect()
        };
        assert_eq!(codes(&included["concept"], "/code"), codes(&item["answerOption"], "/valueCoding/code"));
        assert_eq!(codes(&included["concept"], "/display"), codes(&item["answerOption"], "/valueCoding/display"));
        let by_url = anonymous.get(&format!("/fhir/ValueSet?url=urn:sarcoscreen:valueset:{id}")).await.expect(200);
        assert_eq!(by_url["entry"][0]["resource"], set);
    }
    anonymous.get("/fhir/ValueSet/age").await.expect(404);
}
