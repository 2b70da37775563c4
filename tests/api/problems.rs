//! Problems: a real request triggers every type of the published list; headers of every response.

use std::time::Duration;

use sarcoscreen::http::kernel::problem::ProblemType;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::follow_ups::{act, open};
use crate::raw::{head, raw};
use crate::world::{Answer, Clinic, User, World, fit, frail};

const LIMIT: usize = 64 * 1024;

/// A request that triggers a problem type. A new type needs an arm here.
async fn meet(kind: ProblemType, world: &World, clinic: &Clinic) -> Answer {
    let (browser, staff) = (&clinic.browser, &clinic.staff);
    let body = json!({"answers": fit()});
    let post = |text: &str| browser.request("POST", "/v1/submissions").body(text.to_owned());
    match kind {
        ProblemType::MalformedRequest => browser.send(post("{").header("content-type", "application/json")).await,
        ProblemType::InvalidCursor => staff.get("/v1/submissions?cursor=abc").await,
        ProblemType::Unauthenticated => world.holder(None).get("/v1/submissions").await,
        ProblemType::Forbidden => browser.get("/v1/submissions").await,
        ProblemType::OriginNotAllowed => {
            let bound = json!({"role": "browser", "display_name": "Site", "origins": ["https://clinic.example"]});
            let minted = clinic.admin.post("/v1/credentials", &bound).await.expect(201);
            world.holder(minted["key"].as_str()).submit(&body).await
        }
        ProblemType::ClinicSuspended => suspended(world).await.staff.get("/v1/submissions").await,
        ProblemType::NotFound => staff.get("/v1/nothing").await,
        ProblemType::MethodNotAllowed => staff.send(staff.request("DELETE", "/v1/submissions")).await,
        ProblemType::RequestTimeout => {
            let stalled = format!("{}content-length: 100\r\n\r\n{{\"answers\"", head(browser.key.as_deref().unwrap()));
            raw(world, stalled.into_bytes()).await
        }
        ProblemType::BodyTooLarge => {
            let long = format!("{}content-length: {}\r\n\r\n", head(browser.key.as_deref().unwrap()), LIMIT + 1);
            raw(world, long.into_bytes()).await
        }
        ProblemType::UriTooLong | ProblemType::HeadTooLarge => meet_bound(kind, world).await,
        ProblemType::UnsupportedMediaType => browser.send(post("{}").header("content-type", "text/plain")).await,
        ProblemType::InvalidContent => browser.submit(&json!({})).await,
        ProblemType::IdempotencyKeyReused => {
            browser.submit_once("k", &body).await.expect(201);
            browser.submit_once("k", &json!({"answers": frail()})).await
        }
        ProblemType::Conflict => act(staff, &open(clinic).await, "reopen", 1, &json!({})).await,
        ProblemType::Stale => act(staff, &open(clinic).await, "claim", 2, &json!({})).await,
        ProblemType::NotPrefetched => {
            let call = json!({"hook": "patient-view", "hookInstance": uuid::Uuid::nil(),
                "context": {"userId": "Practitioner/1", "patientId": "1"}});
            clinic.intake.post("/cds-services/muscle-loss", &call).await
        }
        ProblemType::PreconditionRequired => {
            staff.send(staff.request("POST", &format!("{}/claim", open(clinic).await))).await
        }
        ProblemType::TooManyRequests => guess(world, staff).await,
        ProblemType::Internal => {
            let location = browser.submit(&body).await.header("location").to_owned();
            staff.get(&location).await.expect(200);
            let sql = "update submissions set answers = '{\"age\": \"Erika Mustermann\"}'";
            world.connect().await.execute(sql).await.unwrap();
            staff.get(&location).await
        }
        ProblemType::Unavailable => {
            let mut beside = world.connect().await;
            beside.execute("begin; lock table submissions in access exclusive mode").await.unwrap();
            let answer = browser.submit(&body).await;
            beside.execute("rollback").await.unwrap();
            browser.submit(&body).await.expect(201);
            answer
        }
    }
}

/// A head beyond its limit, without a key.
async fn meet_bound(kind: ProblemType, world: &World) -> Answer {
    let anonymous = world.holder(None);
    if kind == ProblemType::UriTooLong {
        return anonymous.get(&format!("/v1/submissions?{}", "a".repeat(8 * 1024 + 1))).await;
    }
    anonymous.send(anonymous.request("GET", "/v1/submissions").header("cookie", "c".repeat(32 * 1024))).await
}

