//! Corrections: who may correct what, once, and what a correction does to the follow-up of the corrected submission.

mod closed;
mod journey;

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use sarcoscreen::app::ambient::System;
use serde_json::{Value, json};

use crate::follow_ups::act;
use crate::world::{Clinic, User, World, app, fit, frail, serve};

const SUBMISSIONS: &str = "select count(*) from submissions";
const CORRECTIONS: &str = "select count(*) from submissions where supersedes is not null";

/// Flagged answers whose follow-up is routine.
fn routine() -> Value {
    json!({"age": 62, "activity": "moderate", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
        "medications": []})
}

/// Flagged answers whose follow-up is due today.
fn urgent() -> Value {
    let mut answers = frail();
    answers["new_breathing_trouble_or_chest_pain"] = json!(true);
    answers
}

async fn submit(clinic: &Clinic, reference: &str, answers: Value) -> Value {
    clinic.intake.submit(&json!({"answers": answers, "subject": {"reference": reference}})).await.expect(201)
}

/// Corrects a submission, without a reference.
async fn correct(user: &User, corrected: &Value, answers: Value) -> Value {
    user.submit(&json!({"answers": answers, "supersedes": corrected["id"]})).await.expect(201)
}

fn path_of(receipt: &Value) -> String {
    format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap())
}

async fn shown(clinic: &Clinic, receipt: &Value) -> Value {
    clinic.staff.get(&path_of(receipt)).await.expect(200)
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Merges the subject of one receipt into that of another, and returns the path that undoes it.
async fn merge(clinic: &Clinic, kept: &Value, merged: &Value) -> String {
    let path = format!("/v1/subjects/{}", kept["subject_id"].as_str().unwrap());
    let tag = clinic.staff.get(&path).await.header("etag").to_owned();
    let request = clinic.staff.request("POST", &format!("{path}/merge")).header("if-match", tag);
    let done = clinic.staff.send(request.json(&json!({"merged": merged["subject_id"]}))).await.expect(200);
    format!("{path}/merges/{}/undo", done["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_correction_belongs_to_the_subject_of_what_it_corrects() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (one, other) = (submit(&clinic, "R-1", frail()).await, submit(&clinic, "R-2", frail()).await);
    let before = world.count(SUBMISSIONS).await;
    for reference in ["R-2", "R-3"] {
        let body = json!({"answers": fit(), "subject": {"reference": reference}, "supersedes": one["id"]});
        for user in [&clinic.intake, &clinic.staff, &clinic.admin] {
            let refused = user.submit_once("k", &body).await;
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/supersedes".to_owned()]));
            assert_eq!(refused.json()["errors"][0]["code"], "contradiction");
        }
    }
    assert_eq!(world.count(SUBMISSIONS).await, before);
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
    assert_eq!(world.count("select count(*) from subjects").await, 2);
    assert_eq!(shown(&clinic, &one).await["version"], 1);
    // With its own reference or with none it is accepted; after a merge, with either reference.
    let corrected = correct(&clinic.intake, &one, frail()).await;
    assert_eq!(corrected["subject_id"], one["subject_id"]);
    merge(&clinic, &other, &one).await;
    let mut last = corrected;
    for reference in ["R-1", "R-2"] {
        let body = json!({"answers": frail(), "subject": {"reference": reference}, "supersedes": last["id"]});
        last = clinic.intake.submit(&body).await.expect(201);
        assert_eq!(last["subject_id"], other["subject_id"]);
    }
    // A person without a reference can be corrected by staff, and a reference is then another person's.
    let anonymous = clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let named = json!({"answers": frail(), "subject": {"reference": "R-1"}, "supersedes": anonymous["id"]});
    assert_eq!(clinic.staff.submit(&named).await.pointers(), ["/supersedes"]);
    assert_eq!(correct(&clinic.staff, &anonymous, fit()).await["subject_id"], anonymous["subject_id"]);
}

#[tokio::test]
async fn a_submission_is_corrected_once_and_the_second_correction_is_a_conflict() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = submit(&clinic, "R-1", frail()).await;
    let body = json!({"answers": fit(), "supersedes": first["id"]});
    let second = clinic.intake.submit_once("k", &body).await.expect(201);
    let mut answers = fit();
    (answers["dark_urine"], answers["muscle_pain"]) = (json!(true), json!(true));
    for user in [&clinic.intake, &clinic.staff] {
        let refused = user.submit(&json!({"answers": answers, "supersedes": first["id"]})).await;
        let problem = refused.expect(409);
        assert_eq!(problem["type"], "/docs/problems#conflict");
        assert!(problem["detail"].as_str().unwrap().contains("superseded_by"), "{problem}");
        // An emergency in refused answers is reported too.
        assert_eq!(problem["care_level"], "emergency");
    }
    // A retry gets the original response; the correction can be corrected.
    let again = clinic.intake.submit_once("k", &body).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), ("true", &second["id"]));
    correct(&clinic.intake, &second, frail()).await;
    assert_eq!(world.count(CORRECTIONS).await, 2);
}

