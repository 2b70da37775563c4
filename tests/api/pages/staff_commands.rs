//! Commands through the pages of staff, without a script: the same rows as through the API, and what happens when two people
//! change one case.

use std::collections::BTreeMap;

use sarcoscreen::app::clinics;
use sarcoscreen::domain::clinics::Profile;
use serde_json::{Value, json};

use super::html::Page;
use super::sign_in::Browser;
use super::staff::{case_page, fields, show, signed_in};
use super::{LANGUAGES, in_language};
use crate::audit::{entries_of, fresh_id};
use crate::follow_ups::{Colleague, act, hours_ahead, open};
use crate::world::{Answer, Clinic, World};

/// Fields by their names, as they are filled in.
type Filled<'a> = &'a [(&'a str, &'a str)];

/// Sends the form of a command as the page shows it, with these fields filled in.
async fn send(browser: &mut Browser, page: &Page, action: &str, filled: Filled<'_>) -> Answer {
    let mut given = fields(page, action);
    given.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let given: Vec<_> = given.iter().map(|(name, value)| (&**name, &**value)).collect();
    browser.post(action, &given).await
}

/// Executes a command on the page of a case, and returns the page after it.
async fn command(browser: &mut Browser, case: &str, name: &str, filled: Filled<'_>) -> Page {
    let page = show(browser, case).await;
    let answer = send(browser, &page, &format!("{case}/{name}"), filled).await;
    assert_eq!(answer.status, 303, "{name}: {}", answer.text);
    let address = answer.header("location").to_owned();
    assert!(address.starts_with(&format!("{case}?done={name}")), "{address}");
    show(browser, &address).await
}

/// The history by the API, without ids and the times of the changes.
async fn history(me: &Colleague, case: &str) -> Vec<Value> {
    let history = me.user.get(&format!("{case}/history")).await.expect(200);
    let mut items = history["items"].as_array().unwrap().clone();
    for item in &mut items {
        let item = item.as_object_mut().unwrap();
        for name in ["at", "submission_id"] {
            item.remove(name);
        }
        let after = item["after"].as_object_mut().unwrap();
        for name in ["id", "subject_id", "flagged_at", "due_at", "last_received_at", "closed_at"] {
            after.remove(name);
        }
    }
    items
}

#[tokio::test]
async fn every_command_of_a_page_makes_the_same_versions_as_the_api() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (me, other) = (Colleague::of(&world, &clinic).await, Colleague::of(&world, &clinic).await);
    let browser = &mut signed_in(&world, &me.user).await;
    let (by_api, by_page) = (open(&clinic).await, open(&clinic).await);
    let page = case_page(&by_page);
    let at: jiff::Timestamp = hours_ahead(&world, 48).parse().unwrap();
    let local = at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M").to_string();
    let at = format!("{local}:00Z");
    let steps: [(&str, &str, Value, Filled<'_>); 13] = [
        ("notes", "note", json!({"note": "One\nTwo"}), &[("note", "One\r\nTwo")]),
        ("claim", "claim", json!({"note": "Mine"}), &[("note", "Mine")]),
        ("release", "release", json!({}), &[]),
        ("claim", "claim", json!({}), &[]),
        ("contact", "contact", json!({"reached": false}), &[("reached", "false")]),
        ("contact", "contact", json!({"reached": true}), &[("reached", "true")]),
        ("book", "book", json!({"appointment_at": at}), &[("appointment_at", &*local)]),
        ("unbook", "unbook", json!({}), &[]),
        ("close", "close", json!({"outcome": "declined"}), &[("outcome", "declined")]),
        ("reopen", "reopen", json!({"note": "Again"}), &[("note", "Again")]),
        ("reassign", "reassign", json!({"to": other.id}), &[("to", &*other.id)]),
        ("reassign", "reassign", json!({"to": me.id}), &[("to", &*me.id)]),
        (
            "close",
            "close",
            json!({"outcome": "attended", "diagnosis": "probable", "grip_strength_kg": 14.5, "note": "Seen"}),
            &[("outcome", "attended"), ("diagnosis", "probable"), ("grip_strength_kg", "14,5"), ("note", "Seen")],
        ),
    ];
    for (version, (path, name, body, filled)) in (1..).zip(steps) {
        act(&me.user, &by_api, path, version, &body).await.expect(200);
        let shown = command(browser, &page, name, filled).await;
        assert!(shown.elements.iter().any(|element| element.get("role") == Some("status")), "{name}");
    }
    assert_eq!(history(&me, &by_page).await, history(&me, &by_api).await);
}

