//! Errors of FHIR requests are equal under every media type that a client may ask for, alone and in a Bundle.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use sarcoscreen::app::access::limits::Rates;
use serde_json::{Value, json};
use sqlx::Executor as _;

use super::response;
use crate::world::{Answer, Clinic, User, World, fit, frail};

/// Ways to request JSON: the `Accept` header, `_format`, and the media type of the response.
const WAYS: [(Option<&str>, Option<&str>, &str); 6] = [
    (Some("application/fhir+json"), None, "application/fhir+json"),
    (Some("application/json"), None, "application/json"),
    (Some("application/json, text/plain, */*"), None, "application/json"),
    (Some("*/*"), None, "application/fhir+json"),
    (None, Some("json"), "application/fhir+json"),
    (None, Some("application/json"), "application/json"),
];
/// Headers that depend on the error and not on the media type.
const HEADERS: [&str; 6] = ["www-authenticate", "allow", "retry-after", "cache-control", "connection", "etag"];

/// A request that is refused.
struct Refused<'a> {
    status: u16,
    user: &'a User,
    method: &'a str,
    path: String,
    if_match: Option<&'a str>,
    content_type: &'a str,
    body: Option<String>,
    /// Whether an entry of a Bundle can be refused in the same way.
    in_bundle: bool,
}

impl Refused<'_> {
    fn request(&self, accept: Option<&str>, format: Option<&str>) -> RequestBuilder {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        let path = format.map_or_else(|| self.path.clone(), |format| format!("{}{joint}_format={format}", self.path));
        let mut request = self.user.request(self.method, &path);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        if let Some(tag) = self.if_match {
            request = request.header("if-match", tag);
        }
        match &self.body {
            Some(body) => request.header("content-type", self.content_type).body(body.clone()),
            None => request,
        }
    }

    /// The same request as an entry of a Bundle.
    fn entry(&self) -> Value {
        let url = self.path.strip_prefix("/fhir/").unwrap();
        let mut entry = json!({"request": {"method": self.method, "url": url}});
        if let Some(tag) = self.if_match {
            entry["request"]["ifMatch"] = json!(tag);
        }
        if let Some(body) = &self.body {
            entry["resource"] = serde_json::from_str(body).unwrap();
        }
        entry
    }
}

/// The headers that must be equal. Whether a connection closes depends on how much of the body has arrived, except after 413.
fn kept(status: u16, headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let text = |name: &'static str| {
        let compared = name != "connection" || status == 413;
        Some((name, headers.get(name).filter(|_| compared)?.to_str().unwrap().to_owned()))
    };
    HEADERS.into_iter().filter_map(text).collect()
}

/// Sends a refused request in each of `WAYS`; returns the response, which must be the same each time.
async fn alike(refused: &Refused<'_>) -> (Vec<(&'static str, String)>, Value) {
    let mut first = None;
    for (accept, format, media_type) in WAYS {
        let answer: Answer = refused.user.send(refused.request(accept, format)).await;
        assert_eq!(answer.status, refused.status, "{accept:?} {format:?}: {}", answer.text);
        assert_eq!(answer.header("content-type"), media_type, "{} {accept:?} {format:?}", refused.status);
        let found = (kept(answer.status, &answer.headers), answer.json());
        assert_eq!(found.1["resourceType"], "OperationOutcome");
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{} {accept:?} {format:?}", refused.status);
    }
    first.unwrap()
}

/// Requests that are refused for reasons other than the media type of the response.
fn refusals<'a>(clinic: &'a Clinic, stranger: &'a User, case: &str) -> Vec<Refused<'a>> {
    let fhir = "application/fhir+json";
    let task = format!("/fhir/Task/{case}");
    let get = |status, user, path: &str| Refused {
        status,
        user,
        method: "GET",
        path: path.to_owned(),
        if_match: None,
        content_type: fhir,
        body: None,
        in_bundle: true,
    };
    let put = |status, state: &str, if_match| Refused {
        method: "PUT",
        if_match,
        body: Some(json!({"resourceType": "Task", "id": case, "status": state}).to_string()),
        ..get(status, &clinic.staff, &task)
    };
    let create = |status, content_type, body: String, in_bundle| Refused {
        method: "POST",
        content_type,
        body: Some(body),
        in_bundle,
        ..get(status, &clinic.intake, "/fhir/QuestionnaireResponse")
    };
    let mut alarming = response(&json!({"dark_urine": true, "muscle_pain": true}));
    alarming["item"].as_array_mut().unwrap().push(json!({"linkId": "age", "answer": [{"valueInteger": 17}]}));
    vec![
        Refused { in_bundle: false, ..get(401, stranger, "/fhir/Task") },
        get(403, &clinic.intake, "/fhir/Task"),
        get(404, &clinic.staff, "/fhir/Task/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d"),
        get(404, &clinic.staff, "/fhir/Nothing"),
        Refused { method: "DELETE", ..get(405, &clinic.staff, &task) },
        Refused { in_bundle: false, ..get(405, &clinic.staff, "/fhir") },
        put(409, "completed", Some("W/\"1\"")),
        put(412, "accepted", Some("W/\"9\"")),
        create(413, fhir, format!("{{\"resourceType\": \"{}\"}}", "x".repeat(70_000)), false),
        Refused { in_bundle: false, ..get(414, &clinic.staff, &format!("/fhir/Task?_id={}", "x".repeat(9_000))) },
        create(415, "text/plain", response(&fit()).to_string(), false),
        create(422, fhir, alarming.to_string(), true),
        put(428, "accepted", None),
    ]
}