#[tokio::test]
async fn an_intake_system_learns_that_staff_must_correct_what_staff_corrected() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = submit(&clinic, "R-1", frail()).await;
    let by_staff = correct(&clinic.staff, &first, fit()).await;
    let problem = clinic.intake.submit(&json!({"answers": frail(), "supersedes": first["id"]})).await.expect(409);
    assert!(problem["detail"].as_str().unwrap().ends_with("only staff can correct it"), "{problem}");
    let own = clinic.intake.get(&format!("/v1/submissions/{}", first["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(own["superseded_by"], by_staff["id"]);
    let body = json!({"answers": frail(), "supersedes": own["superseded_by"]});
    for (language, words) in
        [("en", "have staff send the correction"), ("es", "pida al personal que envíe la corrección")]
    {
        let request = clinic.intake.request("POST", "/v1/submissions").header("accept-language", language);
        let refused = clinic.intake.send(request.json(&body)).await.expect(422);
        let fault = &refused["errors"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!("/supersedes"), &json!("not_found")));
        assert!(fault["detail"].as_str().unwrap().contains(words), "{fault}");
    }
    correct(&clinic.staff, &by_staff, frail()).await;
}

#[tokio::test]
async fn of_simultaneous_corrections_at_two_instances_exactly_one_is_stored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let second = app(&world.database, Arc::new(System), &[7], Some(world.erasure_log.clone()));
    second.prepare().await.unwrap();
    let (base, _server) = serve(second);
    for round in 0..5 {
        let first = submit(&clinic, &format!("R-{round}"), frail()).await;
        let body = json!({"answers": fit(), "supersedes": first["id"]});
        let at = |index: usize| if index.is_multiple_of(2) { clinic.intake.clone() } else { clinic.intake.at(&base) };
        let users: Vec<User> = (0..12).map(at).collect();
        let answers = join_all(users.iter().map(|user| user.submit(&body))).await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(409)), (1, 11));
        assert_eq!(shown(&clinic, &first).await["version"], 2);
    }
    assert_eq!(world.count(CORRECTIONS).await, 5);
    // The items of a batch share a transaction.
    let first = submit(&clinic, "R-9", frail()).await;
    let item = json!({"submission": {"answers": fit(), "supersedes": first["id"]}});
    let results = clinic.intake.post("/v1/submissions/batch", &json!({"items": [item, item, item]})).await.expect(200);
    let statuses = results["items"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap());
    let mut statuses: Vec<u64> = statuses.collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn history_corrects_history_only_and_opens_nothing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let old = json!({"answers": frail(), "imported": true, "answered_at": "2025-01-01T09:00:00Z",
        "subject": {"reference": "R-1"}});
    let imported = clinic.intake.submit(&old).await.expect(201);
    let live = submit(&clinic, "R-2", frail()).await;
    let mut by_history = old.clone();
    by_history["supersedes"] = live["id"].clone();
    by_history["subject"] = json!({});
    let by_live = json!({"answers": fit(), "supersedes": imported["id"]});
    for body in [by_history, by_live] {
        let refused = clinic.intake.submit(&body).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/imported".to_owned()]));
    }
    let mut body = old;
    body["supersedes"] = imported["id"].clone();
    assert!(clinic.intake.submit(&body).await.expect(201)["follow_up"].is_null());
    assert_eq!(world.count("select count(*) from follow_ups").await, 1);
}

