//! Batches of submissions: one result per item in order, and no item affects another.

mod lines;

use sarcoscreen::app::audit::folding::tell_all;
use serde_json::{Value, json};

use crate::world::{User, World, fit, frail};

const PATH: &str = "/v1/submissions/batch";

/// An item with a reference and an idempotency key of its own.
fn item(number: usize) -> Value {
    let answers = if number.is_multiple_of(3) { frail() } else { fit() };
    json!({
        "idempotency_key": format!("key-{number}"),
        "submission": {"answers": answers, "subject": {"reference": format!("MRN-{number}")}},
    })
}

async fn batch(user: &User, items: &[Value]) -> Vec<Value> {
    let results = user.post(PATH, &json!({"items": items})).await.expect(200);
    let results = results["items"].as_array().unwrap().clone();
    assert_eq!(results.len(), items.len());
    results
}

#[tokio::test]
async fn each_item_has_the_result_of_a_separate_request_in_order() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut items: Vec<Value> = (0..1_000).map(item).collect();
    // Several kinds of faulty items, among valid ones.
    items[7] = json!({"submission": {"answers": {"age": 17}}});
    items[100] = json!({"submission": {"answers": fit(), "clinic_id": 1}});
    items[101] = json!({"submission": {"answers": fit()}, "flagged": true});
    items[102] = json!({"idempotency_key": "with space", "submission": {"answers": fit()}});
    items[103] = json!([]);
    items[104] = json!({});
    items[105] = json!({"submission": {"answers": fit(), "supersedes": uuid::Uuid::nil()}});
    items[999] = json!({"submission": "a text"});
    let results = batch(&clinic.intake, &items).await;
    let wrong = [7, 100, 101, 102, 103, 104, 105, 999];
    for (index, result) in results.iter().enumerate().filter(|(index, _)| !wrong.contains(index)) {
        assert_eq!(result["status"], 201, "{index}: {result}");
        assert_eq!(
            result["submission"]["assessment"]["flagged"],
            index.is_multiple_of(3),
            "the order of results is that of items"
        );
        assert!(result["submission"]["assessment"]["open_questions"].is_array() && result.get("problem").is_none());
    }
    for (index, pointer) in [
        (7, "/answers/age"),
        (100, "/clinic_id"),
        (101, "/flagged"),
        (102, "/idempotency_key"),
        (103, ""),
        (104, "/submission"),
        (105, "/supersedes"),
        (999, ""),
    ] {
        let result = &results[index];
        assert_eq!((&result["status"], result.get("submission")), (&json!(422), None), "{index}: {result}");
        let pointers: Vec<&Value> =
            result["problem"]["errors"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
        assert!(pointers.contains(&&json!(pointer)), "{index}: {result}");
    }
    // The result of a faulty item equals the refusal of a separate request.
    let alone = clinic.intake.submit(&items[7]["submission"]).await.json();
    let content_of =
        |problem: &Value| (problem["errors"].clone(), problem["title"].clone(), problem["care_level"].clone());
    assert_eq!(content_of(&results[7]["problem"]), content_of(&alone));

    assert_eq!(world.count("select count(*) from submissions").await, 992);
    assert_eq!(world.count("select count(*) from follow_ups").await, 331);
    let entries = "select count(*) from audit_entries where action = 'submission_created' and outcome = 'success'";
    assert_eq!(world.count(entries).await, 992, "one entry for each");
    let refused = "select sum(occurrences)::bigint from audit_entries
        where action = 'submission_created' and outcome = 'invalid'";
    assert_eq!(world.count(refused).await, 1, "and one for the first refusal");
    tell_all(&world.app).await;
    assert_eq!(world.count(refused).await, 9, "the others are written together");
}

#[tokio::test]
async fn a_repeated_batch_stores_nothing_twice_and_returns_the_same_results() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let items: Vec<Value> = (0..40).map(item).collect();
    let (first, second) = tokio::join!(batch(&clinic.intake, &items), batch(&clinic.intake, &items));
    assert_eq!(first, second, "also when both run concurrently");
    assert_eq!(batch(&clinic.intake, &items).await, first);
    assert_eq!(world.count("select count(*) from submissions").await, 40);
    // The key identifies the same request when it is sent alone, and no other request.
    let alone = clinic.intake.request("POST", "/v1/submissions?view=summary").header("idempotency-key", "key-3");
    let alone = clinic.intake.send(alone.json(&items[3]["submission"])).await.expect(201);
    assert_eq!(alone, first[3]["submission"]);
    let mut twice = [item(50), item(50), item(51)];
    twice[2]["idempotency_key"] = json!("key-50");
    let results = batch(&clinic.intake, &twice).await;
    assert_eq!(results[0]["submission"]["id"], results[1]["submission"]["id"], "one key twice in one batch");
    assert_eq!((&results[0]["status"], &results[2]["status"]), (&json!(201), &json!(422)));
    assert_eq!(results[2]["problem"]["type"], "/docs/problems#idempotency_key_reused");
}

#[tokio::test]
async fn a_batch_has_1_to_1000_items_and_no_other_field() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let refused = async |body: &Value| -> (u16, Vec<String>) {
        let answer = clinic.intake.post(PATH, body).await;
        (answer.status, answer.pointers())
    };
    let items = |count: usize| json!({"items": (0..count).map(item).collect::<Vec<_>>()});
    assert_eq!(refused(&items(0)).await, (422, vec!["/items".to_owned()]));
    assert_eq!(refused(&items(1_001)).await, (422, vec!["/items".to_owned()]));
    assert_eq!(refused(&json!({})).await, (422, vec!["/items".to_owned()]));
    assert_eq!(refused(&json!({"items": [item(1)], "clinic_id": 1})).await, (422, vec!["/clinic_id".to_owned()]));
    assert_eq!(clinic.browser.post(PATH, &items(1)).await.status, 403);
    let large = clinic.intake.request("POST", PATH).header("content-type", "application/json");
    assert_eq!(clinic.intake.send(large.body(vec![b' '; 8 * 1024 * 1024 + 1])).await.status, 413);
    assert_eq!(world.count("select count(*) from submissions").await, 0, "nothing of a refused batch is stored");
}

#[tokio::test]
async fn results_have_the_view_that_the_batch_asks_for() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let items: Vec<Value> = (0..3).map(item).collect();
    let default = batch(&clinic.intake, &items).await;
    for view in ["summary", "person", "full"] {
        let answer = clinic.intake.post(&format!("{PATH}?view={view}"), &json!({"items": items})).await.expect(200);
        for (result, default) in answer["items"].as_array().unwrap().iter().zip(&default) {
            let id = result["submission"]["id"].as_str().unwrap();
            let stored = clinic.intake.get(&format!("/v1/submissions/{id}?view={view}")).await.expect(200);
            assert_eq!(result["submission"]["assessment"], stored["assessment"]);
            assert_eq!(*default == *result, view == "summary", "items with a key are stored once");
        }
    }
}
