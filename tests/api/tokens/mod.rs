//! Authentication with tokens of an OpenID Connect issuer: a real one, on a port of its own.

mod forgeries;
pub(crate) mod issuer;
mod keys;
mod people;

use sarcoscreen::app::ambient::Ambient as _;
use serde_json::{Value, json};

use crate::world::{User, World};
use issuer::{Issuer, Signer};

/// A service that accepts the tokens of an issuer, with a clinic called One.
struct Trusting {
    world: World,
    issuer: Issuer,
    signer: Signer,
}

impl Trusting {
    async fn new() -> Self {
        let signer = Signer::ed("first");
        let issuer = Issuer::start(&[&signer]);
        let policy = issuer.policy();
        let world = World::built(|_| {}, |app| app.with_tokens(policy).unwrap()).await;
        // With a held clock, cache ages and fetch intervals do not depend on the speed of the machine.
        world.clock.hold();
        world.clinic("One").await;
        Self { world, issuer, signer }
    }

    /// The claims of a nurse of clinic One, valid for a minute.
    fn claims(&self) -> Value {
        let now = self.world.clock.now().as_second();
        json!({
            "iss": self.issuer.name, "aud": "sarcoscreen", "sub": "nurse-1", "iat": now, "exp": now + 60,
            "role": "nurse", "clinic": "One", "name": "Nurse One",
        })
    }

    /// The claims with one of them changed, or removed if the value is null.
    fn with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        } else {
            claims[claim] = value;
        }
        claims
    }

    fn holder(&self, token: &str) -> User {
        self.world.holder(Some(token))
    }

    /// The status of the worklist for a token.
    async fn status(&self, token: &str) -> u16 {
        self.holder(token).get("/v1/follow-ups").await.status
    }
}