#[tokio::test]
async fn urgency_follows_the_submissions_that_count() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let hours = |count| SignedDuration::from_hours(count);
    let first = submit(&clinic, "R-1", routine()).await;
    world.clock.advance(3600);
    let second = submit(&clinic, "R-1", urgent()).await;
    let case = shown(&clinic, &first).await;
    assert_eq!(
        (&case["urgency"], instant(&case["due_at"])),
        (&json!("today"), instant(&second["received_at"]) + hours(24))
    );
    // Another submission keeps the urgency.
    let corrected = correct(&clinic.intake, &first, fit()).await;
    assert_eq!(
        (&corrected["follow_up"]["id"], &corrected["follow_up"]["joined"]),
        (&first["follow_up"]["id"], &json!(true))
    );
    let case = shown(&clinic, &first).await;
    assert_eq!((&case["urgency"], &case["flagged"], &case["version"]), (&json!("today"), &json!(true), &json!(3)));
    assert_eq!(case["corrected_at"], corrected["received_at"]);
    // Lower: the due time is that of the lower urgency from the beginning.
    let lower = correct(&clinic.intake, &second, frail()).await;
    let case = shown(&clinic, &first).await;
    assert_eq!(
        (&case["urgency"], instant(&case["due_at"])),
        (&json!("this_week"), instant(&case["flagged_at"]) + hours(168))
    );
    // Not flagged: it stays open and is listed.
    let last = correct(&clinic.intake, &lower, fit()).await;
    let case = shown(&clinic, &first).await;
    assert_eq!(
        (&case["state"], &case["flagged"], &case["urgency"]),
        (&json!("open"), &json!(false), &json!("routine"))
    );
    assert_eq!((&case["band"], &case["version"]), (&last["assessment"]["band_at_least"], &json!(5)));
    for (filter, found) in [("flagged=false", 1), ("flagged=true", 0), ("", 1)] {
        let page = clinic.staff.get(&format!("/v1/follow-ups?{filter}")).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), found, "{filter}");
    }
    // Higher again.
    let raised = correct(&clinic.intake, &last, urgent()).await;
    let case = shown(&clinic, &first).await;
    assert_eq!((&case["urgency"], &case["flagged"]), (&json!("today"), &json!(true)));
    assert_eq!(instant(&case["due_at"]), instant(&raised["received_at"]) + hours(24));
}

#[tokio::test]
async fn after_a_merge_the_submissions_of_both_subjects_count() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (kept, merged) = (submit(&clinic, "R-1", routine()).await, submit(&clinic, "R-2", urgent()).await);
    merge(&clinic, &kept, &merged).await;
    correct(&clinic.intake, &kept, routine()).await;
    assert_eq!(shown(&clinic, &kept).await["urgency"], "today");
    // The follow-up that the merge closed is continued by the other one, which the correction reaches.
    let corrected = correct(&clinic.intake, &merged, fit()).await;
    assert_eq!(corrected["follow_up"]["id"], kept["follow_up"]["id"]);
    let case = shown(&clinic, &kept).await;
    assert_eq!((&case["urgency"], &case["flagged"]), (&json!("routine"), &json!(true)));
    assert_eq!(shown(&clinic, &merged).await["state"], "closed");
}

