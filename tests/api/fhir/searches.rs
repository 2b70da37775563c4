//! Parameters of searches as FHIR R4 defines them: choices, dates of each precision, pages, totals, and what is ignored.

use serde_json::{Value, json};

use super::{identified, ids, search};
use crate::world::{Clinic, User, World, fit, frail};

/// The id of no resource.
const NO_ID: &str = "0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d";

async fn count(user: &User, query: &str) -> usize {
    ids(&user.get(&format!("/fhir/{query}")).await.expect(200)).len()
}

async fn answered(clinic: &Clinic, identifier: &str, at: &str) -> String {
    let mut body = identified(&fit(), identifier);
    body["authored"] = json!(at);
    let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
    created["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn dates_have_every_precision_and_prefix() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    answered(&clinic, "1", "2024-01-31T23:30:00Z").await;
    answered(&clinic, "2", "2024-02-29T12:00:00Z").await;
    answered(&clinic, "3", "2025-03-01T08:15:30Z").await;
    for (query, wanted) in [
        ("2024", 2),
        ("eq2024-02", 1),
        ("2024-02-29", 1),
        ("2024-02-29T12:00Z", 1),
        ("2024-02-29T12:00:00Z", 1),
        ("2024-02-29T13:00:00%2B01:00", 1),
        ("2024-02-29T12:00:01Z", 0),
        ("ne2024", 1),
        ("gt2024-02", 1),
        ("sa2024-01", 2),
        ("eb2024-02", 1),
        ("lt2024-02-29", 1),
        ("le2024-02-29", 2),
        ("ge2024-02-29", 2),
        ("ap2024-02", 2),
        ("2024-01,2025-03", 2),
        ("ge2024-01&authored=lt2024-02", 1),
        ("ge2024-01&authored=lt2024-02,gt2025", 1),
        ("ge2024-01,eb2020&authored=2024,2025", 3),
        ("2024-01&authored=2025", 0),
        ("le9999-12-31", 3),
    ] {
        assert_eq!(count(&clinic.staff, &format!("QuestionnaireResponse?authored={query}")).await, wanted, "{query}");
    }
    for wrong in ["24", "2024-13", "xx2024", "2024-02-30", "soon"] {
        clinic.staff.get(&format!("/fhir/RiskAssessment?date={wrong}")).await.expect(400);
    }
}

#[tokio::test]
async fn ids_are_exact_and_a_list_is_a_choice() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut all = Vec::new();
    for number in ["1", "2", "3"] {
        all.push(answered(&clinic, number, "2024-01-01").await);
    }
    let [one, two, three] = [&all[0], &all[1], &all[2]];
    for (query, wanted) in [
        (format!("QuestionnaireResponse?_id={one},{three}"), 2),
        (format!("QuestionnaireResponse?_id={one}&_id={three}"), 0),
        (format!("QuestionnaireResponse?_id={one},{two}&_id={two},{three}"), 1),
        (format!("QuestionnaireResponse?_id={one}x"), 0),
        (format!("QuestionnaireResponse?_id={one}-score"), 0),
        (format!("RiskAssessment?_id={one},unknown"), 1),
        (format!("Observation?_id={one}-score,{two}-score"), 2),
        (format!("Observation?_id={one}"), 0),
        (format!("Observation?_id={one}-scor"), 0),
        (format!("Observation?derived-from={one},{two}&code=score"), 2),
        (format!("Observation?derived-from=QuestionnaireResponse/{one}&code=score"), 1),
        (format!("Observation?derived-from={}/fhir/QuestionnaireResponse/{one}&code=score", world.base), 1),
        ("Observation?derived-from=https://other.example/fhir/QuestionnaireResponse/1&code=score".to_owned(), 0),
        ("Observation?code=score&category=survey".to_owned(), 3),
        ("Observation?code=score&category=exam,laboratory".to_owned(), 0),
        ("QuestionnaireResponse?status=completed,amended".to_owned(), 3),
        ("QuestionnaireResponse?status=http://hl7.org/fhir/questionnaire-answers-status|completed".to_owned(), 3),
        ("QuestionnaireResponse?status=urn:other|completed".to_owned(), 0),
        ("QuestionnaireResponse?questionnaire=urn:sarcoscreen:questionnaire|2026.3,urn:other".to_owned(), 3),
        ("QuestionnaireResponse?questionnaire=urn:sarcoscreen:questionnaire|2026.1".to_owned(), 0),
        ("QuestionnaireResponse?questionnaire=Questionnaire/2026.3".to_owned(), 3),
        ("QuestionnaireResponse?patient=Patient/1288992".to_owned(), 0),
    ] {
        assert_eq!(count(&clinic.staff, &query).await, wanted, "{query}");
    }
    let records = async |value: &str| {
        let request = search(&clinic.intake, "/fhir/QuestionnaireResponse/_search", &[("identifier", value)]);
        ids(&clinic.intake.send(request).await.expect(200)).len()
    };
    assert_eq!(records("urn:ehr|1,urn:ehr|3").await, 2);
    assert_eq!(records("2").await, 1);
    assert_eq!(records(r"urn:ehr|1\,urn:ehr|3").await, 0);
}

