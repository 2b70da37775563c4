//! What a client writes comes back as it was sent: the time, the version of the form, and the address of the service.

use serde_json::json;

use super::{identified, ids, response};
use crate::world::{World, fit, frail};

#[tokio::test]
async fn a_time_of_any_precision_comes_back_as_it_was_sent() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (sent, stored) in [
        ("2024", "2024-01-01T00:00:00Z"),
        ("2024-02", "2024-02-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2024-02-29T12:00:00+01:00", "2024-02-29T11:00:00Z"),
        ("2024-02-29T12:00:00.123456789Z", "2024-02-29T12:00:00.123457Z"),
    ] {
        let mut body = response(&fit());
        body["authored"] = json!(sent);
        let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
        let id = created["id"].as_str().unwrap();
        let shown = if sent.contains('T') { stored } else { sent };
        assert_eq!(created["authored"], shown);
        let read = clinic.intake.get(&format!("/fhir/QuestionnaireResponse/{id}")).await.expect(200);
        assert_eq!(read, created);
        let submission = clinic.intake.get(&format!("/v1/submissions/{id}")).await.expect(200);
        assert_eq!(submission["answered_at"], stored);
        assert_eq!(
            ids(&clinic.intake.get(&format!("/fhir/RiskAssessment?date={}", &sent[..4])).await.expect(200))[0],
            id
        );
    }
    for wrong in ["24", "2024-13", "2024-02-30", "2024-02-29T12:00:00", "2999", "1850-01-01"] {
        let mut body = response(&fit());
        body["authored"] = json!(wrong);
        let refused = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(422);
        assert_eq!(super::expressions(&refused), ["QuestionnaireResponse.authored"], "{wrong}");
    }
    // A client east of the clinic may already have the next day.
    world.clock.hold();
    world.clock.advance_to_noon();
    let tomorrow =
        sarcoscreen::app::ambient::Ambient::now(&*world.clock).checked_add(jiff::SignedDuration::from_hours(24));
    let mut body = response(&fit());
    body["authored"] = json!(tomorrow.unwrap().to_string()[..10]);
    let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
    assert_eq!(created["authored"], body["authored"]);
}

#[tokio::test]
async fn a_response_keeps_the_version_of_its_form_and_each_released_form_is_served() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let forms = clinic.intake.get("/fhir/Questionnaire?status=active,retired&_count=20").await.expect(200);
    let forms = ids(&forms);
    // A form is large, so a page has one by default, the current one first.
    assert_eq!(ids(&clinic.intake.get("/fhir/Questionnaire").await.expect(200)), ["2026.3"]);
    assert_eq!(forms[0], "2026.3");
    assert!(forms.len() > 4, "{forms:?}");
    let mut tags = Vec::new();
    for form in &forms {
        let served = clinic.intake.get(&format!("/fhir/Questionnaire/{form}")).await;
        tags.push(served.header("etag").to_owned());
        let served = served.expect(200);
        let (version, audience) = form.split_once('-').unwrap_or((form.as_str(), ""));
        let status = if version == "2026.3" { "active" } else { "retired" };
        assert_eq!((&served["version"], &served["status"]), (&json!(version), &json!(status)));
        let known = clinic.intake.request("GET", &format!("/fhir/Questionnaire/{form}"));
        let known = known.header("if-none-match", tags.last().unwrap());
        assert_eq!(clinic.intake.send(known).await.status, 304);
        let name = if audience.is_empty() { String::new() } else { format!(":{audience}") };
        // A response to the form of an audience is one to the whole form.
        for canonical in [format!("urn:sarcoscreen:questionnaire{name}|{version}"), format!("Questionnaire/{form}")] {
            let mut body = response(&fit());
            body["questionnaire"] = json!(canonical);
            let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
            assert_eq!(created["questionnaire"], format!("urn:sarcoscreen:questionnaire|{version}"));
            let id = created["id"].as_str().unwrap();
            assert_eq!(clinic.intake.get(&format!("/fhir/QuestionnaireResponse/{id}")).await.expect(200), created);
        }
    }
    for version in forms.iter().filter(|form| !form.contains('-')) {
        let search = format!("/fhir/QuestionnaireResponse?questionnaire=urn:sarcoscreen:questionnaire|{version}");
        assert_eq!(ids(&clinic.intake.get(&search).await.expect(200)).len(), 8, "{version}");
    }
    let person = "/fhir/QuestionnaireResponse?questionnaire=urn:sarcoscreen:questionnaire:person";
    assert!(ids(&clinic.intake.get(person).await.expect(200)).is_empty());
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), forms.len());
    for (query, wanted) in [
        ("status=active", 4),
        ("status=http://hl7.org/fhir/publication-status|active", 4),
        ("version=2026.3", 4),
        ("version=1999.1", 0),
        ("name=sarcopenia", 4),
        ("name=sarcopeniascreenstaff", 1),
    ] {
        let found = clinic.intake.get(&format!("/fhir/Questionnaire?_count=20&{query}")).await.expect(200);
        assert_eq!(ids(&found).len(), wanted, "{query}");
    }
    clinic.intake.get("/fhir/Questionnaire/1999.1").await.expect(404);
}

#[tokio::test]
async fn a_bundle_is_taken_with_a_slash_at_the_end_and_a_condition_as_a_url() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let bundle = json!({"resourceType": "Bundle", "type": "batch",
        "entry": [{"request": {"method": "GET", "url": "metadata"}}]});
    for path in ["/fhir", "/fhir/"] {
        let answer = clinic.intake.post(path, &bundle).await.expect(200);
        assert_eq!(answer["entry"][0]["response"]["status"], "200");
        clinic.intake.get(path).await.expect(405);
    }
    // HAPI sends the URL of the search.
    let url = format!("{}/fhir/QuestionnaireResponse?identifier=urn%3Aehr%7C9", world.base);
    for status in [201, 200] {
        let request = clinic.intake.request("POST", "/fhir/QuestionnaireResponse").header("if-none-exist", &url);
        clinic.intake.send(request.json(&identified(&frail(), "9"))).await.expect(status);
    }
}