/// Guesses the secret of a key until the address is locked out, then waits until the lock-out ends; returns the refusal.
async fn guess(world: &World, user: &User) -> Answer {
    let wrong = world.holder(Some(&format!("{}{}", &user.key.as_ref().unwrap()[..17], "A".repeat(43))));
    for _ in 0..60 {
        wrong.get("/v1/submissions").await.expect(401);
    }
    let refused = wrong.get("/v1/submissions").await;
    world.clock.advance(61);
    refused
}

async fn suspended(world: &World) -> Clinic {
    let other = world.clinic("Suspended").await;
    world.suspend(&other, true).await;
    other
}

#[tokio::test]
async fn every_problem_type_occurs_and_matches_its_row() {
    // The deadline for a whole body. The lock that makes the database unavailable is held for longer.
    let world = World::with(|settings| settings.read_deadline = Duration::from_secs(3)).await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    let unmet: [u16; 0] = [];
    for kind in ProblemType::ALL.into_iter().filter(|kind| !unmet.contains(&kind.row().1)) {
        let (name, status, title) = kind.row();
        let answer = meet(kind, &world, &clinic).await;
        let body = answer.json();
        assert_eq!(body["type"], format!("/docs/problems#{name}"), "{}", answer.text);
        assert_eq!((answer.status, &body["title"]), (status, &json!(title)));
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
        let retry_after = match kind {
            ProblemType::Unavailable | ProblemType::TooManyRequests => "1",
            _ => "",
        };
        assert_eq!(answer.header("retry-after"), retry_after, "{name}");
    }
}

#[tokio::test]
async fn a_documented_path_reports_its_allowed_methods() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let document = clinic.staff.get("/openapi.json").await.expect(200);
    for (template, item) in document["paths"].as_object().unwrap() {
        let path = template.replace("{id}", "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071").replace("{version}", "2026.1");
        let mut known: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        known.sort();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if known.iter().any(|name| name == method) {
                continue;
            }
            let answer = clinic.admin.send(clinic.admin.request(method, &path)).await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            let mut allowed: Vec<&str> = answer.header("allow").split(", ").collect();
            allowed.sort_unstable();
            assert_eq!(allowed, known, "{method} {path}");
        }
    }
    for path in ["/v1", "/v1/", "/v1/submissions/", "/v2/submissions", "/v1/submissions/x/y", "/nothing"] {
        assert_eq!(clinic.staff.get(path).await.expect(404)["type"], "/docs/problems#not_found", "{path}");
    }
    for id in ["x", "1", "%00", "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f607", "..%2f"] {
        clinic.staff.get(&format!("/v1/submissions/{id}")).await.expect(404);
    }
}

#[tokio::test]
async fn only_a_single_bearer_header_authenticates() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let key = clinic.staff.key.clone().unwrap();
    let anonymous = world.holder(None);
    let ask = || anonymous.request("GET", "/v1/submissions");
    let twice = ask().header("authorization", format!("Bearer {key}")).header("authorization", format!("Bearer {key}"));
    let refused = [
        twice,
        ask().header("authorization", key.clone()),
        ask().header("authorization", format!("Basic {key}")),
        ask().header("authorization", "Bearer"),
        ask().header("authorization", "Bearer "),
        ask().header("authorization", format!("Bearer {key}, Bearer {key}")),
        ask().header("authorization", vec![0x42, 0xff]),
        anonymous.request("GET", &format!("/v1/submissions?key={key}")),
    ];
    for request in refused {
        assert_eq!(anonymous.send(request).await.expect(401)["type"], "/docs/problems#unauthenticated");
    }
    anonymous.send(ask().header("authorization", format!("bearer {key}"))).await.expect(200);
}

