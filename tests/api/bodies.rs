//! Invalid JSON, JSON with a wrong schema, and faulty queries: they are refused and nothing is stored.

use serde_json::{Value, json};

use crate::world::{Answer, Clinic, User, World, fit, frail};

async fn post_text(user: &User, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    user.send(user.request("POST", path).header("content-type", "application/json").body(body)).await
}

/// The type of a problem and its faults as sorted pairs of pointer and code.
fn faults(answer: &Answer) -> (String, Vec<(String, String)>) {
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = body["errors"].as_array().unwrap().iter();
    let mut errors: Vec<_> = errors.map(|error| (text(&error["pointer"]), text(&error["code"]))).collect();
    errors.sort();
    (text(&body["type"]).replace("/docs/problems#", ""), errors)
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
}

/// A body with the answers of a fit person and one more member.
fn answers_with(member: &str) -> String {
    let mut text = fit().to_string();
    text.truncate(text.len() - 1);
    format!("{{\"answers\": {text}, {member}}}}}")
}

#[tokio::test]
async fn invalid_json_is_one_malformed_request() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let deep = |open: &str, close: &str| {
        [open.repeat(100_000 / open.len() / 5), close.repeat(100_000 / open.len() / 5)].concat()
    };
    let valid = json!({"answers": fit()}).to_string();
    let mut cases: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "{\"answers\":}",
        "{'answers': {}}",
        "{\"answers\": {},}",
        "{answers: {}}",
        "nul",
        "NaN",
        "{\"answers\": {\"age\": 1e400}}",
        "{\"answers\": {\"age\": -1e400}}",
        "{\"answers\": {\"age\": 01}}",
        "{\"answers\": {\"age\": +1}}",
        "{\"answers\": {\"age\": .5}}",
        "{\"answers\": {\"age\": 0x10}}",
        "{\"answers\": {\"age\": Infinity}}",
        "{\"answers\": {\"sex\": \"\\ud800\"}}",
        "{\"answers\": {\"sex\": \"\\udc00\\ud800\"}}",
        "{\"answers\": {\"sex\": \"\\x41\"}}",
        "{\"answers\": {\"\\ud800\": true}}",
        "{\"answers\": {\"sex\": \"\u{0}\"}}",
        "{\"answers\": {\"sex\": \"a\nb\"}}",
        "/* */{}",
        "{}{}",
        "{} x",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    cases.push(format!("\u{feff}{valid}").into_bytes());
    cases.push(valid.encode_utf16().flat_map(u16::to_le_bytes).collect());
    cases.push(b"{\"answers\": {\"sex\": \"\xff\"}}".to_vec());
    cases.push(vec![0; 10]);
    cases.push(deep("[", "]").into_bytes());
    cases.push(deep("{\"answers\":", "}").into_bytes());
    cases.push(format!("{{\"answers\": {{\"sex\": {}}}}}", deep("[", "]")).into_bytes());
    cases.push(format!("{{\"answers\": {{\"sex\": {}}}}}", deep("{\"a\":", "}")).into_bytes());
    cases.push("[".repeat(60_000).into_bytes());
    for path in ["/v1/scores", "/v1/submissions"] {
        for body in &cases {
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            let answer = post_text(&clinic.browser, path, body.clone()).await;
            assert_eq!(faults(&answer), ("malformed_request".to_owned(), Vec::new()), "{shown}: {}", answer.text);
            answer.expect(400);
        }
        post_text(&clinic.browser, path, valid.clone()).await;
    }
    // Deep nesting is refused because of its size.
    let huge = post_text(&clinic.browser, "/v1/scores", "[".repeat(100_000)).await;
    huge.expect(413);
    assert_eq!(world.count("select count(*) from submissions").await, 1);
}

type Case = (String, &'static [(&'static str, &'static str)]);

#[tokio::test]
async fn malformed_answers_are_refused_with_pointers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let answers = fit().to_string();
    let cases: Vec<Case> = vec![
        ("[]".into(), &[("", "type")]),
        (format!("[{answers}]"), &[("", "type")]),
        (format!("[{answers}, null, null]"), &[("", "type")]),
        ("null".into(), &[("", "type")]),
        ("7".into(), &[("", "type")]),
        ("\"x\"".into(), &[("", "type")]),
        ("{}".into(), &[("/answers", "required")]),
        ("{\"answers\": null}".into(), &[("/answers", "required")]),
        ("{\"answers\": []}".into(), &[("/answers", "type")]),
        ("{\"answers\": 7}".into(), &[("/answers", "type")]),
        (format!("{{\"answers\": {answers}, \"answers\": {answers}}}"), &[("/answers", "duplicate")]),
        (answers_with("\"age\": 45"), &[("/answers/age", "duplicate")]),
        (answers_with("\"a/b~c\": 1"), &[("/answers/a~1b~0c", "unknown_field")]),
        (answers_with("\"grip_strength_kg\": \"30\""), &[("/answers/grip_strength_kg", "type")]),
        (answers_with("\"grip_strength_kg\": {}"), &[("/answers/grip_strength_kg", "type")]),
        (answers_with("\"sppb\": true"), &[("/answers/sppb", "type")]),
        (answers_with("\"tests_unable\": \"grip\""), &[("/answers/tests_unable", "type")]),
        (answers_with("\"tests_unable\": [\"grip\", \"grip\"]"), &[("/answers/tests_unable/1", "duplicate")]),
        (answers_with("\"sppb\": 1e300"), &[("/answers/sppb", "out_of_range")]),
        (answers_with("\"sppb\": -1"), &[("/answers/sppb", "out_of_range")]),
        (answers_with("\"sppb\": 1.5"), &[("/answers/sppb", "precision")]),
    ];
    check(&clinic.browser, "/v1/scores", cases).await;
}

