//! Registration: keys of a file or an address, the command line, and what is stored.

use sarcoscreen::app::access::credentials::{By, mint_client};
use sarcoscreen::app::error::AppError;
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::access::client_token::{ClientId, ClientKeys};
use sarcoscreen::domain::access::credential::{Credential, CredentialDraft};
use serde_json::{Value, json};

use super::{System, registered, world};
use crate::embedded::place::Place;
use crate::program::{run, text};
use crate::tokens::issuer::{Issuer, Reply, Signer};

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
    let mut key = Signer::p384("key").public();
    key["d"] = json!("private");
    let minted = mint(&file("keys.json", &json!({"keys": [key]}).to_string()));
    assert!(minted.status.success(), "{}", text(&minted.stderr));
    assert!(ClientId::parse(text(&minted.stdout).trim()).is_some(), "{}", text(&minted.stdout));
    assert!(mint("https://ehr.example/jwks.json").status.success());
    for wrong in [&*file("none.json", "{\"keys\": []}"), "http://ehr.example/jwks.json", "/no/such/file"] {
        let refused = mint(wrong);
        assert!(!refused.status.success(), "{wrong}: {}", text(&refused.stdout));
    }
    let listed = run(&place, &["keys", "list", "--clinic", "Own"]);
    assert_eq!(text(&listed.stdout).matches("signs in with tokens").count(), 2);
}
