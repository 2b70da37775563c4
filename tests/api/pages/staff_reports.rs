//! The search, the statistics and the exports of the pages of staff: they find and say what the API does.

use sarcoscreen::app::clinics::{change, list};
use sarcoscreen::domain::clinics::{Clinic, Profile};
use serde_json::json;

use super::html::Page;
use super::staff::{CONTACT, case_of, case_page, flagged, show, signed_in};
use super::{LANGUAGES, in_language};
use crate::audit::{entries_of, fresh_id};
use crate::follow_ups::{act, open};
use crate::world::{World, fit};

#[tokio::test]
async fn a_person_is_found_by_each_way_and_leads_to_the_cases() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let receipt = flagged(&clinic, "R-1", true).await;
    clinic.intake.submit(&json!({"answers": fit(), "subject": {"reference": "R-2"}})).await.expect(201);
    let case = case_page(&case_of(&receipt));
    let code = receipt["receipt_code"].as_str().unwrap();
    let spaced = format!(" {}-{}", &code[..4], code[4..].to_lowercase());
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let stranger = &mut signed_in(&world, &other.staff).await;
    for (by, text) in [
        ("reference", "R-1"),
        ("name", "nunez maria"),
        ("telephone", "+34 600111222"),
        ("email", "MARIA@mail.example"),
        ("receipt_code", code),
        ("receipt_code", &*spaced),
    ] {
        let answer = browser.post("/staff/search?lang=en", &[("by", by), ("text", text)]).await;
        assert_eq!(answer.status, 200, "{by}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        let page = Page::of(answer, "/staff/search");
        let [found] = &page.texts("entry")[..] else { panic!("{by}: {:?}", page.texts("entry")) };
        assert!(found.contains("R-1") && found.contains(CONTACT), "{by}: {found}");
        let link = page.links().into_iter().find(|link| link.contains("subject_id")).unwrap();
        assert!(!link.contains("R-1"));
        let cases = show(browser, &link).await;
        assert!(cases.links().iter().any(|link| link.starts_with(&case)), "{by}: {:?}", cases.links());
        let answer = stranger.post("/staff/search?lang=en", &[("by", by), ("text", text)]).await;
        let page = Page::of(answer, "/staff/search");
        assert!(page.text().contains("No person was found."), "{by}: {}", page.text());
    }
    act(&clinic.admin, &case_of(&receipt), "close", 1, &json!({"outcome": "not_needed", "not_needed_reason": "other"}))
        .await
        .expect(200);
    let answer = browser.post("/staff/search", &[("by", "receipt_code"), ("text", code)]).await;
    let link = Page::of(answer, "/staff/search").links().into_iter().find(|link| link.contains("subject_id")).unwrap();
    assert_eq!(show(browser, &link).await.texts("entry").len(), 1, "closed cases are shown too");
}

#[tokio::test]
async fn a_search_is_on_record_and_a_faulty_one_says_what_to_type() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    flagged(&clinic, "R-1", true).await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    for (by, text, status, subjects) in [("reference", "R-1", 200, 1), ("name", "none", 200, 0)] {
        let id = fresh_id();
        let request = super::sign_in::form(browser.request("POST", "/staff/search"), &[("by", by), ("text", text)]);
        let request = request.header("sec-fetch-site", "same-origin").header("x-request-id", id.to_string());
        assert_eq!(browser.send(request).await.status, status);
        let [entry] = &entries_of(&mut world.connect().await, id).await[..] else { panic!("{by}") };
        assert_eq!((&*entry.action, entry.subjects.len()), ("subjects_searched", subjects), "{by}");
    }
    let texts = [
        ("receipt_code", "12345678", ["no receipt code", "No es un código de recibo"]),
        ("reference", " ", ["Type what to search for", "Escriba lo que quiere buscar"]),
        ("nothing", "R-1", ["Type what to search for", "Escriba lo que quiere buscar"]),
    ];
    for (by, text, said) in texts {
        for (language, said) in LANGUAGES.into_iter().zip(said) {
            let address = in_language("/staff/search", language);
            let answer = browser.post(&address, &[("by", by), ("text", text)]).await;
            assert_eq!(answer.status, 422, "{by}");
            let page = Page::of(answer, &address);
            assert!(page.text().contains(said), "{by}: {}", page.text());
            assert_eq!(page.entry("text").get("value"), Some(text));
        }
    }
    let long = "a".repeat(300);
    assert_eq!(browser.post("/staff/search", &[("by", "name"), ("text", &long)]).await.status, 422);
    assert_eq!(browser.post("/staff/search", &[("by", "name"), ("text", "a\0b")]).await.status, 422);
}

