//! Versions of responses and tasks: each is read, and the history lists them.

use serde_json::{Value, json};

use crate::world::{Answer, User, World, fit, frail};

async fn version(user: &User, path: &str, version: &str) -> Answer {
    user.get(&format!("/fhir/{path}/_history/{version}")).await
}

fn versions(bundle: &Value) -> Vec<(String, String)> {
    assert_eq!(bundle["type"], "history");
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let of = |entry: &Value| {
        assert_eq!(
            entry["response"]["etag"],
            format!("W/\"{}\"", entry["resource"]["meta"]["versionId"].as_str().unwrap())
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&entry["resource"]["meta"]["versionId"]), text(&entry["resource"]["status"]))
    };
    entries.iter().map(of).collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(version, status)| ((*version).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn a_response_has_a_second_version_when_it_is_corrected() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let wrong = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let path = format!("QuestionnaireResponse/{}", wrong["id"].as_str().unwrap());
    let before = clinic.intake.get(&format!("/fhir/{path}")).await.expect(200);
    let history = clinic.intake.get(&format!("/fhir/{path}/_history")).await.expect(200);
    assert_eq!((versions(&history), &history["total"]), (pairs(&[("1", "completed")]), &json!(1)));
    clinic.intake.submit(&json!({"answers": fit(), "supersedes": wrong["id"]})).await.expect(201);
    let history = clinic.intake.get(&format!("/fhir/{path}/_history")).await.expect(200);
    assert_eq!(versions(&history), pairs(&[("2", "entered-in-error"), ("1", "completed")]));
    let first = version(&clinic.intake, &path, "1").await;
    assert_eq!(first.header("etag"), "W/\"1\"");
    assert_eq!(first.expect(200), before);
    let second = version(&clinic.intake, &path, "2").await.expect(200);
    assert_eq!(second, clinic.intake.get(&format!("/fhir/{path}")).await.expect(200));
    for unknown in ["3", "0", "first", "00000000000001"] {
        version(&clinic.intake, &path, unknown).await.expect(404);
    }
    let at = second["meta"]["lastUpdated"].as_str().unwrap();
    for (query, wanted) in [(format!("_since={at}"), 1), ("_count=1".to_owned(), 1), ("_count=0".to_owned(), 0)] {
        let page = clinic.intake.get(&format!("/fhir/{path}/_history?{query}")).await.expect(200);
        assert_eq!(versions(&page).len(), wanted, "{query}");
    }
    let page = clinic.intake.get(&format!("/fhir/{path}/_history?_count=1")).await.expect(200);
    let next = page["link"][1]["url"].as_str().unwrap().replacen(&world.base, "", 1);
    assert_eq!(versions(&clinic.intake.get(&next).await.expect(200)), pairs(&[("1", "completed")]));
    clinic.intake.get(&format!("/fhir/{path}/_history?_since=lately")).await.expect(400);
    for (prefer, status) in [("handling=strict", 400), ("handling=lenient", 200)] {
        let request = clinic.intake.request("GET", &format!("/fhir/{path}/_history?_at=2026")).header("prefer", prefer);
        clinic.intake.send(request).await.expect(status);
    }
}

#[tokio::test]
async fn a_task_has_a_version_for_each_change_of_its_follow_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap();
    let path = format!("Task/{id}");
    let mut read = vec![clinic.staff.get(&format!("/fhir/{path}")).await.expect(200)];
    for (version, status) in [(1, "accepted"), (2, "requested"), (3, "cancelled")] {
        let body = json!({"resourceType": "Task", "id": id, "status": status});
        let request = clinic.staff.request("PUT", &format!("/fhir/{path}"));
        let request = request.header("if-match", format!("W/\"{version}\""));
        clinic.staff.send(request.json(&body)).await.expect(200);
        read.push(clinic.staff.get(&format!("/fhir/{path}")).await.expect(200));
    }
    for (number, wanted) in (1..).zip(&read) {
        let one = version(&clinic.staff, &path, &format!("{number}")).await;
        assert_eq!(one.header("etag"), format!("W/\"{number}\""));
        assert_eq!(one.expect(200), *wanted, "{number}");
    }
    version(&clinic.staff, &path, "5").await.expect(404);
    version(&clinic.intake, &path, "1").await.expect(403);
    let history = clinic.staff.get(&format!("/fhir/{path}/_history")).await.expect(200);
    let wanted = [("4", "cancelled"), ("3", "requested"), ("2", "accepted"), ("1", "requested")];
    assert_eq!(versions(&history), pairs(&wanted));
    assert_eq!(history["entry"][3]["request"]["method"], "POST");
    assert_eq!(history["entry"][0]["request"]["url"], path);
}
