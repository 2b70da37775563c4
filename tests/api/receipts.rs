//! Receipt codes: every submission has one, staff find the subject by it, and a taken code loses no submission.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use sarcoscreen::app::ambient::{Ambient, System};
use sarcoscreen::app::error::AppError;
use sarcoscreen::domain::receipt_code::ReceiptCode;
use serde_json::{Value, json};

use crate::audit::{entries_of, fresh_id};
use crate::follow_ups::act;
use crate::world::{User, World, app, fit, frail, serve};

async fn search(user: &User, code: &str) -> Vec<Value> {
    let found = user.post("/v1/subjects/search", &json!({"receipt_code": code})).await.expect(200);
    found["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_submission_shows_one_code_everywhere_and_staff_find_the_subject_by_it() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let body = json!({"answers": frail()});
    let receipt = clinic.browser.submit_once("k", &body).await.expect(201);
    clinic.browser.submit(&json!({"answers": fit()})).await.expect(201);
    let code = receipt["receipt_code"].as_str().unwrap();
    assert!(ReceiptCode::parse(code).is_some(), "{code}");
    assert_eq!(clinic.browser.submit_once("k", &body).await.expect(201), receipt);
    let (id, subject) = (receipt["id"].as_str().unwrap(), receipt["subject_id"].as_str().unwrap());
    let stored = clinic.staff.get(&format!("/v1/submissions/{id}")).await.expect(200);
    let list = clinic.staff.get("/v1/submissions?flagged=true").await.expect(200);
    let history = clinic.staff.get(&format!("/v1/subjects/{subject}/submissions")).await.expect(200);
    let case = receipt["follow_up"]["id"].as_str().unwrap();
    let case = clinic.staff.get(&format!("/v1/follow-ups/{case}")).await.expect(200);
    for shown in [&stored, &list["items"][0], &history["items"][0], &case["submissions"][0]] {
        assert_eq!(shown["receipt_code"], code, "{shown}");
    }
    for written in [code.to_owned(), format!(" {}-{} ", &code[..4], code[4..].to_lowercase())] {
        let found = search(&clinic.staff, &written).await;
        assert_eq!((found.len(), &found[0]["id"]), (1, &receipt["subject_id"]), "{written}");
    }
    assert_eq!(search(&other.staff, code).await.len(), 0);
    for user in [&clinic.browser, &clinic.intake] {
        user.post("/v1/subjects/search", &json!({"receipt_code": code})).await.expect(403);
    }
}

#[tokio::test]
async fn a_search_by_a_code_is_audited_with_the_subject_that_it_found() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.browser.submit(&json!({"answers": fit()})).await.expect(201);
    let unused = ReceiptCode::parse(receipt["receipt_code"].as_str().unwrap()).unwrap().successor().to_string();
    for (code, subjects) in [(receipt["receipt_code"].as_str().unwrap(), 1), (unused.as_str(), 0)] {
        let id = fresh_id();
        let request = clinic.staff.request("POST", "/v1/subjects/search").header("x-request-id", id.to_string());
        clinic.staff.send(request.json(&json!({"receipt_code": code}))).await.expect(200);
        let entries = entries_of(&mut world.connect().await, id).await;
        assert_eq!((entries.len(), &*entries[0].action), (1, "subjects_searched"));
        assert_eq!(entries[0].subjects.len(), subjects);
    }
}

#[tokio::test]
async fn a_mistyped_code_is_refused_and_found_under_no_other_name() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.browser.submit(&json!({"answers": fit()})).await.expect(201);
    let code = receipt["receipt_code"].as_str().unwrap();
    let wrong = format!("{}{}", &code[..7], if code.ends_with('2') { '3' } else { '2' });
    for text in [wrong.as_str(), &code[..7], "A2345678", "       "] {
        let refused = clinic.staff.post("/v1/subjects/search", &json!({"receipt_code": text})).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/receipt_code".to_owned()]), "{text}");
        assert_eq!(refused.json()["errors"][0]["code"], "format");
    }
    for body in [json!({"receipt_code": code, "name": "Ana"}), json!({"receipt_code": wrong, "name": "Ana"})] {
        assert_eq!(clinic.staff.post("/v1/subjects/search", &body).await.pointers(), [""]);
    }
    let by_name = clinic.staff.post("/v1/subjects/search", &json!({"name": code})).await.expect(200);
    assert_eq!(by_name["items"], json!([]));
}

#[tokio::test]
async fn a_code_finds_the_subject_that_is_kept_by_a_merge() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let of = |reference: &str| json!({"answers": fit(), "subject": {"reference": reference}});
    let kept = clinic.intake.submit(&of("A")).await.expect(201)["subject_id"].clone();
    let merged = clinic.intake.submit(&of("B")).await.expect(201);
    let subject = format!("/v1/subjects/{}", kept.as_str().unwrap());
    act(&clinic.staff, &subject, "merge", 1, &json!({"merged": merged["subject_id"]})).await.expect(200);
    assert_eq!(search(&clinic.staff, merged["receipt_code"].as_str().unwrap()).await[0]["id"], kept);
}

/// Draws the same receipt code for every submission, and ids as usual.
struct OneCode;

impl Ambient for OneCode {
    fn now(&self) -> Timestamp {
        System.now()
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), AppError> {
        if buffer.len() == 8 {
            buffer.fill(0);
            return Ok(());
        }
        System.fill(buffer)
    }
}

#[tokio::test]
async fn submissions_that_draw_one_code_are_all_stored_under_different_codes() {
    const SENT: i64 = 40;
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let mut bases = Vec::new();
    // Two instances, so that two transactions insert at the same time.
    for _ in 0..2 {
        let app = app(&world.database, Arc::new(OneCode), &[7], None);
        app.prepare().await.unwrap();
        bases.push(serve(app).0);
    }
    let first = clinic.browser.at(&bases[0]).submit(&json!({"answers": fit()})).await.expect(201);
    assert_eq!(first["receipt_code"], "22222222");
    let sent = join_all((1..SENT).zip(bases.iter().cycle()).map(async |(_, base): (i64, &String)| {
        clinic.browser.at(base).submit(&json!({"answers": fit()})).await.expect(201)
    }));
    let codes: BTreeSet<i64> = sent
        .await
        .iter()
        .chain([&first])
        .map(|receipt| ReceiptCode::parse(receipt["receipt_code"].as_str().unwrap()).unwrap().number())
        .collect();
    assert_eq!(codes, (0..SENT).collect::<BTreeSet<_>>());
    assert_eq!(world.count("select count(distinct receipt_number) from submissions").await, SENT);
    // A code is unique in its clinic only.
    let elsewhere = other.browser.at(&bases[0]).submit(&json!({"answers": fit()})).await.expect(201);
    assert_eq!(elsewhere["receipt_code"], first["receipt_code"]);
}
