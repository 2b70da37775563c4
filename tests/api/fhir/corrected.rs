//! What a client that searches by `status` or `_lastUpdated` sees of a correction.

use sarcoscreen::app::ambient::Ambient as _;
use serde_json::{Value, json};

use crate::follow_ups::act;
use crate::world::{Clinic, User, World, fit, frail};

async fn submit(clinic: &Clinic, answers: Value) -> Value {
    clinic.intake.submit(&json!({"answers": answers})).await.expect(201)
}

async fn correct(user: &User, corrected: &Value, answers: Value) -> Value {
    user.submit(&json!({"answers": answers, "supersedes": corrected["id"]})).await.expect(201)
}

/// The ids of the resources of a page.
async fn found(user: &User, search: &str) -> Vec<Value> {
    let page = user.get(&format!("/fhir/{search}")).await.expect(200);
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].clone()).collect()
}

#[tokio::test]
async fn a_flag_is_inactive_when_no_submission_that_counts_is_flagged() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let flagged = submit(&clinic, frail()).await;
    let corrected = submit(&clinic, frail()).await;
    let closed = submit(&clinic, frail()).await;
    let id = |receipt: &Value| receipt["follow_up"]["id"].clone();
    let correction = correct(&clinic.intake, &corrected, fit()).await;
    let path = format!("/v1/follow-ups/{}", id(&closed).as_str().unwrap());
    let reason = json!({"outcome": "not_needed", "not_needed_reason": "other"});
    act(&clinic.staff, &path, "close", 1, &reason).await.expect(200);
    let flag = async |receipt: &Value| {
        clinic.staff.get(&format!("/fhir/Flag/{}", id(receipt).as_str().unwrap())).await.expect(200)
    };
    assert_eq!(flag(&flagged).await["status"], "active");
    assert_eq!(flag(&closed).await["status"], "inactive");
    let ended = flag(&corrected).await;
    assert_eq!((&ended["status"], &ended["meta"]["versionId"]), (&json!("inactive"), &json!("2")));
    assert_eq!(ended["period"]["end"], correction["received_at"]);
    let all = [id(&flagged), id(&corrected), id(&closed)];
    for (status, wanted) in [
        ("active", &all[..1]),
        ("inactive", &all[1..]),
        ("active,inactive", &all[..]),
        ("active&status=inactive", &all[..0]),
        ("entered-in-error", &all[..0]),
    ] {
        assert_eq!(found(&clinic.staff, &format!("Flag?status={status}")).await, wanted, "{status}");
    }
    // The work on it is not done.
    assert_eq!(found(&clinic.staff, "Task?status=requested").await, all[..2]);
    // Flagged answers make it active again.
    correct(&clinic.intake, &correction, frail()).await;
    assert_eq!(flag(&corrected).await["status"], "active");
}

/// The URL of the next page, as a path.
fn next(world: &World, page: &Value) -> Option<String> {
    let next = page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next")?;
    Some(next["url"].as_str().unwrap().replacen(&world.base, "", 1))
}

#[tokio::test]
async fn a_search_by_last_updated_finds_what_was_corrected_since() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let start = world.clock.now();
    let wrong = submit(&clinic, frail()).await;
    let other = submit(&clinic, fit()).await;
    world.clock.advance(1800);
    let since = world.clock.now();
    world.clock.advance(1800);
    let correction = correct(&clinic.staff, &wrong, fit()).await;
    let [wrong, other, correction] = [wrong, other, correction].map(|receipt| receipt["id"].clone());
    let at = clinic.staff.get(&format!("/v1/submissions/{}", correction.as_str().unwrap())).await.expect(200);
    let at = at["received_at"].as_str().unwrap();
    for kind in ["QuestionnaireResponse", "RiskAssessment"] {
        for (query, wanted) in [
            (format!("_lastUpdated=ge{since}"), vec![&correction, &wrong]),
            (format!("_lastUpdated={at}"), vec![&correction, &wrong]),
            (format!("_lastUpdated=gt{at}"), vec![]),
            (format!("_lastUpdated=lt{since}"), vec![&other]),
            (format!("_lastUpdated=ge{start}&_lastUpdated=lt{since}"), vec![&other]),
            (format!("_lastUpdated=ge{start}"), vec![&correction, &other, &wrong]),
        ] {
            let ids = found(&clinic.staff, &format!("{kind}?{query}")).await;
            assert_eq!(ids.iter().collect::<Vec<_>>(), wanted, "{kind}?{query}");
        }
        // The intake system sees that its own result is wrong.
        assert_eq!(
            found(&clinic.intake, &format!("{kind}?_lastUpdated=ge{since}")).await,
            std::slice::from_ref(&wrong)
        );
    }
    let page = clinic.intake.get(&format!("/fhir/RiskAssessment?_lastUpdated=ge{since}")).await.expect(200);
    let resource = &page["entry"][0]["resource"];
    assert_eq!((&resource["status"], &resource["meta"]["lastUpdated"]), (&json!("entered-in-error"), &json!(at)));
    let totals = format!("Observation?code=score&_lastUpdated=ge{since}");
    assert_eq!(found(&clinic.staff, &totals).await.len(), 2);
    // Pages continue from what was received since to what was only corrected since.
    let (mut path, mut seen) = (format!("/fhir/QuestionnaireResponse?_count=1&_lastUpdated=ge{since}"), Vec::new());
    loop {
        let page = clinic.staff.get(&path).await.expect(200);
        seen.push(page["entry"][0]["resource"]["id"].clone());
        assert!(page["entry"].as_array().unwrap().len() == 1 && seen.len() < 3, "{seen:?}");
        let Some(following) = next(&world, &page) else { break };
        path = following;
    }
    assert_eq!(seen, [correction, wrong]);
}
