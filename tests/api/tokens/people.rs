//! A person who signs in with a token has a credential like every other caller.

use std::sync::Arc;

use sarcoscreen::app::App;
use sarcoscreen::app::access::credentials::revoke;
use sarcoscreen::app::ambient::Ambient;
use sarcoscreen::app::rotation::rotate;
use serde_json::{Value, json};

use super::Trusting;
use crate::world::{app, frail, serve};

#[tokio::test]
async fn concurrent_first_sign_ins_of_a_person_create_one_credential() {
    let here = Trusting::new().await;
    let tokens: Vec<String> = (0..8).map(|n| here.signer.token(&here.with("jti", json!(n)))).collect();
    let all = tokens.iter().map(|token| here.status(token));
    assert_eq!(futures_util::future::join_all(all).await, [200; 8]);
    assert_eq!(here.world.count("select count(*) from credentials where issuer_subject_hash is not null").await, 1);
    let minted = "select count(*) from audit_entries a join credentials c on c.credential_id = a.resource_id
                  where a.action = 'credential_minted' and c.issuer_subject_hash is not null
                  and a.credential_id = c.credential_id and a.request_id is not null";
    assert_eq!(here.world.count(minted).await, 1);
    let clear = "select count(*) from credentials c where c::text like '%nurse-1%'";
    assert_eq!(here.world.count(clear).await, 0, "the issuer's name of a person is kept as a keyed hash");
}

#[tokio::test]
async fn actions_of_a_person_are_audited_with_the_persons_credential() {
    let here = Trusting::new().await;
    let mut claims = here.with("role", json!("lead"));
    claims["sub"] = json!("lead-1");
    claims["name"] = json!("Lead\u{202e} One\n");
    let lead = here.holder(&here.signer.token(&claims));
    lead.submit(&json!({"answers": frail()})).await.expect(201);
    let list = lead.get("/v1/credentials").await.expect(200);
    let own: Vec<&Value> =
        list["items"].as_array().unwrap().iter().filter(|one| one["display_name"] == "Lead One").collect();
    assert_eq!(own.len(), 1, "{list}");
    assert_eq!((&own[0]["role"], &own[0]["key_prefix"]), (&json!("admin"), &Value::Null));
    let own_id: uuid::Uuid = own[0]["id"].as_str().unwrap().parse().unwrap();
    let by: uuid::Uuid = sqlx::query_scalar("select credential_id from submissions")
        .fetch_one(&mut here.world.connect().await)
        .await
        .unwrap();
    assert_eq!(by, own_id);
    // It has no key that could be rotated.
    let path = format!("/v1/credentials/{own_id}/rotate");
    lead.post(&path, &json!({})).await.expect(409);
}

#[tokio::test]
async fn the_issuer_sets_the_role_and_the_name_each_time() {
    let here = Trusting::new().await;
    let nurse = here.holder(&here.signer.token(&here.claims()));
    nurse.get("/v1/credentials").await.expect(403);
    let promoted = here.holder(&here.signer.token(&here.with("role", json!("lead"))));
    let list = promoted.get("/v1/credentials").await.expect(200);
    let own = |list: &Value| {
        let items = list["items"].as_array().unwrap().clone();
        items.into_iter().filter(|one| one["key_prefix"].is_null()).collect::<Vec<_>>()
    };
    assert_eq!(own(&list).len(), 1);
    assert_eq!(own(&list)[0]["role"], "admin");
    let changed = "select count(*) from audit_entries where action = 'credential_changed'";
    assert_eq!(here.world.count(changed).await, 1);
    let demoted = here.holder(&here.signer.token(&here.with("role", json!(["system", "cook"]))));
    demoted.get("/v1/follow-ups").await.expect(403);
    assert_eq!(here.world.count(changed).await, 2);
}

#[tokio::test]
async fn a_revoked_person_stays_out_whatever_the_issuer_says() {
    let here = Trusting::new().await;
    here.holder(&here.signer.token(&here.claims())).get("/v1/follow-ups").await.expect(200);
    let mut connection = here.world.connect().await;
    let (clinic, id): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select clinic_id, credential_id from credentials where issuer_subject_hash is not null")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    revoke(&here.world.app, clinic.into(), id.into()).await.unwrap();
    for claims in [here.with("jti", json!(2)), here.with("role", json!("lead")), here.with("name", json!("Other"))] {
        assert_eq!(here.status(&here.signer.token(&claims)).await, 401);
    }
    let role: String = sqlx::query_scalar("select role from credentials where issuer_subject_hash is not null")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(role, "staff");
}

#[tokio::test]
async fn a_token_may_name_a_clinic_by_id_and_a_person_has_one_credential_per_clinic() {
    let here = Trusting::new().await;
    let two = here.world.clinic("Two").await;
    let receipt = two.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-1"}})).await.expect(201);
    let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
    let at_two = here.holder(&here.signer.token(&here.with("clinic", json!(two.id.to_string()))));
    at_two.get(&case).await.expect(200);
    let at_one = here.holder(&here.signer.token(&here.claims()));
    at_one.get("/v1/follow-ups").await.expect(200);
    at_one.get(&case).await.expect(404);
    assert_eq!(here.world.count("select count(*) from credentials where issuer_subject_hash is not null").await, 2);
}

/// An instance of the service with these master keys that accepts the tokens too.
async fn instance(here: &Trusting, bytes: &[u8]) -> (App, String) {
    let app = app(&here.world.database, Arc::clone(&here.world.clock) as Arc<dyn Ambient>, bytes, None);
    let app = app.with_tokens(here.issuer.policy()).unwrap();
    app.prepare().await.unwrap();
    let (base, _) = serve(app.clone());
    (app, base)
}

#[tokio::test]
async fn persons_keep_their_credentials_and_revocations_under_the_new_master_key() {
    let here = Trusting::new().await;
    let token = |subject: &str| here.signer.token(&here.with("sub", json!(subject)));
    let people = "select count(*) from credentials where issuer_subject_hash is not null";
    // Reads the credential while nurse 2 has the only one: the test's clock gives both credentials the same time.
    assert_eq!(here.status(&token("nurse-2")).await, 200);
    let (clinic, revoked): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select clinic_id, credential_id from credentials where issuer_subject_hash is not null")
            .fetch_one(&mut here.world.connect().await)
            .await
            .unwrap();
    assert_eq!(here.status(&token("nurse-1")).await, 200);
    revoke(&here.world.app, clinic.into(), revoked.into()).await.unwrap();
    // Neither nurse sends a request while both master keys are configured.
    let (rotating, _) = instance(&here, &[8, 7]).await;
    assert_eq!(rotate(&rotating, |_| ()).await.unwrap().rows, 0);
    let (_alone, base) = instance(&here, &[8]).await;
    let status = async |subject: &str| here.holder(&token(subject)).at(&base).get("/v1/follow-ups").await.status;
    assert_eq!((status("nurse-1").await, status("nurse-2").await), (200, 401));
    assert_eq!(here.world.count(people).await, 2);
}
