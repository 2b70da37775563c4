//! Registration: keys of a file or an address, the command line, and what is stored.

use sarcoscreen::app::access::credentials::{By, mint_client, replace_client_keys, revoke};
use sarcoscreen::app::error::AppError;
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::access::client_token::{ClientId, ClientKeys};
use sarcoscreen::domain::access::credential::{Credential, CredentialDraft};
use serde_json::{Value, json};

use super::{System, published, registered, world};
use crate::embedded::place::Place;
use crate::fhir::response;
use crate::program::{run, text};
use crate::tokens::issuer::{Issuer, Reply, Signer};
use crate::world::fit;

const SCOPE: &str = "system/Observation.rs";

#[tokio::test]
async fn keys_at_an_address_are_fetched_and_may_change() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let first = Signer::rsa("first");
    let issuer = Issuer::start(&[&first]);
    let keys = ClientKeys::Address(format!("{}/keys", issuer.name));
    let Credential { clinic_id, credential_id, .. } = registered(&world, clinic.id, Role::Intake, &keys).await;
    let system = System { world: &world, signer: first, id: ClientId { clinic_id, credential_id } };
    let rs384 = |claims: &Value| system.signer.sign(&json!({"alg": "RS384", "kid": "first", "typ": "JWT"}), claims);
    system.ask(&rs384(&system.claims()), SCOPE).await.expect(200);
    system.ask(&system.assertion(), SCOPE).await.expect(200);
    assert_eq!(issuer.asked(), 1);
    // An address in the header is ignored: only registered keys verify.
    let stranger = Signer::p384("stranger");
    let elsewhere = Issuer::start(&[&stranger]);
    let header = json!({"alg": "ES384", "kid": "stranger", "typ": "JWT", "jku": format!("{}/keys", elsewhere.name)});
    system.ask(&stranger.sign(&header, &system.claims()), SCOPE).await.expect(401);
    assert_eq!(elsewhere.asked(), 0);
    // A new key is found at the address once fetches are allowed again.
    let second = Signer::p384("second");
    issuer.publish(&[&second]);
    world.clock.advance(11);
    system.ask(&second.token(&system.claims()), SCOPE).await.expect(200);
}

#[tokio::test]
async fn without_keys_at_the_address_the_answer_is_503() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let issuer = Issuer::start(&[]);
    issuer.answer(Reply::Away);
    let keys = ClientKeys::Address(format!("{}/keys", issuer.name));
    let Credential { clinic_id, credential_id, .. } = registered(&world, clinic.id, Role::Intake, &keys).await;
    let system = System { world: &world, signer: Signer::p384("key"), id: ClientId { clinic_id, credential_id } };
    let away = system.ask(&system.assertion(), SCOPE).await;
    assert_eq!((away.status, away.header("retry-after")), (503, "1"));
    assert_eq!(away.json()["error"], "server_error");
}

#[tokio::test]
async fn a_browser_role_is_refused_and_a_replacement_reads_what_its_predecessor_submitted() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let signer = Signer::p384("key");
    let keys = super::published(&[&signer]);
    let draft = |role, replaces| CredentialDraft {
        role,
        display_name: "Record system".to_owned(),
        expires_at: None,
        origins: Vec::new(),
        replaces,
    };
    let by = || By::Operator(clinic.id.into());
    let refused = mint_client(&world.app, by(), draft(Role::Browser, None), &keys).await;
    assert!(matches!(refused, Err(AppError::Faulty(faults)) if faults[0].pointer == "/role"));
    let (intake, id) = world.user_with_id(clinic.id, Role::Intake, None).await;
    let stored = intake.submit(&json!({"answers": crate::world::frail()})).await.expect(201);
    let next = mint_client(&world.app, by(), draft(Role::Intake, Some(id.into())), &keys).await.unwrap();
    let id = ClientId { clinic_id: next.clinic_id, credential_id: next.credential_id };
    let system = System { world: &world, signer, id };
    let holder = system.holder("system/QuestionnaireResponse.rs").await;
    holder.get(&format!("/fhir/QuestionnaireResponse/{}", stored["id"].as_str().unwrap())).await.expect(200);
}