#[tokio::test]
async fn tasks_are_found_by_priority_owner_business_status_and_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
        tasks.push(receipt["follow_up"]["id"].as_str().unwrap().to_owned());
    }
    let me = clinic.staff.get("/v1/me").await.expect(200);
    let me = me["id"].as_str().unwrap();
    let put = async |id: &str, status: &str| {
        let body = json!({"resourceType": "Task", "id": id, "status": status});
        let request = clinic.staff.request("PUT", &format!("/fhir/Task/{id}")).header("if-match", "W/\"1\"");
        clinic.staff.send(request.json(&body)).await.expect(200)
    };
    put(&tasks[0], "accepted").await;
    put(&tasks[1], "cancelled").await;
    let first = clinic.staff.get(&format!("/fhir/Task/{}", tasks[2])).await.expect(200);
    let priority = first["priority"].as_str().unwrap();
    let year = &first["authoredOn"].as_str().unwrap()[..4];
    for (query, wanted) in [
        (format!("Task?owner={me}"), 1),
        (format!("Task?owner=Practitioner/{me}"), 1),
        (format!("Task?owner:identifier=urn:sarcoscreen:credential|{me}"), 1),
        ("Task?owner=Practitioner/9".to_owned(), 0),
        (format!("Task?priority={priority}"), 3),
        (format!("Task?priority=http://hl7.org/fhir/request-priority|{priority}"), 3),
        ("Task?priority=stat".to_owned(), 0),
        ("Task?business-status=assigned".to_owned(), 1),
        ("Task?business-status=urn:sarcoscreen:results|not_needed,assigned".to_owned(), 2),
        ("Task?business-status=not_needed&status=requested".to_owned(), 0),
        ("Task?status=requested,accepted&business-status=open".to_owned(), 1),
        (format!("Task?authored-on={year}"), 3),
        (format!("Task?authored-on=eb{year}"), 0),
        (format!("ServiceRequest?authored={year}&priority={priority}"), 3),
        (format!("Task?_id={},{}", tasks[0], tasks[1]), 2),
        ("Flag?status=active".to_owned(), 2),
    ] {
        assert_eq!(count(&clinic.staff, &query).await, wanted, "{query}");
    }
    // What is searched by its last change states it.
    for kind in ["Task", "ServiceRequest", "Flag"] {
        let page = clinic.staff.get(&format!("/fhir/{kind}?_id={}", tasks[0])).await.expect(200);
        let at = page["entry"][0]["resource"]["meta"]["lastUpdated"].as_str().unwrap().to_owned();
        assert_eq!(count(&clinic.staff, &format!("{kind}?_id={}&_lastUpdated={at}", tasks[0])).await, 1);
        assert_eq!(count(&clinic.staff, &format!("{kind}?_id={}&_lastUpdated=gt{at}", tasks[0])).await, 0);
    }
}

