//! SMART backend services: discovery, the token endpoint, and calls with access tokens.

mod calls;
mod clients;
mod refusals;

use std::sync::atomic::{AtomicU32, Ordering};

use sarcoscreen::app::access::credentials::{By, mint_client};
use sarcoscreen::app::access::tokens::public_keys;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::access::client_token::{ClientId, ClientKeys};
use sarcoscreen::domain::access::credential::{Credential, CredentialDraft};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tokens::issuer::Signer;
use crate::world::{Answer, User, World};

const PUBLIC: &str = "https://screening.example";
const ENDPOINT: &str = "https://screening.example/oauth/token";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A service with a public URL.
async fn world() -> World {
    let world = World::built(
        |settings| settings.public_url = Some(PUBLIC.to_owned()),
        |app| app.with_backend_clients(&format!("{PUBLIC}/")),
    )
    .await;
    world.clock.hold();
    world
}

/// A system with its key, registered at a clinic.
struct System<'a> {
    world: &'a World,
    signer: Signer,
    id: ClientId,
}

/// The public keys of signers, as a document.
fn published(signers: &[&Signer]) -> ClientKeys {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.public()).collect();
    ClientKeys::Document(public_keys(json!({"keys": keys}).to_string().as_bytes()).unwrap())
}

async fn registered(world: &World, clinic: Uuid, role: Role, keys: &ClientKeys) -> Credential {
    let draft = CredentialDraft {
        role,
        display_name: "Record system".to_owned(),
        expires_at: None,
        origins: Vec::new(),
        replaces: None,
    };
    mint_client(&world.app, By::Operator(clinic.into()), draft, keys).await.unwrap()
}

impl<'a> System<'a> {
    async fn new(world: &'a World, clinic: Uuid, role: Role) -> Self {
        let signer = Signer::p384("key");
        let Credential { clinic_id, credential_id, .. } = registered(world, clinic, role, &published(&[&signer])).await;
        Self { world, signer, id: ClientId { clinic_id, credential_id } }
    }

    /// The claims of a new assertion.
    fn claims(&self) -> Value {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (id, now) = (self.id.to_string(), self.world.clock.now().as_second());
        let jti = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        json!({"iss": id, "sub": id, "aud": ENDPOINT, "exp": now + 240, "jti": jti})
    }

    fn assertion(&self) -> String {
        self.signer.token(&self.claims())
    }

    /// The response of the token endpoint to an assertion.
    async fn ask(&self, assertion: &str, scope: &str) -> Answer {
        ask(&self.world.holder(None), &form(assertion, scope)).await
    }

    /// A caller with an access token of these scopes.
    async fn holder(&self, scope: &str) -> User {
        let granted = self.ask(&self.assertion(), scope).await.expect(200);
        self.world.holder(Some(granted["access_token"].as_str().unwrap()))
    }
}

/// The parameters of a request for a token.
fn form<'a>(assertion: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
        ("scope", scope),
    ]
}

async fn ask(user: &User, form: &[(&str, &str)]) -> Answer {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = user.request("POST", "/oauth/token").header("content-type", "application/x-www-form-urlencoded");
    user.send(request.body(text)).await
}

#[tokio::test]
async fn discovery_names_the_token_endpoint_and_needs_no_key() {
    let world = world().await;
    let anonymous = world.holder(None);
    let answer = anonymous.get("/fhir/.well-known/smart-configuration").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let configuration = answer.json();
    assert_eq!(configuration["token_endpoint"], ENDPOINT);
    assert_eq!(configuration["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(configuration["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    let algorithms = configuration["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
    assert!(["RS384", "ES384"].iter().all(|needed| algorithms.contains(&json!(needed))), "{algorithms:?}");
    assert!(configuration["scopes_supported"].as_array().unwrap().contains(&json!("system/*.rs")));
    let statement = anonymous.get("/fhir/metadata").await.expect(200);
    let security = &statement["rest"][0]["security"];
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    assert_eq!(security["extension"][0]["extension"][0], json!({"url": "token", "valueUri": ENDPOINT}));
    let put = anonymous.send(anonymous.request("PUT", "/oauth/token")).await;
    assert_eq!((put.status, put.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn without_a_public_url_there_is_no_token_endpoint() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    anonymous.get("/fhir/.well-known/smart-configuration").await.expect(404);
    assert_eq!(ask(&anonymous, &form("a.b.c", "system/*.rs")).await.status, 404);
    let statement = anonymous.get("/fhir/metadata").await.expect(200);
    assert!(statement["rest"][0]["security"].get("service").is_none());
}