#[tokio::test]
async fn an_appointment_is_at_the_time_of_the_clinic_and_a_missed_one_is_counted() {
    let world = World::new().await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    in_zone(&world, &clinic, "Asia/Tokyo").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let case = open(&clinic).await;
    let page = case_page(&case);
    command(browser, &page, "claim", &[]).await;
    let at: jiff::Timestamp = hours_ahead(&world, 1).parse().unwrap();
    let local = at.in_tz("Asia/Tokyo").unwrap().strftime("%Y-%m-%dT%H:%M").to_string();
    let shown = command(browser, &page, "book", &[("appointment_at", &local)]).await;
    let stored: jiff::Timestamp =
        clinic.staff.get(&case).await.expect(200)["appointment_at"].as_str().unwrap().parse().unwrap();
    assert!((0..60).contains(&at.duration_since(stored).as_secs()), "{at} {stored}");
    assert_eq!(fields(&shown, &format!("{page}/book"))["appointment_at"], local);
    assert!(shown.text().contains("Asia/Tokyo") && shown.text().contains(&local[11..]), "{}", shown.text());
    world.clock.advance(2 * 3600);
    let browser = &mut signed_in(&world, &clinic.staff).await;
    command(browser, &page, "did_not_attend", &[]).await;
    assert_eq!(clinic.staff.get(&case).await.expect(200)["missed_appointments"], 1);
}

/// Sets the time zone of a clinic that has not served a request yet.
async fn in_zone(world: &World, clinic: &Clinic, zone: &str) {
    let all = clinics::list(&world.app).await.unwrap();
    let stored = all.into_iter().find(|one| one.clinic_id.0 == clinic.id).unwrap();
    let profile = Profile { time_zone: Some(zone.to_owned()), ..stored.profile };
    let changed = sarcoscreen::domain::clinics::Clinic { profile, ..stored };
    clinics::change(&world.app, &changed).await.unwrap();
}

#[tokio::test]
async fn a_case_that_changed_meanwhile_keeps_the_note_and_offers_the_command_again() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let titles = ["The case was changed while you had it open", "El caso cambió mientras lo tenía abierto"];
    let what = ["What was doneNote", "Qué se hizoNota"];
    for ((language, title), what) in LANGUAGES.into_iter().zip(titles).zip(what) {
        let case = open(&clinic).await;
        let page = case_page(&case);
        let read = show(browser, &page).await;
        act(&clinic.admin, &case, "notes", 1, &json!({"note": "First"})).await.expect(200);
        let action = format!("{page}/note");
        let note = "Second <b>& last</b>\nline";
        let answer = {
            let version = fields(&read, &action)["version"].clone();
            browser.post(&in_language(&action, language), &[("version", &*version), ("note", note)]).await
        };
        assert_eq!(answer.status, 412);
        let conflict = Page::of(answer, &action);
        assert_eq!(conflict.language(), language);
        assert!(conflict.text().contains(title) && conflict.text().contains("admin"), "{}", conflict.text());
        let says_what = conflict.elements.iter().any(|element| element.name == "div" && element.text.trim() == what);
        assert!(says_what, "{}", conflict.text());
        let kept = fields(&conflict, &action);
        assert_eq!((&*kept["note"], &*kept["version"]), (note, "2"));
        assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], 2, "the second note waits");
        let answer = send(browser, &conflict, &action, &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let shown = show(browser, &page).await;
        assert!(shown.text().contains("First") && shown.text().contains(note), "{}", shown.text());
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_says_that_it_was_done() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let case = open(&clinic).await;
    let page = case_page(&case);
    let read = show(browser, &page).await;
    assert_eq!(send(browser, &read, &format!("{page}/claim"), &[]).await.status, 303);
    let answer = send(browser, &read, &format!("{page}/claim"), &[("note", "x")]).await;
    assert_eq!(answer.status, 412);
    assert!(Page::of(answer, &page).text().contains("You have already changed this case"));
    assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], 2);
}