#[tokio::test]
async fn a_malformed_submission_is_refused_with_pointers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let whole = json!({"answers": fit()}).to_string();
    let with = |member: &str| whole.replacen('{', &format!("{{{member}, "), 1);
    let cases: Vec<Case> = vec![
        (format!("[{}, null, null, null, null, null]", fit()), &[("", "type")]),
        (with("\"subject\": [\"R-1\", null, null]"), &[("/subject", "type")]),
        (with("\"subject\": {\"contact\": [\"Ana\", null, null, null, null]}"), &[("/subject/contact", "type")]),
        (with("\"subject\": {\"consent\": [true, \"1\", \"2026-01-01T00:00:00Z\"]}"), &[("/subject/consent", "type")]),
        (with("\"subject\": {\"reference\": \"a\", \"reference\": \"b\"}"), &[("/subject/reference", "duplicate")]),
        (
            with("\"subject\": {\"contact\": {\"name\": \"A\\u0000\"}, \"reference\": \"\\u0000\"}"),
            &[("/subject/reference", "text")],
        ),
        (with("\"source\": [\"ehr\", \"1\"]"), &[("/source", "type")]),
        (with("\"supersedes\": \"x\""), &[("/supersedes", "format")]),
        (with("\"answered_at\": 0"), &[("/answered_at", "type")]),
    ];
    check(&clinic.intake, "/v1/submissions", cases).await;
    assert_eq!(world.count("select count(*) from submissions").await, 0);
    post_text(&clinic.intake, "/v1/submissions", with("\"subject\": null, \"source\": null")).await.expect(201);
}

#[tokio::test]
async fn a_result_that_the_client_sets_is_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let with = |member: &str| json!({"answers": frail()}).to_string().replacen('{', &format!("{{{member}, "), 1);
    for path in ["/v1/scores", "/v1/submissions"] {
        let cases: Vec<Case> = vec![
            (with("\"score\": {\"total\": 0, \"lower\": 0, \"upper\": 0}"), &[("/score", "unknown_field")]),
            (with("\"total\": 0"), &[("/total", "unknown_field")]),
            (with("\"band\": \"low\""), &[("/band", "unknown_field")]),
            (with("\"flagged\": false"), &[("/flagged", "unknown_field")]),
            (with("\"flag_reasons\": []"), &[("/flag_reasons", "unknown_field")]),
            (with("\"care_level\": \"self_care\""), &[("/care_level", "unknown_field")]),
            (with("\"instruments\": {\"sarc_f\": {\"total\": 0}}"), &[("/instruments", "unknown_field")]),
            (with("\"assessment\": {\"band\": \"low\"}"), &[("/assessment", "unknown_field")]),
            (with("\"follow_up\": null"), &[("/follow_up", "unknown_field")]),
            (with("\"rule_table\": \"2026.1\""), &[("/rule_table", "unknown_field")]),
        ];
        check(&clinic.browser, path, cases).await;
    }
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

async fn check(user: &User, path: &str, cases: Vec<Case>) {
    for (body, wanted) in cases {
        let answer = post_text(user, path, body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        let (kind, found) = faults(&answer);
        assert_eq!((kind.as_str(), found), ("invalid_content", pairs(wanted)), "{body}");
    }
}

#[tokio::test]
async fn a_time_outside_the_database_range_is_a_fault() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for time in ["-009000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
        let consent = json!({"to_contact": true, "text_version": "1", "given_at": time});
        let body = json!({"answers": fit(), "answered_at": time, "subject": {"reference": "R", "consent": consent}});
        let answer = clinic.intake.submit(&body).await;
        let wanted = pairs(&[("/answered_at", "out_of_range"), ("/subject/consent/given_at", "out_of_range")]);
        assert_eq!(faults(&answer).1, wanted, "{time}: {}", answer.text);
        answer.expect(422);
    }
    let body = json!({"answers": fit(), "answered_at": "2026-01-31T12:00:00.123456789+01:00"});
    let location = clinic.intake.submit(&body).await.header("location").to_owned();
    assert_eq!(clinic.intake.get(&location).await.expect(200)["answered_at"], "2026-01-31T11:00:00.123456Z");
}

