//! Assertions and requests that get no token, each with its error.

use futures_util::future::join_all;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::domain::access::actor::Role;
use serde_json::{Value, json};

use super::{ASSERTION, System, ask, form, world};
use crate::audit::entries_of_the_system;
use crate::tokens::issuer::{Signer, hashed};

const SCOPE: &str = "system/Observation.rs";

#[tokio::test]
async fn an_assertion_that_is_not_valid_here_gets_no_token() {
    let world = world().await;
    let (clinic, foreign) = (world.clinic("One").await, world.clinic("Two").await);
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let other = System::new(&world, foreign.id, Role::Intake).await;
    let now = world.clock.now().as_second();
    let with = |claim: &str, value: Value| {
        let mut claims = system.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        } else {
            claims[claim] = value;
        }
        system.signer.token(&claims)
    };
    let no_credential = format!("{}.0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071", clinic.id);
    let of_a_key = format!("{}.{}", clinic.id, world.user_with_id(clinic.id, Role::Intake, None).await.1);
    let refused = [
        ("of another key with the same id", Signer::p384("key").token(&system.claims())),
        ("of an unknown key", Signer::p384("unknown").token(&system.claims())),
        ("of another system", other.signer.token(&system.claims())),
        ("with a shared secret", hashed(&json!({"alg": "HS384", "kid": "key"}), &system.claims(), b"secret")),
        ("without a signature", format!("{}.", system.assertion().rsplit_once('.').unwrap().0)),
        ("with another audience", with("aud", json!("https://screening.example/fhir"))),
        ("without an audience", with("aud", Value::Null)),
        ("expired", with("exp", json!(now - 30))),
        ("without an expiry", with("exp", Value::Null)),
        ("good for too long", with("exp", json!(now + 331))),
        ("issued in the future", with("iat", json!(now + 31))),
        ("not valid yet", with("nbf", json!(now + 31))),
        ("without an id", with("jti", Value::Null)),
        ("with an empty id", with("jti", json!(""))),
        ("of another subject", with("sub", json!(other.id.to_string()))),
        ("without a subject", with("sub", Value::Null)),
        ("of a credential that does not exist", with("iss", json!(no_credential))),
        ("of a credential with a key", with("iss", json!(of_a_key))),
        ("of no client id", with("iss", json!("record-system"))),
        ("no token at all", "a.b.c".to_owned()),
    ];
    for (which, assertion) in &refused {
        let answer = system.ask(assertion, SCOPE).await;
        // The client authenticates in the body, so the refusal is that of OAuth alone (RFC 6749, section 5.2).
        assert_eq!(answer.header("www-authenticate"), "", "{which}");
        assert_eq!(answer.header("content-type"), "application/json", "{which}");
        let refusal = answer.expect(401);
        assert_eq!(refusal["error"], "invalid_client", "{which}");
        assert!(refusal["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{which}");
    }
    // A refused request does not use up an id, and a time of issue is allowed.
    let mut claims = system.claims();
    claims["iat"] = json!(now);
    let assertion = system.signer.token(&claims);
    assert_eq!(system.ask(&assertion, "openid").await.expect(400)["error"], "invalid_scope");
    system.ask(&assertion, SCOPE).await.expect(200);
}

#[tokio::test]
async fn an_assertion_is_valid_once() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let assertion = system.assertion();
    let answers = join_all((0..8).map(|_| system.ask(&assertion, SCOPE))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[401; 7]].concat());
    // Another assertion with the same id is a replay too, and the same id of another system is not.
    let mut again = system.claims();
    again["jti"] = json!("one");
    system.ask(&system.signer.token(&again), SCOPE).await.expect(200);
    again["exp"] = json!(world.clock.now().as_second() + 100);
    system.ask(&system.signer.token(&again), SCOPE).await.expect(401);
    let other = System::new(&world, clinic.id, Role::Intake).await;
    let mut theirs = other.claims();
    theirs["jti"] = json!("one");
    other.ask(&other.signer.token(&theirs), SCOPE).await.expect(200);
    // A replay is attributed to the credential of the system.
    let written = async {
        while !entries_of_the_system(&world).await.iter().any(|one| one.resource == system.id.credential_id.0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), written).await.expect("the replay is not audited");
}

#[tokio::test]
async fn a_request_of_another_form_gets_the_error_of_oauth() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let anonymous = world.holder(None);
    let assertion = system.assertion();
    let without = |name: &str| form(&assertion, SCOPE).into_iter().filter(|(one, _)| *one != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| {
        let mut changed = without(name);
        changed.push((name, value));
        changed
    };
    let twice = [form(&assertion, SCOPE), vec![("scope", SCOPE)]].concat();
    for (which, form, error) in [
        ("no grant type", without("grant_type"), "invalid_request"),
        ("another grant type", with("grant_type", "authorization_code"), "unsupported_grant_type"),
        ("no assertion type", without("client_assertion_type"), "invalid_request"),
        ("another assertion type", with("client_assertion_type", "urn:other"), "invalid_request"),
        ("no assertion", without("client_assertion"), "invalid_request"),
        ("no scope", without("scope"), "invalid_scope"),
        ("a parameter twice", twice, "invalid_request"),
    ] {
        let refused = ask(&anonymous, &form).await.expect(400);
        assert_eq!(refused["error"], error, "{which}: {refused}");
    }
    let json = json!({"grant_type": "client_credentials", "client_assertion_type": ASSERTION});
    assert_eq!(anonymous.post("/oauth/token", &json).await.status, 415);
    let long = "x".repeat(13_000);
    assert_eq!(ask(&anonymous, &form(&long, SCOPE)).await.status, 413);
    system.ask(&assertion, SCOPE).await.expect(200);
}

#[tokio::test]
async fn refused_assertions_are_rate_limited_by_address() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let forged = Signer::p384("key").token(&system.claims());
    for _ in 0..60 {
        system.ask(&forged, SCOPE).await.expect(401);
    }
    let refused = system.ask(&forged, SCOPE).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    // An assertion that verifies still gets a token.
    system.ask(&system.assertion(), SCOPE).await.expect(200);
}