#[tokio::test]
async fn the_keys_of_a_system_are_replaced_and_its_id_and_records_stay() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let (by, id) = (By::Operator(clinic.id.into()), system.id.credential_id);
    let mut body = response(&fit());
    body["subject"] = json!({"identifier": {"value": "R-1"}});
    let writer = system.holder("system/QuestionnaireResponse.c").await;
    let stored = writer.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
    let next = Signer::p384("next");
    // A set with both keys verifies assertions of both.
    replace_client_keys(&world.app, by, id, &published(&[&system.signer, &next])).await.unwrap();
    system.ask(&system.assertion(), SCOPE).await.expect(200);
    system.ask(&next.token(&system.claims()), SCOPE).await.expect(200);
    replace_client_keys(&world.app, by, id, &published(&[&next])).await.unwrap();
    assert_eq!(system.ask(&system.assertion(), SCOPE).await.expect(401)["error"], "invalid_client");
    let granted = system.ask(&next.token(&system.claims()), "system/QuestionnaireResponse.r").await.expect(200);
    let reader = world.holder(Some(granted["access_token"].as_str().unwrap()));
    reader.get(&format!("/fhir/QuestionnaireResponse/{}", stored["id"].as_str().unwrap())).await.expect(200);
    // An address replaces a document.
    let issuer = Issuer::start(&[&system.signer]);
    let address = ClientKeys::Address(format!("{}/keys", issuer.name));
    replace_client_keys(&world.app, by, id, &address).await.unwrap();
    system.ask(&system.assertion(), SCOPE).await.expect(200);
    system.ask(&next.token(&system.claims()), SCOPE).await.expect(401);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'credential_rotated'").await, 3);
    // Other credentials have no key set, and a revoked one gets none.
    let (_, with_key) = world.user_with_id(clinic.id, Role::Intake, None).await;
    let refused = replace_client_keys(&world.app, by, with_key.into(), &address).await;
    assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
    revoke(&world.app, clinic.id.into(), id).await.unwrap();
    let refused = replace_client_keys(&world.app, by, id, &address).await;
    assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
    let refused = replace_client_keys(&world.app, by, uuid::Uuid::nil().into(), &address).await;
    assert!(matches!(refused, Err(AppError::NotFound)), "{refused:?}");
    assert_eq!(world.count("select count(*) from audit_entries where action = 'credential_rotated'").await, 3);
}

#[test]
fn the_command_line_registers_public_keys_only() {
    let place = Place::new();
    let fields = ["--name", "Own", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let created = run(&place, &[&["clinics", "create"][..], &fields].concat());
    assert!(created.status.success(), "{}", text(&created.stderr));
    let mint = |jwks: &str| {
        run(&place, &["keys", "mint", "--clinic", "Own", "--role", "intake", "--name", "EHR", "--jwks", jwks])
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = Signer::p384("key").public();
    for (member, value, says) in
        [("d", json!("private"), "public keys only"), ("key_ops", json!(["sign"]), "[\"verify\"]")]
    {
        let mut wrong = key.clone();
        wrong[member] = value;
        let refused = mint(&file("wrong.json", &json!({"keys": [wrong]}).to_string()));
        assert!(!refused.status.success(), "{member}: {}", text(&refused.stdout));
        assert!(text(&refused.stderr).contains(says), "{member}: {}", text(&refused.stderr));
    }
    let minted = mint(&file("keys.json", &json!({"keys": [key]}).to_string()));
    assert!(minted.status.success(), "{}", text(&minted.stderr));
    let client = text(&minted.stdout).trim().to_owned();
    let credential = ClientId::parse(&client).unwrap().credential_id.to_string();
    let replace =
        |id: &str, jwks: &str| run(&place, &["keys", "replace-jwks", "--clinic", "Own", "--id", id, "--jwks", jwks]);
    let next = file("next.json", &json!({"keys": [Signer::p384("next").public()]}).to_string());
    let replaced = replace(&credential, &next);
    assert!(replaced.status.success(), "{}", text(&replaced.stderr));
    assert!(text(&replaced.stdout).contains(&client), "{}", text(&replaced.stdout));
    for (id, jwks) in [(&*credential, "/no/such/file"), ("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071", &*next)] {
        let refused = replace(id, jwks);
        assert!(!refused.status.success(), "{id} {jwks}: {}", text(&refused.stdout));
    }
    assert!(mint("https://ehr.example/jwks.json").status.success());
    for wrong in [&*file("none.json", "{\"keys\": []}"), "http://ehr.example/jwks.json", "/no/such/file"] {
        let refused = mint(wrong);
        assert!(!refused.status.success(), "{wrong}: {}", text(&refused.stdout));
    }
    let listed = run(&place, &["keys", "list", "--clinic", "Own"]);
    assert_eq!(text(&listed.stdout).matches("signs in with tokens").count(), 2);
}