#[tokio::test]
async fn a_total_is_counted_and_presentation_is_honoured_or_ignored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for _ in 0..3 {
        clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    }
    let get = async |query: &str| clinic.staff.get(&format!("/fhir/{query}")).await.expect(200);
    for kind in ["QuestionnaireResponse", "RiskAssessment", "Task", "ServiceRequest", "Flag"] {
        for query in ["_count=0", "_summary=count", "_count=0&_total=none"] {
            let only = get(&format!("{kind}?{query}")).await;
            assert_eq!((&only["total"], only.get("entry")), (&json!(3), None), "{kind}?{query}");
        }
        let page = get(&format!("{kind}?_count=2&_total=accurate")).await;
        assert_eq!((&page["total"], ids(&page).len()), (&json!(3), 2), "{kind}");
        // Without a count, a first page that is also the last one has the total, and no other page.
        assert_eq!(get(kind).await["total"], 3, "{kind}");
        assert_eq!(get(&format!("{kind}?_id={NO_ID}")).await["total"], 0, "{kind}");
        let part = get(&format!("{kind}?_count=2")).await;
        assert!(part.get("total").is_none(), "{kind}");
        let links = part["link"].as_array().unwrap();
        let next = links.iter().find(|link| link["relation"] == "next").unwrap()["url"].as_str().unwrap();
        let last = clinic.staff.get(&next.replacen(&world.base, "", 1)).await.expect(200);
        assert_eq!((ids(&last).len(), last.get("total")), (1, None), "{kind}");
        let parts = get(&format!("{kind}?_elements=status&_count=1")).await;
        let part = &parts["entry"][0]["resource"];
        assert_eq!(part["meta"]["tag"][0]["code"], "SUBSETTED", "{kind}");
        assert!(part.get("status").is_some() && part.get("item").is_none() && part.get("restriction").is_none());
        for query in
            ["_pretty=true", "_sort=nothing", "_include=*", "_summary=true", "_contained=false", "_format=json", "_id="]
        {
            assert_eq!(ids(&get(&format!("{kind}?{query}")).await).len(), 3, "{kind}?{query}");
        }
    }
    let scores = get("Observation?code=score&_count=0").await;
    assert_eq!((&scores["total"], scores.get("entry")), (&json!(3), None));
    assert_eq!(get("Observation?code=score").await["total"], 3);
    assert!(get("Observation?code=score&_count=2").await.get("total").is_none());
    let log = clinic.admin.get("/fhir/AuditEvent?_count=1").await.expect(200);
    assert!(log.get("total").is_none());
    let entry = clinic.admin.get(&format!("/fhir/AuditEvent?_id={}", ids(&log)[0])).await.expect(200);
    assert_eq!(entry["total"], 1);
    // The log is not counted.
    assert!(clinic.admin.get("/fhir/AuditEvent?_count=0").await.expect(200).get("total").is_none());
    assert_eq!(get("Questionnaire?_count=0").await["total"], get("Questionnaire").await["total"]);
    assert_eq!(ids(&get("CodeSystem?_count=1").await).len(), 1);
    // What is ignored is reported beside the matches to a client that says how to handle it, and to no other.
    assert_eq!(get("Task?_sort=owner").await["entry"].as_array().unwrap().len(), 3);
    let request = clinic.staff.request("GET", "/fhir/Task?_sort=owner").header("prefer", "handling=strict");
    let page = clinic.staff.send(request).await.expect(200);
    let outcome = page["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    assert!(outcome["resource"]["issue"][0]["diagnostics"].as_str().unwrap().starts_with("_sort"), "{outcome}");
}

#[tokio::test]
async fn an_unknown_filter_is_refused_or_with_lenient_handling_reported() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    for (prefer, status) in [(None, 400), (Some("handling=strict"), 400), (Some("handling=lenient"), 200)] {
        for path in ["Task?focus=1", "QuestionnaireResponse?author=1", "Questionnaire?publisher=x", "Patient?_tag=x"] {
            let mut request = clinic.staff.request("GET", &format!("/fhir/{path}"));
            if let Some(prefer) = prefer {
                request = request.header("prefer", prefer);
            }
            let answer: Value = clinic.staff.send(request).await.expect(status);
            if status == 200 {
                let own = answer["link"][0]["url"].as_str().unwrap();
                assert!(!own.contains(['?', '=']) || own.ends_with('?'), "{own}");
                assert!(answer["entry"].to_string().contains("is ignored"), "{path}: {answer}");
            }
        }
    }
}

