//! Tokens that must be refused.

use serde_json::{Value, json};

use super::Trusting;
use super::issuer::{Issuer, Signer, hashed, message};
use crate::world::World;

#[tokio::test]
async fn only_allowed_algorithms_authenticate() {
    let signers = [Signer::rsa("rsa"), Signer::p256("p256"), Signer::p384("p384"), Signer::ed("ed")];
    let issuer = Issuer::start(&signers.each_ref());
    let mut policy = issuer.policy();
    let all = World::built(|_| {}, |app| app.with_tokens(policy.clone()).unwrap()).await;
    all.clinic("One").await;
    let now = jiff::Timestamp::as_second(sarcoscreen::app::ambient::Ambient::now(&*all.clock));
    let claims = json!({
        "iss": issuer.name, "aud": ["sarcoscreen"], "sub": "n", "iat": now, "exp": now + 60, "role": ["nurse"],
        "clinic": "One",
    });
    let pss = signers[0].sign(&json!({"alg": "PS256", "kid": "rsa", "typ": "at+jwt"}), &claims);
    let long = signers[0].sign(&json!({"alg": "RS384", "kid": "rsa", "typ": "JWT"}), &claims);
    let tokens: Vec<String> = signers.iter().map(|signer| signer.token(&claims)).chain([pss, long]).collect();
    for token in &tokens {
        all.holder(Some(token)).get("/v1/follow-ups").await.expect(200);
    }
    // The same tokens on a service that allows only one algorithm.
    policy.algorithms.retain(|algorithm| algorithm.as_str() == "ES256");
    let one = World::built(|_| {}, |app| app.with_tokens(policy).unwrap()).await;
    one.clinic("One").await;
    let mut statuses = Vec::new();
    for token in &tokens {
        statuses.push(one.holder(Some(token)).get("/v1/follow-ups").await.status);
    }
    assert_eq!(statuses, [401, 200, 401, 401, 401, 401]);
}