#[tokio::test]
async fn errors_are_equal_under_each_media_type_and_in_a_bundle() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let case = receipt["follow_up"]["id"].as_str().unwrap().to_owned();
    let stranger = world.holder(None);
    println!("| status | headers | issues | in a Bundle |\n|---|---|---|---|");
    for refused in refusals(&clinic, &stranger, &case) {
        let (headers, outcome) = alike(&refused).await;
        let issues = outcome["issue"].as_array().unwrap().len();
        let wanted = match refused.status {
            401 => Some("www-authenticate"),
            405 => Some("allow"),
            413 => Some("connection"),
            _ => None,
        };
        assert!(
            wanted.is_none_or(|name| headers.iter().any(|(one, _)| *one == name)),
            "{}: {headers:?}",
            refused.status
        );
        if refused.status == 422 {
            let warned = outcome["issue"].as_array().unwrap().iter().any(|issue| issue["severity"] == "warning");
            assert!(warned, "the red flag is missing: {outcome}");
        }
        let mut in_bundle = "cannot be";
        if refused.in_bundle {
            let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [refused.entry()]});
            let answer = refused.user.post("/fhir", &bundle).await.expect(200);
            let entry = &answer["entry"][0]["response"];
            assert_eq!(entry["status"], refused.status.to_string(), "{entry}");
            assert_eq!(entry["outcome"], outcome, "{}", refused.status);
            in_bundle = "equal";
        }
        println!("| {} | {headers:?} | {issues} | {in_bundle} |", refused.status);
    }
    // No accepted media type is available, or the list of media types is too long.
    for (accept, status) in [("text/html".to_owned(), 406), (["application/json"; 40].join(","), 431)] {
        let request = clinic.staff.request("GET", "/fhir/Task").header("accept", accept);
        let answer = clinic.staff.send(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/fhir+json"));
        assert_eq!(answer.json()["resourceType"], "OperationOutcome");
    }
}

#[tokio::test]
async fn a_rejected_preflight_and_a_path_beside_the_facade_have_the_form_of_their_wing() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    for (path, media_type) in [("/fhir/Task", "application/fhir+json"), ("/v1/follow-ups", "application/problem+json")]
    {
        let request = anonymous.request("OPTIONS", path).header("origin", "https://other.example");
        let request = request.header("access-control-request-method", "POST");
        let answer = anonymous.send(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (403, media_type), "{}", answer.text);
    }
    let beside = anonymous.get("/fhirs").await;
    assert_eq!((beside.status, beside.header("content-type")), (404, "application/problem+json"));
}

#[tokio::test]
async fn a_rate_limit_and_a_failing_audit_log_are_equal_under_each_media_type() {
    let rates = Rates { per_credential: 1, ..Rates::default() };
    let world = World::built(|_| {}, |app| app.with_rates(rates)).await;
    let clinic = world.clinic("One").await;
    clinic.staff.get("/fhir/Task").await.expect(200);
    let get = |status, user| Refused {
        status,
        user,
        method: "GET",
        path: "/fhir/Task".to_owned(),
        if_match: None,
        content_type: "",
        body: None,
        in_bundle: false,
    };
    let (headers, _) = alike(&get(429, &clinic.staff)).await;
    assert!(headers.iter().any(|(name, _)| *name == "retry-after"), "{headers:?}");

    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let broken = "revoke insert on audit_entries from sarcoscreen_app, sarcoscreen_writer";
    world.connect().await.execute(broken).await.unwrap();
    let (headers, _) = alike(&get(503, &clinic.staff)).await;
    assert!(headers.iter().any(|(name, _)| *name == "retry-after"), "{headers:?}");
}
