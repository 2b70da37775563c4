//! A correction followed from the intake system to the worklist, history, lists, exports, statistics, FHIR and webhooks; each
//! is printed.

use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::submissions::statistics::count_days;
use serde_json::{Value, json};

use super::{correct, path_of, submit, urgent};
use crate::follow_ups::act;
use crate::webhooks::receiver::{Manner, Receiver};
use crate::webhooks::{Delivering, register, world};
use crate::world::{Clinic, User, World, fit, frail};

const DAY: i64 = 24 * 3600;
/// The red flag that makes the first answers urgent.
const ALARM: &str = "breathing_trouble";

fn today(world: &World) -> String {
    world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn print(what: &str, value: &Value) {
    println!("{what}: {value:#}");
}

async fn worklist(clinic: &Clinic) -> Value {
    let row = clinic.staff.get("/v1/follow-ups").await.expect(200)["items"][0].clone();
    print("worklist", &row);
    row
}

/// The rows of an export, by the id of the resource.
async fn exported(user: &User, name: &str, id: &Value) -> Value {
    let answer = user.get(&format!("/v1/exports/{name}")).await;
    let mut rows = answer.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let row = rows.find(|row| row["id"] == *id).unwrap();
    print(&format!("export of {name}"), &row);
    row
}

/// Submissions, flagged ones and those of the high band, of each day.
async fn counted(clinic: &Clinic, days: [&str; 2]) -> [(u64, u64, u64); 2] {
    let mut counts = [(0, 0, 0); 2];
    for (count, day) in counts.iter_mut().zip(days) {
        let stats = clinic.staff.get(&format!("/v1/statistics?from={day}&to={day}")).await.expect(200);
        let number = |value: &Value| value.as_u64().unwrap();
        let of_day = &stats["submissions"];
        *count = (number(&of_day["total"]), number(&of_day["flagged"]), number(&of_day["bands"]["high"]));
        println!("statistics of {day}: {count:?}");
    }
    counts
}

/// The status of each resource of a submission.
async fn fhir(user: &User, id: &Value) -> [String; 3] {
    let id = id.as_str().unwrap();
    let paths =
        [format!("QuestionnaireResponse/{id}"), format!("RiskAssessment/{id}"), format!("Observation/{id}-score")];
    let mut statuses = [const { String::new() }; 3];
    for (status, path) in statuses.iter_mut().zip(paths) {
        let answer = user.get(&format!("/fhir/{path}")).await;
        let tag = answer.header("etag").to_owned();
        let resource = answer.expect(200);
        println!("{path}: {} {tag} {}", resource["status"], resource["meta"]);
        assert_eq!(tag, format!("W/{}", resource["meta"]["versionId"]));
        resource["status"].as_str().unwrap().clone_into(status);
    }
    statuses
}

/// The ids of the responses that a search by status finds.
async fn found(user: &User, status: &str) -> Vec<Value> {
    let page = user.get(&format!("/fhir/QuestionnaireResponse?status={status}")).await.expect(200);
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].clone()).collect()
}

/// Each of three submissions, of which the second corrects the first and the third the second, shows it in every list.
async fn shown_as_a_chain(clinic: &Clinic, [wrong, corrected, unflagged]: [&Value; 3]) {
    let none = &Value::Null;
    let chain = [
        (&wrong["id"], none, &corrected["id"]),
        (&corrected["id"], &wrong["id"], &unflagged["id"]),
        (&unflagged["id"], &corrected["id"], none),
    ];
    let case = clinic.staff.get(&path_of(wrong)).await.expect(200);
    let list = clinic.staff.get("/v1/submissions").await.expect(200);
    for (id, supersedes, superseded_by) in chain {
        let row = exported(&clinic.staff, "submissions", id).await;
        let of = |rows: &Value| rows.as_array().unwrap().iter().find(|one| one["id"] == *id).unwrap().clone();
        for shown in [row, of(&case["submissions"]), of(&list["items"])] {
            assert_eq!((&shown["supersedes"], &shown["superseded_by"]), (supersedes, superseded_by));
            assert_eq!(shown["follow_up_id"], wrong["follow_up"]["id"]);
        }
    }
}

/// The receiver gets an event for each of the two corrections.
async fn sent(world: &World, receiver: &Receiver, [wrong, corrected, unflagged]: [&Value; 3]) {
    let job = Delivering::start(&world.app);
    let taken = receiver.attempts(2).await;
    job.stop().await;
    let mut events: Vec<Value> = taken.iter().map(|one| serde_json::from_str(&one.body).unwrap()).collect();
    events.sort_by_key(|event| event["timestamp"].as_str().unwrap().to_owned());
    for (event, (receipt, supersedes, urgency, flagged)) in
        events.iter().zip([(corrected, wrong, "this_week", true), (unflagged, corrected, "routine", false)])
    {
        print("webhook", event);
        assert_eq!(event["type"], "submission.corrected");
        assert_eq!(
            event["data"],
            json!({"submission_id": receipt["id"], "supersedes": supersedes["id"], "subject_id": wrong["subject_id"],
                "follow_up_id": wrong["follow_up"]["id"], "state": "assigned", "urgency": urgency, "flagged": flagged})
        );
    }
}

