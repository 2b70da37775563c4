//! An issuer of tokens: a separate listener that serves its keys and signs tokens for the tests. It signs with the
//! cryptographic library directly, not with the code that verifies.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256,
};
use aws_lc_rs::{hmac, signature};
use data_encoding::BASE64URL_NOPAD;
use sarcoscreen::app::access::tokens::TokenPolicy;
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::access::token::{TokenAlgorithm, TokenRules};
use serde_json::{Value, json};

pub(crate) struct Issuer {
    /// The `iss` of its tokens.
    pub(crate) name: String,
    served: Arc<Served>,
    handle: ServerHandle,
}

#[derive(Default)]
struct Served {
    name: String,
    reply: Mutex<Reply>,
    asked: AtomicUsize,
    /// What a code is exchanged for; without it codes are refused.
    id_token: Mutex<Option<String>>,
    exchanges: Mutex<Vec<Exchange>>,
}

/// A request to exchange a code for an ID token.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) form: HashMap<String, String>,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
}

/// The response to a request for its keys.
#[derive(Clone, Default)]
pub(crate) enum Reply {
    /// An outage.
    #[default]
    Away,
    /// A document.
    Text(String),
    /// A redirection.
    Elsewhere(String),
    /// No response, ever.
    Silence,
}

/// A key pair of the issuer.
pub(crate) struct Signer {
    pub(crate) id: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<signature::RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Issuer {
    /// Starts an issuer that publishes these keys.
    pub(crate) fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Served { name: name.clone(), ..Served::default() });
        let state = web::Data::from(Arc::clone(&served));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .route("/keys", web::get().to(keys))
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/token", web::post().to(exchange))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        let issuer = Self { name, served, handle };
        issuer.publish(signers);
        issuer
    }

    /// Publishes exactly these keys.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.public()).collect();
        self.answer(Reply::Text(json!({ "keys": keys }).to_string()));
    }

    /// Sets the response from now on.
    pub(crate) fn answer(&self, reply: Reply) {
        *self.served.reply.lock().unwrap() = reply;
    }

    /// How often its keys were requested.
    pub(crate) fn asked(&self) -> usize {
        self.served.asked.load(Ordering::SeqCst)
    }

    /// Exchanges codes for this ID token from now on; refuses them without one.
    pub(crate) fn issue(&self, id_token: Option<String>) {
        *self.served.id_token.lock().unwrap() = id_token;
    }

    /// The exchanges so far.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.served.exchanges.lock().unwrap().clone()
    }

    /// The policy of a service that accepts its tokens.
    pub(crate) fn policy(&self) -> TokenPolicy {
        let role = |name: &str, role| (name.to_owned(), role);
        TokenPolicy {
            rules: TokenRules {
                issuer: self.name.clone(),
                audience: "sarcoscreen".into(),
                role_claim: "role".into(),
                roles: vec![role("nurse", Role::Staff), role("lead", Role::Admin), role("system", Role::Intake)],
                clinic_claim: "clinic".into(),
            },
            keys_address: format!("{}/keys", self.name),
            keys_kept_for: Duration::from_mins(5),
            algorithms: TokenAlgorithm::ALL.into(),
            code_client: None,
        }
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn keys(served: web::Data<Served>) -> HttpResponse {
    served.asked.fetch_add(1, Ordering::SeqCst);
    let reply = served.reply.lock().unwrap().clone();
    match reply {
        Reply::Away => HttpResponse::ServiceUnavailable().finish(),
        Reply::Text(text) => HttpResponse::Ok().content_type("application/json").body(text),
        Reply::Elsewhere(place) => HttpResponse::TemporaryRedirect().insert_header(("location", place)).finish(),
        Reply::Silence => std::future::pending().await,
    }
}

async fn discovery(served: web::Data<Served>) -> HttpResponse {
    let name = &served.name;
    HttpResponse::Ok().json(json!({
        "issuer": name, "authorization_endpoint": format!("{name}/authorize"), "token_endpoint": format!("{name}/token"),
        "jwks_uri": format!("{name}/keys"),
    }))
}

async fn exchange(
    served: web::Data<Served>,
    request: HttpRequest,
    form: web::Form<HashMap<String, String>>,
) -> HttpResponse {
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    served.exchanges.lock().unwrap().push(Exchange { form: form.into_inner(), authorization });
    match &*served.id_token.lock().unwrap() {
        Some(token) => HttpResponse::Ok().json(json!({"token_type": "Bearer", "access_token": "a", "id_token": token})),
        None => HttpResponse::BadRequest().json(json!({"error": "invalid_grant"})),
    }
}

impl Signer {
    /// A new RSA key of 2048 bits.
    pub(crate) fn rsa(id: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        let pair = signature::RsaKeyPair::from_pkcs8(der.as_ref()).unwrap();
        Self { id: id.into(), pair: Pair::Rsa(Box::new(pair)) }
    }

    /// A new key on P-256.
    pub(crate) fn p256(id: &str) -> Self {
        Self { id: id.into(), pair: Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    /// A new key on P-384.
    pub(crate) fn p384(id: &str) -> Self {
        Self { id: id.into(), pair: Pair::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()) }
    }

    /// A new Ed25519 key.
    pub(crate) fn ed(id: &str) -> Self {
        Self { id: id.into(), pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    /// The public key as the issuer publishes it.
    pub(crate) fn public(&self) -> Value {
        let point = |pair: &EcdsaKeyPair, curve: &str| {
            let (x, y) = pair.public_key().as_ref()[1..].split_at((pair.public_key().as_ref().len() - 1) / 2);
            json!({"kty": "EC", "crv": curve, "kid": self.id, "x": encode(x), "y": encode(y)})
        };
        match &self.pair {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": self.id, "use": "sig", "n": encode(n), "e": encode(e)})
            }
            Pair::P256(pair) => point(pair, "P-256"),
            Pair::P384(pair) => point(pair, "P-384"),
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": encode(pair.public_key().as_ref())})
            }
        }
    }

    /// A token with these claims, signed with an algorithm that fits the key; `PS256` is requested by name.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed(_) => "EdDSA",
        };
        self.sign(&json!({"alg": algorithm, "kid": self.id, "typ": "JWT"}), claims)
    }

    /// A token with any header and claims, correctly signed by this key.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &dyn signature::RsaEncoding = match header["alg"].as_str() {
                    Some("PS256") => &RSA_PSS_SHA256,
                    Some("RS384") => &RSA_PKCS1_SHA384,
                    _ => &RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(&signature))
    }
}

/// A token whose signature is an HMAC with a publicly known secret.
pub(crate) fn hashed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = message(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(tag.as_ref()))
}

/// The signed part of a token.
pub(crate) fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
