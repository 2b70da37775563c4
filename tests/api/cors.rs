//! Calls from web pages of other origins: which operations each origin may call, and the response to a refused preflight.

use sarcoscreen::domain::access::actor::Role;
use serde_json::json;

use crate::access::operations;
use crate::world::{Answer, User, World, fit, serve_with};

/// Headers that front ends and their tracing libraries send.
const SENT: &str = "authorization,content-type,idempotency-key,if-match,prefer,x-request-id,accept-language,traceparent,\
                    tracestate,baggage,sentry-trace";
const SETTING: &str = "SARCOSCREEN_CORS_ORIGINS";

async fn preflight(user: &User, method: &str, path: &str, origin: &str, headers: &str) -> Answer {
    let request = user.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    user.send(request.header("access-control-request-headers", headers)).await
}

#[tokio::test]
async fn operations_without_a_key_or_with_a_browser_key_are_open_to_every_origin_and_the_others_to_the_configured_ones()
{
    let world = World::new().await;
    let anonymous = world.holder(None);
    let (mut open, mut closed) = (0, 0);
    for operation in operations(&world).await {
        let path = operation.path.replace("{id}", "x").replace("{merge_id}", "x").replace("{version}", "x");
        let ask = async |origin| preflight(&anonymous, &operation.method, &path, origin, SENT).await;
        let configured = ask("https://clinic.example").await;
        assert_eq!(configured.status, 200, "{}: {}", operation.id, configured.text);
        assert_eq!(configured.header("access-control-allow-origin"), "https://clinic.example");
        assert!(configured.header("vary").to_lowercase().contains("origin"));
        assert!(configured.header("access-control-allow-methods").contains(&*operation.method));
        for origin in [
            "https://other.example",
            "http://clinic.example",
            "https://clinic.example.other.example",
            "capacitor://localhost",
            "http://localhost:5173",
            "null",
        ] {
            let answer = ask(origin).await;
            if operation.least.is_none_or(|least| least == Role::Browser) {
                let allowed = answer.header("access-control-allow-origin");
                assert_eq!((answer.status, allowed), (200, origin), "{}", operation.id);
                open += 1;
            } else {
                assert_eq!(answer.header("access-control-allow-origin"), "", "{}", operation.id);
                let problem = answer.expect(403);
                assert_eq!(problem["type"], "/docs/problems#origin_not_allowed");
                assert!(problem["detail"].as_str().unwrap().contains(SETTING), "{problem}");
                closed += 1;
            }
        }
    }
    assert!(open >= 6 * 7 && closed >= 6 * 30, "{open} {closed}");
    for path in ["/openapi.json", "/docs/", "/cds-services", "/fhir/metadata", "/fhir/Questionnaire"] {
        assert_eq!(preflight(&anonymous, "GET", path, "https://other.example", "accept").await.status, 200, "{path}");
    }
    for (method, path) in
        [("GET", "/fhir/Task"), ("GET", "/v1/nothing"), ("DELETE", "/v1/scores"), ("TRACE", "/v1/scores")]
    {
        preflight(&anonymous, method, path, "https://other.example", "accept").await.check_refusal();
    }
    let other = preflight(&anonymous, "POST", "/v1/scores", "https://other.example", "x-other").await.expect(400);
    assert!(other["detail"].as_str().unwrap().contains("idempotency-key"), "{other}");
}

impl Answer {
    fn check_refusal(&self) {
        assert!([400, 403].contains(&self.status), "{}", self.text);
        assert_eq!(self.header("access-control-allow-origin"), "");
        self.check_problem();
    }
}

#[tokio::test]
async fn a_page_reads_results_refusals_and_headers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let score = clinic.browser.request("POST", "/v1/scores").json(&json!({"answers": fit()}));
    let answer = clinic.browser.send(score.header("origin", "https://clinic.example")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "https://clinic.example"));
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in
        ["location", "etag", "link", "retry-after", "x-request-id", "idempotent-replayed", "deprecation", "sunset"]
    {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    let read = async |user: &User, origin: &str| {
        let answer = user.send(user.request("GET", "/v1/submissions").header("origin", origin)).await;
        (answer.status, answer.header("access-control-allow-origin").to_owned())
    };
    assert_eq!(read(&world.holder(None), "https://clinic.example").await, (401, "https://clinic.example".to_owned()));
    // A page of an origin that is not allowed cannot read the response.
    assert_eq!(read(&clinic.staff, "https://other.example").await, (200, String::new()));
}

/// A key that is bound to origins needs no setting of the operator, and works from no other origin.
#[tokio::test]
async fn a_key_carries_its_own_origins() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let app = "capacitor://localhost";
    let body = json!({"role": "browser", "display_name": "App", "origins": [app, "https://form.example"]});
    let minted = clinic.admin.post("/v1/credentials", &body).await.expect(201);
    let holder = world.holder(minted["key"].as_str());
    for (origin, status) in [(app, 201), ("https://form.example", 201), ("https://other.example", 403)] {
        assert_eq!(preflight(&holder, "POST", "/v1/submissions", origin, SENT).await.status, 200);
        let request = holder.request("POST", "/v1/submissions").header("origin", origin);
        let answer = holder.send(request.json(&json!({"answers": fit()}))).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, origin), "{}", answer.text);
    }
}

/// A browser sends the origin of the service's own pages too, and a key without origins works there.
#[tokio::test]
async fn the_pages_of_the_service_itself_may_call_it() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let own = "https://screening.example";
    let (base, server) = serve_with(world.app.clone(), |settings| settings.public_url = Some(own.to_owned()));
    let user = clinic.browser.at(&base);
    for (origin, status) in [(own, 200), ("https://screening.example.other.example", 403)] {
        let score = user.request("POST", "/v1/scores").header("origin", origin).json(&json!({"answers": fit()}));
        assert_eq!(user.send(score).await.status, status, "{origin}");
    }
    server.stop(false).await;
}

#[tokio::test]
async fn the_default_run_allows_pages_served_from_localhost() {
    let world = World::new().await;
    let (base, server) = serve_with(world.app.clone(), |settings| settings.cors_local = true);
    let user = world.holder(None).at(&base);
    let status = async |origin: &str| preflight(&user, "GET", "/v1/follow-ups", origin, SENT).await.status;
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000"] {
        assert_eq!(status(origin).await, 200, "{origin}");
    }
    for origin in ["capacitor://localhost", "https://localhost.example", "https://other.example", "null"] {
        assert_eq!(status(origin).await, 403, "{origin}");
    }
    server.stop(false).await;
}