#[tokio::test]
async fn all_faults_of_a_query_are_reported_together() {
    let world = World::new().await;
    let staff = world.clinic("One").await.staff;
    let typed = "flagged=maybe&band=huge&min_score=x&received_from=yesterday&subject_id=7&limit=many&colour=red";
    let answer = staff.get(&format!("/v1/submissions?{typed}")).await;
    let pointers = ["/band", "/colour", "/flagged", "/limit", "/min_score", "/received_from", "/subject_id"];
    assert_eq!(names(&answer), pointers);
    let answer = staff.get("/v1/submissions?limit=0&min_score=101&finding=&flagged=maybe&cursor=").await;
    assert_eq!(names(&answer), ["/cursor", "/finding", "/flagged", "/limit", "/min_score"]);
    for (query, wanted) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=99999999999", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("limit=", "/limit"),
        ("Limit=1", "/Limit"),
        ("urgency=soon", "/urgency"),
        ("state=gone", "/state"),
        ("page=2", "/page"),
    ] {
        assert_eq!(names(&staff.get(&format!("/v1/follow-ups?{query}")).await), [wanted], "{query}");
    }
    let subject = "/v1/subjects/0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071/submissions?limit=0&flagged=true";
    assert_eq!(names(&staff.get(subject).await), ["/flagged", "/limit"]);
    staff.get("/v1/follow-ups?limit=200").await.expect(200);
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 400, "{}", answer.text);
    let (kind, faults) = faults(answer);
    assert_eq!(kind, "malformed_request");
    faults.into_iter().map(|(pointer, _)| pointer).collect()
}

#[tokio::test]
async fn no_text_in_a_request_line_causes_a_server_error() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let texts = ["%00", "a%00b", "%ff", "%F0%9F%92%A9", "'", "%25", "\\", "%5C%30", "*", "%C3%28"];
    for text in texts {
        for path in ["/v1/submissions?finding=", "/v1/submissions?instrument_positive=", "/v1/submissions?cursor="] {
            assert_below_500(&clinic.staff, &format!("{path}{text}")).await;
        }
        let table = clinic.browser.get(&format!("/v1/rule-tables/{text}")).await;
        assert_eq!(table.status, 404, "{text}: {}", table.text);
    }
    for time in ["-009999-01-01T00:00:00Z", "-004800-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
        for name in ["received_from", "received_to"] {
            assert_below_500(&clinic.staff, &format!("/v1/submissions?{name}={time}")).await;
        }
    }
    for by in ["reference", "name", "telephone", "email"] {
        for text in ["\u{10ffff}", "%"] {
            let found = clinic.staff.post("/v1/subjects/search", &json!({by: text})).await;
            assert_eq!(found.expect(200)["items"], json!([]));
        }
        for text in ["\u{0}", "a\u{0}b"] {
            let refused = clinic.staff.post("/v1/subjects/search", &json!({by: text})).await;
            assert_eq!(faults(&refused).1, pairs(&[(&format!("/{by}"), "text")]));
            refused.expect(422);
        }
    }
}

async fn assert_below_500(user: &User, path: &str) {
    let answer = user.get(path).await;
    assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.text);
}

#[tokio::test]
async fn a_refusal_never_repeats_what_was_sent() {
    let world = World::new().await;
    let Clinic { intake, staff, .. } = world.clinic("One").await;
    let secret = "Zylberstein";
    let mut answers = fit();
    answers["sex"] = json!(secret);
    answers["medications"] = json!([secret]);
    answers["age"] = json!(secret);
    let contact = json!({"name": format!("{secret}\u{7}"), "email": secret, "telephone": secret, "channel": secret});
    let subject = json!({"reference": [secret], "contact": contact, "consent": secret});
    let body = json!({"answers": answers, "subject": subject, "answered_at": secret, "pathway": secret,
        "supersedes": secret, "source": {"system": 7, "id": secret}});
    let refused = intake.submit(&body).await;
    assert!(refused.pointers().len() > 8, "{}", refused.text);
    assert!(!refused.text.contains(secret), "{}", refused.text);
    refused.expect(422);
    for query in ["finding", "flagged", "band", "received_from", "subject_id", "limit", "cursor"] {
        let refused = staff.get(&format!("/v1/submissions?{query}={secret}")).await;
        assert!(!refused.text.contains(secret), "{}", refused.text);
    }
    let refused = post_text(&intake, "/v1/submissions", format!("{{\"answers\": {secret}}}")).await;
    assert!(!refused.text.contains(secret), "{}", refused.text);
}
