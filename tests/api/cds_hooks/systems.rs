//! Record systems that may call: with a key, or with a one-time token.

use sarcoscreen::app::access::tokens::clients::CdsClient;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::domain::ids::ClinicId;
use serde_json::{Value, json};

use super::{SERVICE, call, response};
use crate::tokens::issuer::{Issuer, Signer, hashed};
use crate::world::{World, frail};

const BASE: &str = "https://screening.example";

#[tokio::test]
async fn only_keys_with_at_least_the_intake_role_may_call() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = call(&json!({"responses": null}));
    for (user, status) in [(&clinic.browser, 403), (&clinic.intake, 200), (&clinic.staff, 200), (&clinic.admin, 200)] {
        assert_eq!(user.post(SERVICE, &body).await.status, status);
        assert_eq!(user.post(&format!("{SERVICE}/feedback"), &json!({"feedback": []})).await.status, status);
    }
    for key in [None, Some("sk_garbage"), Some("a.b.c")] {
        assert_eq!(world.holder(key).post(SERVICE, &body).await.status, 401, "{key:?}");
    }
}

#[tokio::test]
async fn a_systems_token_is_valid_for_one_call_of_one_service_of_its_clinic() {
    let signers = [Signer::p384("ec"), Signer::rsa("rsa")];
    let issuer = Issuer::start(&signers.each_ref());
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let client = CdsClient {
        issuer: issuer.name.clone(),
        keys_address: format!("{}/keys", issuer.name),
        clinic_id: ClinicId(clinic.id),
    };
    let app = world.app.clone().with_cds_clients(&format!("{BASE}/"), vec![client]).unwrap();
    let (base, server) = crate::world::serve(app);
    let now = world.clock.now().as_second();
    let claims =
        json!({"iss": issuer.name, "aud": format!("{BASE}{SERVICE}"), "iat": now, "exp": now + 300, "jti": "0"});
    let with = |claim: &str, value: Value| {
        let mut changed = claims.clone();
        changed[claim] = value;
        changed
    };
    let body = call(&json!({"responses": response(&frail(), "2026-11-01")}));
    let ask = async |token: &str| world.holder(Some(token)).at(&base).post(SERVICE, &body).await;

    let es384 = signers[0].token(&claims);
    let answer = ask(&es384).await.expect(200);
    assert_eq!(answer["cards"][0]["indicator"], "warning");
    let rs384 = signers[1].sign(&json!({"alg": "RS384", "kid": "rsa", "typ": "JWT"}), &with("jti", json!("1")));
    ask(&rs384).await.expect(200);

    let refused = [
        ("used before", es384.clone()),
        ("used before, signed anew", signers[0].token(&claims)),
        ("for discovery", signers[0].token(&with("aud", json!(format!("{BASE}/cds-services"))))),
        (
            "for another service",
            signers[0].token(&with("aud", json!("https://other.example/cds-services/muscle-loss"))),
        ),
        (
            "expired",
            signers[0].token(
                &json!({"iss": issuer.name, "aud": claims["aud"], "iat": now - 900, "exp": now - 31, "jti": "2"}),
            ),
        ),
        (
            "good for too long",
            signers[0]
                .token(&json!({"iss": issuer.name, "aud": claims["aud"], "iat": now, "exp": now + 3600, "jti": "3"})),
        ),
        ("without a name", signers[0].token(&with("jti", json!("")))),
        ("of an unknown system", signers[0].token(&with("iss", json!("https://unknown.example")))),
        ("signed by another", Signer::p384("ec").token(&with("jti", json!("4")))),
        ("with a shared secret", hashed(&json!({"alg": "HS256", "kid": "ec"}), &with("jti", json!("5")), b"secret")),
    ];
    for (which, token) in refused {
        assert_eq!(ask(&token).await.status, 401, "{which}");
    }
    // A refused call does not use up a token, and other endpoints do not accept such a token.
    ask(&signers[0].token(&with("jti", json!("4")))).await.expect(200);
    let elsewhere = signers[0].token(&with("jti", json!("6")));
    assert_eq!(world.holder(Some(&elsewhere)).at(&base).get("/v1/follow-ups").await.status, 401);
    assert_eq!(other.intake.at(&base).post(SERVICE, &body).await.status, 200);
    server.stop(false).await;
}