#[tokio::test]
async fn only_uncompressed_utf_8_json_bodies_are_accepted() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let browser = &clinic.browser;
    let text = json!({"answers": fit()}).to_string();
    let post = |kind: &str| browser.request("POST", "/v1/scores").header("content-type", kind).body(text.clone());
    let refused = [
        browser.request("POST", "/v1/scores").body(text.clone()),
        post("text/plain"),
        post("application/json; charset=utf-16"),
        post("application/json; charset=latin1"),
        post("application/x-www-form-urlencoded"),
        post("json"),
        post("application/json").header("content-encoding", "gzip"),
        post("application/json").header("content-type", "text/plain"),
    ];
    for request in refused {
        assert_eq!(browser.send(request).await.expect(415)["type"], "/docs/problems#unsupported_media_type");
    }
    for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=\"UTF-8\""] {
        browser.send(post(kind)).await.expect(200);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_any_transfer_encoding() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let key = clinic.browser.key.as_deref().unwrap();
    let chunked = |size: usize| {
        let body = " ".repeat(size);
        format!("{}transfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n", head(key)).into_bytes()
    };
    assert_eq!(raw(&world, chunked(LIMIT + 1)).await.expect(413)["type"], "/docs/problems#body_too_large");
    let whole = [chunked(LIMIT), b"0\r\n\r\n".to_vec()].concat();
    raw(&world, whole).await.expect(400);
    for (size, status) in [(LIMIT, 200), (LIMIT + 1, 413), (4 * LIMIT, 413)] {
        let mut body = json!({"answers": fit()}).to_string();
        body.push_str(&" ".repeat(size - body.len()));
        let request = clinic.browser.request("POST", "/v1/scores").header("content-type", "application/json");
        clinic.browser.send(request.body(body)).await.expect(status);
    }
}

#[tokio::test]
async fn a_valid_request_id_is_kept_and_otherwise_generated() {
    let world = World::new().await;
    let staff = world.clinic("One").await.staff;
    let given = "6f1f9f0e-3c1b-4a53-9a39-0d4f3a6d2b11";
    let ask = |id: &str| staff.request("GET", "/v1/submissions/x").header("x-request-id", id);
    let answer = staff.send(ask(given)).await;
    assert_eq!(answer.header("x-request-id"), given);
    assert_eq!(answer.expect(404)["request_id"], given);
    let mut seen = vec![given.to_owned()];
    for garbage in ["", "x", "6f1f9f0e", "<script>", "6f1f9f0e-3c1b-4a53-9a39-0d4f3a6d2b11-1"] {
        let id = staff.send(ask(garbage)).await.header("x-request-id").to_owned();
        assert!(uuid::Uuid::try_parse(&id).is_ok() && !seen.contains(&id), "{garbage}: {id}");
        seen.push(id);
    }
    // The audit entry has the id of its request.
    let body = json!({"answers": fit()});
    staff.send(staff.request("POST", "/v1/submissions").header("x-request-id", given).json(&body)).await.expect(201);
    let sql = "select count(*) from audit_entries where request_id = '6f1f9f0e-3c1b-4a53-9a39-0d4f3a6d2b11'
               and outcome = 'success'";
    assert_eq!(world.count(sql).await, 1);
}

#[tokio::test]
async fn every_response_has_the_security_headers_and_health_data_is_not_cached() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.browser.submit(&json!({"answers": frail()})).await;
    let (location, body) = (receipt.header("location").to_owned(), receipt.json());
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let mut health_data = vec![receipt, clinic.browser.post("/v1/scores", &json!({"answers": fit()})).await];
    for path in [
        location,
        "/v1/submissions".to_owned(),
        "/v1/follow-ups".to_owned(),
        format!("/v1/follow-ups/{}", id(&body["follow_up"]["id"])),
        format!("/v1/subjects/{}/submissions", id(&body["subject_id"])),
    ] {
        health_data.push(clinic.staff.get(&path).await);
    }
    health_data.push(clinic.staff.post("/v1/subjects/search", &json!({"name": "x"})).await);
    for answer in &health_data {
        assert!(answer.status < 300, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.text);
    }
    for path in [
        "/v1/questionnaire",
        "/v1/nothing",
        "/v1/submissions",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/docs/",
        "/docs/problems",
        "/nothing",
    ] {
        health_data.push(world.holder(None).get(path).await);
    }
    for answer in health_data {
        for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
            assert_eq!(answer.header(name), value, "{answer:?}");
        }
        assert!(answer.header("content-security-policy").contains("default-src"), "{answer:?}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{answer:?}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn the_published_list_names_every_problem_type() {
    let world = World::new().await;
    let page = world.holder(None).get("/docs/problems").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let unmet = [429];
    for kind in ProblemType::ALL.into_iter().filter(|kind| !unmet.contains(&kind.row().1)) {
        let (name, status, title) = kind.row();
        let row = format!("<tr id=\"{name}\"><td><code>{name}</code></td><td>{status}</td><td>{title}</td></tr>");
        assert!(page.text.contains(&row), "{name}");
    }
}