/// The search mode of each entry.
fn modes(bundle: &Value) -> Vec<&str> {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().map(|entry| entry["search"]["mode"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_inclusion_that_is_not_supported_is_refused_with_strict_handling_and_otherwise_ignored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let get = async |path: &str, prefer: Option<&str>| {
        let mut request = clinic.admin.request("GET", &format!("/fhir/{path}"));
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        clinic.admin.send(request).await
    };
    for (kind, parameter, value) in [
        ("Task", "_include", "Task:focus"),
        ("Task", "_include", "*"),
        ("RiskAssessment", "_include", "RiskAssessment:subject"),
        ("Observation", "_revinclude", "Provenance:target"),
        ("QuestionnaireResponse", "_include", "QuestionnaireResponse:subject"),
        ("QuestionnaireResponse", "_include:iterate", "QuestionnaireResponse:questionnaire"),
        ("Flag", "_contained", "true"),
        ("Questionnaire", "_include", "Questionnaire:derived-from"),
        ("AuditEvent", "_include", "AuditEvent:entity"),
    ] {
        let path = format!("{kind}?{parameter}={value}&_count=2");
        let refused = get(&path, Some("handling=strict")).await.expect(400);
        assert_eq!(refused["issue"][0]["location"][0], format!("http.{parameter}"), "{path}");
        for prefer in [None, Some("handling=lenient")] {
            let found = get(&path, prefer).await.expect(200);
            let own = found["link"][0]["url"].as_str().unwrap();
            assert!(!own.contains(parameter) && own.contains("_count=2"), "{own}");
            assert!(!modes(&found).contains(&"include"), "{path}");
            let reported = modes(&found).contains(&"outcome");
            assert_eq!(reported, prefer.is_some(), "{path}: {found}");
        }
    }
    for neutral in ["Task?_contained=false", "Task?_containedType=container", "Task?_pretty=true&_summary=false"] {
        get(neutral, Some("handling=strict")).await.expect(200);
    }
}

#[tokio::test]
async fn a_search_of_responses_includes_the_forms_that_they_answer() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (place, version) in ["2026.1", "2026.3", "2026.3"].into_iter().enumerate() {
        let mut body = identified(&fit(), &place.to_string());
        body["questionnaire"] = json!(format!("urn:sarcoscreen:questionnaire|{version}"));
        clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
    }
    let include = "_include=QuestionnaireResponse:questionnaire";
    let request = clinic.intake.request("GET", &format!("/fhir/QuestionnaireResponse?{include}&_include=Other:one"));
    let found = clinic.intake.send(request.header("prefer", "handling=lenient")).await.expect(200);
    assert_eq!(modes(&found), ["match", "match", "match", "include", "include", "outcome"]);
    for (place, version) in [(3, "2026.1"), (4, "2026.3")] {
        let entry = &found["entry"][place];
        assert_eq!(entry["fullUrl"], format!("{}/fhir/Questionnaire/{version}", world.base));
        let served = clinic.intake.get(&format!("/fhir/Questionnaire/{version}")).await.expect(200);
        assert_eq!(entry["resource"], served);
    }
    // The links keep what was honoured, and the next page has the forms of its own responses.
    let own = found["link"][0]["url"].as_str().unwrap();
    assert!(own.contains("_include=QuestionnaireResponse%3Aquestionnaire") && !own.contains("Other"), "{own}");
    let page = clinic.intake.get(&format!("/fhir/QuestionnaireResponse?{include}&_count=2")).await.expect(200);
    assert_eq!(modes(&page), ["match", "match", "include"]);
    let links = page["link"].as_array().unwrap();
    let next = links.iter().find(|link| link["relation"] == "next").unwrap()["url"].as_str().unwrap();
    let rest = clinic.intake.get(&next.replacen(&world.base, "", 1)).await.expect(200);
    assert_eq!(modes(&rest), ["match", "include"]);
    let counted = clinic.intake.get(&format!("/fhir/QuestionnaireResponse?{include}&_count=0")).await.expect(200);
    assert_eq!((&counted["total"], counted.get("entry")), (&json!(3), None));
}

#[tokio::test]
async fn presentation_is_refused_by_no_type() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let statement = clinic.admin.get("/fhir/metadata").await.expect(200);
    let mut tried = 0;
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        for query in [
            "_pretty=true",
            "_summary=true",
            "_summary=count",
            "_summary=data",
            "_elements=id,status",
            "_total=accurate",
            "_total=none",
            "_sort=-date,status",
            "_sort=_lastUpdated",
            "_count=0",
            "_count=1",
            "_count=100000",
            "_format=json",
        ] {
            for prefer in ["handling=strict", "handling=lenient", "respond-async"] {
                let request = clinic.admin.request("GET", &format!("/fhir/{kind}?{query}")).header("prefer", prefer);
                let found = clinic.admin.send(request).await;
                assert_eq!(found.status, 200, "{kind}?{query} {prefer}: {}", found.text);
                if query == "_count=0" || query == "_summary=count" {
                    assert!(!modes(&found.json()).contains(&"match"), "{kind}?{query}: {}", found.text);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[tokio::test]
async fn the_newest_answers_of_a_person_come_first_as_our_prefetch_asks() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut person = String::new();
    for at in ["2024-03", "2024-05-06", "2023"] {
        let mut body = identified(&fit(), at);
        body["authored"] = json!(at);
        body["subject"] = json!({"identifier": {"value": "MRN-1"}});
        let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
        person = created["subject"]["reference"].as_str().unwrap()["Patient/".len()..].to_owned();
    }
    let services = clinic.intake.get("/cds-services").await.expect(200);
    for (name, template) in services["services"][0]["prefetch"].as_object().unwrap() {
        let query = template.as_str().unwrap().replace("{{context.patientId}}", &person);
        let found = clinic.intake.get(&format!("/fhir/{query}")).await.expect(200);
        if name == "responses" {
            let authored = |entry: &Value| entry["resource"]["authored"].as_str().unwrap().to_owned();
            let found: Vec<_> = found["entry"].as_array().unwrap().iter().map(authored).collect();
            assert_eq!(found, ["2024-05-06", "2024-03", "2023"]);
        }
    }
}