#[tokio::test]
async fn the_statistics_are_those_of_the_api() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let settings = list(&world.app).await.unwrap().remove(0);
    let profile = Profile { time_zone: Some("Asia/Tokyo".to_owned()), ..settings.profile.clone() };
    change(&world.app, &Clinic { profile, ..settings }).await.unwrap();
    let case = open(&clinic).await;
    open(&clinic).await;
    clinic.browser.submit(&json!({"answers": fit()})).await.expect(201);
    act(&clinic.staff, &case, "claim", 1, &json!({})).await.expect(200);
    act(&clinic.staff, &case, "close", 2, &json!({"outcome": "attended", "diagnosis": "probable"})).await.expect(200);
    let api = clinic.staff.get("/v1/statistics").await.expect(200);
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let page = show(browser, "/staff/statistics?lang=en").await;
    let (submissions, value) = (&api["submissions"], &api["closed_follow_ups"]["positive_predictive_value"]);
    for text in [
        format!("Submissions in these days: {}", submissions["total"]),
        format!("Flagged of these: {}", submissions["flagged"]),
        format!("Cases that are open now: {}", api["open_follow_ups"]["total"]),
        format!("Cases closed in these days: {}", api["closed_follow_ups"]["total"]),
        format!("100.0 % ({} of {})", value["numerator"], value["denominator"]),
        value["holds_for"].as_str().unwrap().to_owned(),
        "probable sarcopenia".to_owned(),
        "Days begin at midnight UTC (09:00 at the clinic today).".to_owned(),
    ] {
        assert!(page.text().contains(&text), "{text}: {}", page.text());
    }
    let bars = page.elements.iter().filter(|element| element.get("class") == Some("staff-bar")).count();
    assert_eq!(bars, submissions["days"].as_array().unwrap().len() + 1, "a bar for each day, and the interval");
    let spanish = show(browser, "/staff/statistics?lang=es").await;
    for text in ["100,0 % (1 de 1)", "medianoche UTC (hoy, a las 09:00 en la clínica)"] {
        assert!(spanish.text().contains(text), "{text}: {}", spanish.text());
    }
    let wrong = browser.get("/staff/statistics?from=2026-01-02&to=2026-01-01&lang=es").await;
    assert_eq!(wrong.status, 400);
    assert_eq!(Page::of(wrong, "/staff/statistics").texts("staff-fault").len(), 1);
}

#[tokio::test]
async fn an_export_is_that_of_the_api_as_a_file() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    flagged(&clinic, "R-1", true).await;
    open(&clinic).await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let page = show(browser, "/staff/exports").await;
    for list in ["follow-ups", "submissions"] {
        for query in ["format=csv", "format=ndjson"] {
            let path = format!("/exports/{list}");
            assert!(page.elements.iter().any(|element| element.get("action") == Some(&*format!("/staff{path}"))));
            let by_api = clinic.staff.get(&format!("/v1{path}?{query}")).await;
            let filled = format!("/staff{path}?{query}&state=&urgency=&flagged=&lang=en");
            let by_page = browser.get(&filled).await;
            assert_eq!((by_page.status, by_page.header("cache-control")), (200, "no-store"), "{filled}");
            for name in ["content-type", "content-disposition"] {
                assert_eq!(by_page.header(name), by_api.header(name), "{filled}");
            }
            assert_eq!(by_page.text.lines().count(), by_api.text.lines().count(), "{filled}");
            assert!(!by_page.text.contains(CONTACT) && by_page.text.contains("R-1"), "{filled}");
        }
    }
    assert_eq!(browser.get("/staff/exports/follow-ups?format=xml").await.status, 400);
}