#[tokio::test]
async fn a_token_not_signed_by_its_named_issuer_key_is_refused() {
    let here = Trusting::new().await;
    let claims = here.claims();
    let good = here.signer.token(&claims);
    assert_eq!(here.status(&good).await, 200);
    let header = |algorithm: &str| json!({"alg": algorithm, "kid": "first", "typ": "JWT"});
    let public = here.signer.public();
    let (message_, signature) = good.rsplit_once('.').unwrap();
    let other = Signer::ed("first");
    let elsewhere = Signer::ed("elsewhere");
    let lead = message(&header("EdDSA"), &here.with("role", json!("lead")));
    let forgeries = [
        ("none", format!("{}.", message(&header("none"), &claims))),
        ("None", format!("{}.{signature}", message(&header("None"), &claims))),
        ("no algorithm", format!("{}.{signature}", message(&json!({"kid": "first"}), &claims))),
        (
            "HS256, the public key as the secret",
            hashed(&header("HS256"), &claims, public["x"].as_str().unwrap().as_bytes()),
        ),
        ("HS256, the document as the secret", hashed(&header("HS256"), &claims, public.to_string().as_bytes())),
        ("HS256, nothing as the secret", hashed(&header("HS256"), &claims, b"")),
        ("an algorithm of another kind of key", here.signer.sign(&header("ES256"), &claims)),
        ("an unknown algorithm", here.signer.sign(&header("XX256"), &claims)),
        ("another key of the same name", other.token(&claims)),
        ("a key the issuer does not have", elsewhere.token(&claims)),
        ("no name of a key", here.signer.sign(&json!({"alg": "EdDSA"}), &claims)),
        ("a key in the header", other.sign(&json!({"alg": "EdDSA", "kid": "first", "jwk": other.public()}), &claims)),
        (
            "a member that must be understood",
            here.signer.sign(&json!({"alg": "EdDSA", "kid": "first", "crit": ["b64"], "b64": false}), &claims),
        ),
        ("another purpose", here.signer.sign(&json!({"alg": "EdDSA", "kid": "first", "typ": "logout+jwt"}), &claims)),
        ("the signature for other claims", format!("{lead}.{signature}")),
        ("no signature", format!("{message_}.")),
        ("two parts", message_.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("no JSON", here.signer.token(&json!("claims"))),
        ("padding", format!("{good}=")),
    ];
    for (what, token) in forgeries {
        let answer = here.holder(&token).get("/v1/follow-ups").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(here.status(&good).await, 200);
}

#[tokio::test]
async fn every_claim_must_be_present_and_valid() {
    let here = Trusting::new().await;
    let now = here.claims()["iat"].as_i64().unwrap();
    let wrong: [(&str, Value); 15] = [
        ("iss", json!("https://elsewhere.example")),
        ("iss", json!([here.issuer.name])),
        ("aud", json!("another")),
        ("aud", json!([])),
        ("sub", json!("")),
        ("exp", json!(now - 31)),
        ("exp", json!("soon")),
        ("nbf", json!(now + 3600)),
        ("iat", json!(now + 3600)),
        ("role", json!("cook")),
        ("role", json!("admin")),
        ("role", json!({"nurse": true})),
        ("clinic", json!("Two")),
        ("clinic", json!("one")),
        ("clinic", json!("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071")),
    ];
    for (claim, value) in wrong {
        let token = here.signer.token(&here.with(claim, value.clone()));
        assert_eq!(here.status(&token).await, 401, "{claim} = {value}");
    }
    for claim in ["iss", "aud", "sub", "exp", "iat", "role", "clinic"] {
        assert_eq!(here.status(&here.signer.token(&here.with(claim, Value::Null))).await, 401, "without {claim}");
    }
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    // Refused tokens have created no credential.
    assert_eq!(here.world.count("select count(*) from credentials where issuer_subject_hash is not null").await, 1);
}

#[tokio::test]
async fn clocks_may_differ_by_the_skew() {
    let here = Trusting::new().await;
    let now = here.claims()["iat"].as_i64().unwrap();
    // Some seconds from the bound itself, which a unit test of the domain checks: time passes while this test runs.
    for (claim, at, status) in
        [("exp", -20, 200), ("exp", -40, 401), ("nbf", 20, 200), ("nbf", 60, 401), ("iat", 20, 200)]
    {
        let mut claims = here.with(claim, json!(now + at));
        if claim == "exp" {
            claims["iat"] = json!(now - 300);
        }
        assert_eq!(here.status(&here.signer.token(&claims)).await, status, "{claim} {at}");
    }
}

#[tokio::test]
async fn a_cached_token_expires() {
    let here = Trusting::new().await;
    let token = here.signer.token(&here.claims());
    assert_eq!(here.status(&token).await, 200);
    here.world.clock.advance(89);
    here.holder(&token).get("/v1/follow-ups").await.expect(200);
    here.world.clock.advance(2);
    assert_eq!(here.status(&token).await, 401);
}

#[tokio::test]
async fn a_huge_token_is_refused_unread() {
    let here = Trusting::new().await;
    let fits = here.signer.token(&here.with("padding", json!("x".repeat(5000))));
    assert_eq!(here.status(&fits).await, 200);
    let huge = here.signer.token(&here.with("padding", json!("x".repeat(7000))));
    assert!(huge.len() > sarcoscreen::app::access::tokens::TOKEN_LENGTH);
    assert_eq!(here.status(&huge).await, 401);
}

#[tokio::test]
async fn without_an_issuer_no_token_is_accepted() {
    let here = Trusting::new().await;
    let token = here.signer.token(&here.claims());
    let keys_only = World::new().await;
    keys_only.clinic("One").await;
    keys_only.holder(Some(&token)).get("/v1/follow-ups").await.expect(401);
    assert_eq!(here.status(&token).await, 200);
}