/// A command, its fields, the status of the refusal, and a part of its text.
type Refused<'a> = (&'a str, Filled<'a>, u16, &'a str);

#[tokio::test]
async fn a_command_that_is_refused_or_faulty_changes_nothing_and_keeps_what_was_typed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let case = open(&clinic).await;
    let page = case_page(&case);
    let unknown = uuid::Uuid::nil().to_string();
    let long = "a".repeat(2001);
    let untaken: [Refused<'_>; 6] = [
        ("release", &[("note", "kept")], 409, "Take it first."),
        ("reassign", &[("to", &*unknown), ("note", "kept")], 422, "choose another"),
        ("reassign", &[("note", "kept")], 422, "fill it in"),
        ("contact", &[("note", "kept")], 422, "fill it in"),
        ("note", &[("note", " ")], 422, "fill it in"),
        ("note", &[("note", &*long)], 422, "2000"),
    ];
    for (name, filled, status, text) in untaken {
        refused(browser, &page, name, filled, status, text).await;
    }
    assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], 1);
    command(browser, &page, "claim", &[]).await;
    let taken: [Refused<'_>; 9] = [
        ("claim", &[("note", "kept")], 409, "already has the case"),
        ("book", &[("appointment_at", "2020-01-01T10:00"), ("note", "kept")], 422, "within two years"),
        ("book", &[("appointment_at", "soon"), ("note", "kept")], 422, "date with a time"),
        ("close", &[("outcome", "unreachable"), ("note", "kept")], 409, "Record one first."),
        ("close", &[("outcome", "declined"), ("diagnosis", "none"), ("note", "kept")], 422, "leave it empty"),
        ("close", &[("outcome", "not_needed"), ("note", "kept")], 422, "fill it in"),
        ("close", &[("outcome", "attended"), ("grip_strength_kg", "14,55"), ("note", "kept")], 422, "0.1"),
        ("close", &[("outcome", "attended"), ("grip_strength_kg", "strong"), ("note", "kept")], 422, "a number"),
        ("close", &[("outcome", "attended"), ("grip_strength_kg", "0.5"), ("note", "kept")], 422, "from 1"),
    ];
    for (name, filled, status, text) in taken {
        refused(browser, &page, name, filled, status, text).await;
    }
    assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], 2);
    let answer = browser.post(&format!("{page}/claim"), &[("note", "x")]).await;
    assert_eq!(answer.status, 428, "a form without the version that it shows");
}

/// Sends a command that is not executed, and checks its page.
async fn refused(browser: &mut Browser, page: &str, name: &str, filled: Filled<'_>, status: u16, text: &str) {
    let version = if show(browser, page).await.text().contains("no assignee") { "1" } else { "2" };
    let action = format!("{page}/{name}");
    let given: Vec<_> = filled.iter().copied().chain([("version", version)]).collect();
    let answer = browser.post(&in_language(&action, "en"), &given).await;
    assert_eq!(answer.status, status, "{name} {filled:?}: {}", answer.text);
    let shown = Page::of(answer, &action);
    assert!(shown.text().contains(text), "{name}: {}", shown.text());
    let kept: BTreeMap<_, _> = fields(&shown, &action);
    for (field, typed) in filled.iter().filter(|(field, typed)| *field != "to" && !typed.trim().is_empty()) {
        assert_eq!(kept[*field], *typed, "{name}");
    }
    let faulty = shown.elements.iter().filter(|element| element.get("aria-invalid") == Some("true")).count();
    let button = name == "contact";
    assert_eq!(faulty > 0, status == 422 && !button, "{name} {filled:?}");
}