#[tokio::test]
async fn a_correction_leaves_with_what_it_corrects_when_a_merge_is_undone() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    // Only the merged subject has a follow-up, both have one, only the other has one, none has one.
    for (round, (of_kept, of_merged)) in
        [(fit(), routine()), (routine(), routine()), (routine(), fit()), (fit(), fit())].into_iter().enumerate()
    {
        let kept = submit(&clinic, &format!("K-{round}"), of_kept).await;
        let merged = submit(&clinic, &format!("M-{round}"), of_merged).await;
        let undo = merge(&clinic, &kept, &merged).await;
        let first = correct(&clinic.intake, &merged, frail()).await;
        let second = correct(&clinic.intake, &first, urgent()).await;
        assert_eq!(second["subject_id"], kept["subject_id"]);
        clinic.staff.send(clinic.staff.request("POST", &undo)).await.expect(200);
        let of = async |receipt: &Value| {
            let path = format!("/v1/subjects/{}/submissions", receipt["subject_id"].as_str().unwrap());
            let page = clinic.staff.get(&path).await.expect(200);
            page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(of(&kept).await, [kept["id"].clone()], "{round}");
        assert_eq!(of(&merged).await.len(), 3, "{round}");
        // Its subject has the follow-up with the corrected urgency.
        let path = format!("/v1/follow-ups?subject_id={}", merged["subject_id"].as_str().unwrap());
        let page = clinic.staff.get(&path).await.expect(200);
        let [case] = &page["items"].as_array().unwrap()[..] else { panic!("{round}: {page}") };
        assert_eq!((&case["urgency"], &case["flagged"]), (&json!("today"), &json!(true)), "{round}");
        let last = clinic.staff.get(&format!("/v1/submissions/{}", second["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&last["follow_up"]["id"], &last["supersedes"]), (&case["id"], &first["id"]), "{round}");
        let path = format!("/v1/follow-ups?subject_id={}", kept["subject_id"].as_str().unwrap());
        let cases = clinic.staff.get(&path).await.expect(200)["items"].as_array().unwrap().len();
        assert_eq!(cases, usize::from(kept["follow_up"].is_object()), "{round}");
        // It can be corrected with its own reference.
        let body =
            json!({"answers": fit(), "subject": {"reference": format!("M-{round}")}, "supersedes": second["id"]});
        clinic.intake.submit(&body).await.expect(201);
    }
    let crossing = "select count(*) from submissions s join follow_ups f using (clinic_id, follow_up_id)
        where s.subject_id <> f.subject_id";
    assert_eq!(world.count(crossing).await, 0);
}

#[tokio::test]
async fn a_correction_to_flagged_answers_opens_or_joins_and_a_closed_follow_up_stays_as_it_is() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let unflagged = submit(&clinic, "R-1", fit()).await;
    assert!(unflagged["follow_up"].is_null());
    let opened = correct(&clinic.intake, &unflagged, frail()).await;
    assert_eq!(opened["follow_up"]["joined"], false);
    let second = submit(&clinic, "R-1", fit()).await;
    let joined = correct(&clinic.intake, &second, routine()).await;
    assert_eq!(
        (&joined["follow_up"]["id"], &joined["follow_up"]["joined"]),
        (&opened["follow_up"]["id"], &json!(true))
    );
    let history = clinic.staff.get(&format!("{}/history", path_of(&opened))).await.expect(200);
    assert_eq!((&history["items"][0]["command"], &history["items"][1]["command"]), (&json!("open"), &json!("join")));

    let reason = json!({"outcome": "not_needed", "not_needed_reason": "other"});
    act(&clinic.staff, &path_of(&opened), "close", 2, &reason).await.expect(200);
    let corrected = correct(&clinic.intake, &opened, fit()).await;
    assert!(corrected["follow_up"].is_null());
    let again = correct(&clinic.intake, &joined, frail()).await;
    assert_eq!(again["follow_up"]["joined"], false);
    let closed = shown(&clinic, &opened).await;
    assert_eq!((&closed["state"], &closed["version"]), (&json!("closed"), &json!(3)));
    // Its submissions show the corrections.
    let superseded = |receipt: &Value| {
        let submissions = closed["submissions"].as_array().unwrap();
        submissions.iter().find(|one| one["id"] == receipt["id"]).unwrap()["superseded_by"].clone()
    };
    assert_eq!((superseded(&opened), superseded(&joined)), (corrected["id"].clone(), again["id"].clone()));
    assert_eq!(world.count("select count(*) from follow_ups").await, 2);
}