#[tokio::test]
async fn a_correction_reaches_every_place_that_shows_the_submission() {
    let world = world().await;
    world.clock.advance_to_noon();
    let clinic = world.clinic("One").await;
    let receiver = Receiver::start(Manner::Takes).await;
    register(&clinic, &receiver.url, &["submission.corrected"]).await;
    let wrong = submit(&clinic, "R-1", urgent()).await;
    let reasons = worklist(&clinic).await["reasons"].to_string();
    assert!(reasons.contains(ALARM), "{reasons}");
    act(&clinic.staff, &path_of(&wrong), "claim", 1, &json!({})).await.expect(200);
    let first_day = today(&world);
    world.clock.advance(DAY);
    count_days(&world.app).await.unwrap();
    let second_day = today(&world);
    let days = [&*first_day, &*second_day];
    assert_eq!(counted(&clinic, days).await, [(1, 1, 1), (0, 0, 0)]);

    // The intake system corrects the alarm answer, then finds that the form was another person's.
    let corrected = correct(&clinic.intake, &wrong, frail()).await;
    print("receipt of the correction", &corrected["follow_up"]);
    let row = worklist(&clinic).await;
    assert_eq!(
        (&row["id"], &row["urgency"], &row["flagged"]),
        (&wrong["follow_up"]["id"], &json!("this_week"), &json!(true))
    );
    assert_eq!((&row["state"], &row["corrected_at"]), (&json!("assigned"), &corrected["received_at"]));
    let reasons = row["reasons"].as_array().unwrap().iter().map(|reason| reason["id"].clone()).collect::<Vec<_>>();
    assert!(reasons.contains(&json!("sarc_f")) && !reasons.contains(&json!(ALARM)), "{reasons:?}");
    let unflagged = correct(&clinic.intake, &corrected, fit()).await;
    let row = worklist(&clinic).await;
    assert_eq!((&row["urgency"], &row["flagged"], &row["reasons"]), (&json!("routine"), &json!(false), &json!([])));

    let history = clinic.staff.get(&format!("{}/history", path_of(&wrong))).await.expect(200);
    print("history", &history);
    let events = history["items"].as_array().unwrap().iter();
    let events: Vec<_> = events.map(|event| (event["command"].as_str().unwrap(), &event["submission_id"])).collect();
    let none = &Value::Null;
    let wanted =
        [("open", &wrong["id"]), ("claim", none), ("correct", &corrected["id"]), ("correct", &unflagged["id"])];
    assert_eq!(events, wanted);

    shown_as_a_chain(&clinic, [&wrong, &corrected, &unflagged]).await;
    let row = exported(&clinic.staff, "follow-ups", &wrong["follow_up"]["id"]).await;
    assert_eq!((&row["flagged"], &row["corrected_at"]), (&json!(false), &unflagged["received_at"]));

    // Counted once, with the corrected answers, before and after the day of the correction is counted.
    assert_eq!(counted(&clinic, days).await, [(0, 0, 0), (1, 0, 0)]);
    world.clock.advance(DAY);
    assert_eq!(counted(&clinic, days).await, [(0, 0, 0), (1, 0, 0)]);
    count_days(&world.app).await.unwrap();
    assert_eq!(counted(&clinic, days).await, [(0, 0, 0), (1, 0, 0)]);

    let error = "entered-in-error";
    assert_eq!(fhir(&clinic.intake, &wrong["id"]).await, [error; 3]);
    assert_eq!(fhir(&clinic.intake, &corrected["id"]).await, [error; 3]);
    assert_eq!(fhir(&clinic.intake, &unflagged["id"]).await, ["amended", "corrected", "corrected"]);
    assert_eq!(found(&clinic.intake, "amended").await, [unflagged["id"].clone()]);
    assert_eq!(found(&clinic.intake, error).await.len(), 2);
    assert_eq!(found(&clinic.intake, "completed").await.len(), 0);

    sent(&world, &receiver, [&wrong, &corrected, &unflagged]).await;
    // Nothing closes by itself: the assignee does.
    let reason = json!({"outcome": "not_needed", "not_needed_reason": "entered_in_error"});
    act(&clinic.staff, &path_of(&wrong), "close", 4, &reason).await.expect(200);
}