#[tokio::test]
async fn a_refused_command_is_on_record_as_at_the_api() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let page = case_page(&open(&clinic).await);
    for (name, version, action, outcome) in [
        ("claim", "1", "follow_up_claimed", "success"),
        ("claim", "1", "follow_up_claimed", "conflict"),
        ("book", "2", "follow_up_booked", "invalid"),
    ] {
        let id = fresh_id();
        let request = super::sign_in::form(browser.request("POST", &format!("{page}/{name}")), &[("version", version)]);
        let request = request.header("sec-fetch-site", "same-origin").header("x-request-id", id.to_string());
        browser.send(request).await;
        let entries = entries_of(&mut world.connect().await, id).await;
        let found: Vec<_> = entries.iter().map(|entry| (&*entry.action, &*entry.outcome)).collect();
        assert_eq!(found, [(action, outcome)], "{name} {version}");
    }
}

#[tokio::test]
async fn the_next_case_is_taken_once_for_each_page() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let cases = [case_page(&open(&clinic).await), case_page(&open(&clinic).await)];
    let mut taken = Vec::new();
    for _ in 0..2 {
        let page = show(browser, "/staff").await;
        let mut addresses = Vec::new();
        for _ in 0..2 {
            let answer = send(browser, &page, "/staff/next", &[]).await;
            assert_eq!(answer.status, 303, "{}", answer.text);
            addresses.push(answer.header("location").split('?').next().unwrap().to_owned());
        }
        assert_eq!(addresses[0], addresses[1], "a second click takes no second case");
        taken.push(addresses.remove(0));
    }
    taken.sort();
    let mut cases = cases.to_vec();
    cases.sort();
    assert_eq!(taken, cases);
    let page = show(browser, "/staff").await;
    let answer = send(browser, &page, "/staff/next", &[]).await;
    assert!(answer.header("location").starts_with("/staff?done=none_open"), "{}", answer.header("location"));
    let shown = show(browser, answer.header("location")).await;
    assert!(shown.texts("notice").iter().any(|text| text.contains("No case is open now.")));
}

#[tokio::test]
async fn selected_self_reported_cases_are_closed_together() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let cases = [open(&clinic).await, open(&clinic).await, open(&clinic).await];
    act(&clinic.admin, &cases[2], "claim", 1, &json!({})).await.expect(200);
    let page = show(browser, "/staff?origin=self_reported&lang=en").await;
    let boxes = page.elements.iter().filter(|element| element.get("form") == Some("together"));
    let ids: Vec<_> = boxes.map(|element| element.get("value").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 3);
    assert!(show(browser, "/staff").await.by_id("together").is_none());
    let mut given: Vec<_> = ids.iter().map(|id| ("id", &**id)).collect();
    given.push(("note", "A wave"));
    let answer = browser.post("/staff/close?lang=en", &given).await;
    assert_eq!(answer.status, 422);
    let again = Page::of(answer, "/staff/close");
    assert_eq!(fields(&again, "/staff/close")["note"], "A wave");
    assert_eq!(again.elements.iter().filter(|element| element.get("form") == Some("together")).count(), 3);
    given.push(("not_needed_reason", "entered_in_error"));
    let answer = browser.post("/staff/close?lang=en", &given).await;
    assert_eq!(answer.status, 200);
    let shown = Page::of(answer, "/staff/close");
    assert!(shown.text().contains("Closed cases: 2"), "{}", shown.text());
    assert!(shown.text().contains("Another member of staff has the case."), "{}", shown.text());
    assert!(shown.links().iter().any(|link| link.starts_with(&case_page(&cases[2]))));
    for (case, state) in cases.iter().zip(["closed", "closed", "assigned"]) {
        assert_eq!(clinic.staff.get(case).await.expect(200)["state"], state);
    }
    let answer = browser.post("/staff/close", &[("not_needed_reason", "other")]).await;
    assert_eq!(answer.status, 422, "nothing is selected");
}
