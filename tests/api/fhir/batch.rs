use sarcoscreen::app::audit::folding::tell_all;
use serde_json::{Value, json};

use super::identified;
use crate::world::{User, World, fit, frail};

fn bundle(entries: &[Value]) -> Value {
    json!({"resourceType": "Bundle", "type": "batch", "entry": entries})
}

fn get(url: &str) -> Value {
    json!({"request": {"method": "GET", "url": url}})
}

fn create(answers: &Value, identifier: &str) -> Value {
    let condition = format!("identifier=urn:ehr|{identifier}");
    json!({"resource": identified(answers, identifier),
        "request": {"method": "POST", "url": "QuestionnaireResponse", "ifNoneExist": condition}})
}

async fn send(user: &User, entries: &[Value]) -> Vec<Value> {
    let answer = user.post("/fhir", &bundle(entries)).await.expect(200);
    assert_eq!(answer["type"], "batch-response");
    let answered = answer["entry"].as_array().unwrap().clone();
    assert_eq!(answered.len(), entries.len());
    answered
}

fn statuses(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["response"]["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_entry_has_the_response_of_a_separate_request() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut wrong = create(&fit(), "r3");
    wrong["resource"]["item"] = json!([]);
    let answers = send(
        &clinic.intake,
        &[
            create(&frail(), "r1"),
            create(&fit(), "r2"),
            wrong,
            get("Task"),
            get("Patient/1"),
            get("metadata"),
            json!({"request": {"method": "GET", "url": "Task?owner=me"}}),
            get("http://elsewhere.example/Task"),
            json!({}),
        ],
    )
    .await;
    assert_eq!(statuses(&answers), ["201", "201", "422", "403", "404", "200", "403", "422", "422"]);
    assert_eq!(answers[0]["resource"]["resourceType"], "QuestionnaireResponse");
    assert_eq!(answers[0]["response"]["etag"], "W/\"1\"");
    let id = answers[0]["resource"]["id"].as_str().unwrap();
    let location = format!("{}/fhir/QuestionnaireResponse/{id}", world.base);
    assert_eq!(answers[0]["response"]["location"], location);
    assert_eq!(answers[2]["response"]["outcome"]["issue"].as_array().unwrap().len(), 5);
    assert_eq!(world.count("select count(*) from submissions").await, 2);
    // Repeating it stores nothing more.
    let again = send(&clinic.intake, &[create(&frail(), "r1"), create(&fit(), "r2")]).await;
    assert_eq!(statuses(&again), ["200", "200"]);
    assert_eq!(world.count("select count(*) from submissions").await, 2);

    let tasks = send(&clinic.staff, &[get("Task?status=requested"), get(&format!("RiskAssessment/{id}"))]).await;
    assert_eq!(statuses(&tasks), ["200", "200"]);
    let task = &tasks[0]["resource"]["entry"][0]["resource"];
    let mut accepted = task.clone();
    accepted["status"] = json!("accepted");
    let put = |version: &str| {
        json!({"resource": accepted, "request": {"method": "PUT",
            "url": format!("Task/{}", task["id"].as_str().unwrap()), "ifMatch": version}})
    };
    assert_eq!(statuses(&send(&clinic.staff, &[put("W/\"1\"")]).await), ["200"]);
    assert_eq!(statuses(&send(&clinic.staff, &[put("W/\"1\"")]).await), ["412"]);
    // A refused entry is audited under its own action.
    tell_all(&world.app).await;
    let refused = "select sum(occurrences)::bigint from audit_entries
        where outcome = 'refused' and action = 'follow_ups_listed'";
    assert_eq!(world.count(refused).await, 2);
}

#[tokio::test]
async fn an_invalid_batch_is_refused_as_a_whole() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut transaction = bundle(&[create(&fit(), "r1")]);
    transaction["type"] = json!("transaction");
    clinic.intake.post("/fhir", &transaction).await.expect(422);
    clinic.intake.post("/fhir", &json!({"resourceType": "Parameters"})).await.expect(422);
    clinic.intake.post("/fhir", &bundle(&vec![get("metadata"); 201])).await.expect(422);
    clinic.browser.post("/fhir", &bundle(&[create(&fit(), "r1")])).await.expect(403);
    clinic.intake.get("/fhir").await.expect(405);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
    let many: Vec<Value> = (0..200).map(|index| create(&fit(), &format!("m{index}"))).collect();
    let answers = send(&clinic.intake, &many).await;
    assert!(statuses(&answers).iter().all(|status| *status == "201"));
    assert_eq!(world.count("select count(*) from submissions").await, 200);
    // Many large searches: the response size is bounded, and skipped entries have an error.
    let answers = send(&clinic.intake, &vec![get("RiskAssessment?_count=200"); 200]).await;
    let done = statuses(&answers).iter().filter(|status| **status == "200").count();
    assert!((10..200).contains(&done), "{done}");
    assert_eq!(statuses(&answers)[199], "422");
    assert!(Value::from(answers).to_string().len() < 24 * 1024 * 1024);
}
