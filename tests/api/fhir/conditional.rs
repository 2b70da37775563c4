//! Conditional create: one identifier is one row, under concurrency and with several processes.

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use sarcoscreen::app::ambient::System;
use serde_json::json;

use super::{conditional_create, create_once, identified};
use crate::senders::replaced;
use crate::world::{World, app, frail, serve};

const SUBMISSIONS: &str = "select count(*) from submissions";
const IDENTIFIERS: usize = 500;
/// Identifiers that are created concurrently, each `COPIES` times. Each of the two instances gets half of the requests; one clinic
/// may have 192 in progress there.
const AT_ONCE: usize = 20;
const COPIES: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn each_of_500_identifiers_created_16_times_concurrently_on_two_instances_is_one_row() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let second = app(&world.database, Arc::new(System), &[7], None);
    second.prepare().await.unwrap();
    let (base, _server) = serve(second);
    // One sender with two keys, each on two instances.
    let successor = replaced(&world, &clinic, &clinic.intake, "intake").await;
    let users = [clinic.intake.clone(), clinic.intake.at(&base), successor.clone(), successor.at(&base)];
    let of_one = async |index: usize| {
        let identifier = format!("record-{index}");
        let body = identified(&frail(), &identifier);
        let all = (0..COPIES).map(|copy| {
            let user = &users[copy % users.len()];
            user.send(conditional_create(user, &identifier, &body).header("prefer", "return=minimal"))
        });
        let answers = join_all(all).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        assert_eq!((count(201), count(200)), (1, COPIES - 1), "{statuses:?}");
        let ids: std::collections::HashSet<&str> =
            answers.iter().map(|answer| answer.header("location").rsplit('/').next().unwrap()).collect();
        assert_eq!(ids.len(), 1);
    };
    stream::iter(0..IDENTIFIERS).map(of_one).buffer_unordered(AT_ONCE).collect::<()>().await;
    let rows = world.count(SUBMISSIONS).await;
    println!("{IDENTIFIERS} identifiers x {COPIES} conditional creates: {rows} rows");
    assert_eq!(rows, i64::try_from(IDENTIFIERS).unwrap());
}

#[tokio::test]
async fn unconditional_records_are_found_and_duplicate_identifiers_are_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"answers": frail(), "source": {"system": "urn:ehr", "id": "a"}});
    let first = clinic.intake.submit(&body).await.expect(201);
    let found = create_once(&clinic.intake, "a", &identified(&frail(), "a")).await;
    assert!(found.header("location").ends_with(first["id"].as_str().unwrap()));
    assert_eq!(found.expect(200)["id"], first["id"]);
    clinic.intake.submit(&body).await.expect(201);
    create_once(&clinic.intake, "a", &identified(&frail(), "a")).await.expect(412);
    assert_eq!(world.count(SUBMISSIONS).await, 2);
}

#[tokio::test]
async fn a_condition_needs_a_complete_identifier_of_the_resource() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = identified(&frail(), "a");
    for condition in
        ["identifier=a", "identifier=urn:ehr|", "status=completed", "identifier=urn:ehr|a&status=completed"]
    {
        let request = clinic.intake.request("POST", "/fhir/QuestionnaireResponse").header("if-none-exist", condition);
        clinic.intake.send(request.json(&body)).await.expect(400);
    }
    create_once(&clinic.intake, "b", &body).await.expect(422);
    assert_eq!(world.count(SUBMISSIONS).await, 0);
}
