//! A record system authenticates with one-time tokens: a token works once across all instances, and its clinic, its
//! credential and its failures are handled like those of other callers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sarcoscreen::app::App;
use sarcoscreen::app::access::credentials::revoke;
use sarcoscreen::app::access::tokens::clients::CdsClient;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::audit::folding::tell_all;
use sarcoscreen::app::subjects::retention;
use sarcoscreen::domain::ids::ClinicId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{SERVICE, call};
use crate::audit::entries_of_the_system;
use crate::tokens::issuer::{Issuer, Signer};
use crate::world::{Answer, Clinic, World, app, serve};

const BASE: &str = "https://screening.example";

/// A clinic with its record system.
struct Here {
    world: World,
    clinic: Clinic,
    issuer: Issuer,
    signer: Signer,
}

impl Here {
    async fn new() -> Self {
        let signer = Signer::ed("key");
        let issuer = Issuer::start(&[&signer]);
        let world = World::new().await;
        let clinic = world.clinic("One").await;
        Self { world, clinic, issuer, signer }
    }

    /// A new instance with these master keys, each 32 repetitions of a byte.
    async fn instance(&self, bytes: &[u8]) -> (App, String) {
        let client = CdsClient {
            issuer: self.issuer.name.clone(),
            keys_address: format!("{}/keys", self.issuer.name),
            clinic_id: ClinicId(self.clinic.id),
        };
        let app = app(&self.world.database, Arc::clone(&self.world.clock) as _, bytes, None);
        let app = app.with_cds_clients(BASE, vec![client]).unwrap();
        app.prepare().await.unwrap();
        let (base, _) = serve(app.clone());
        (app, base)
    }

    fn claims(&self, id: &str) -> Value {
        let now = self.world.clock.now().as_second();
        json!({"iss": self.issuer.name, "aud": format!("{BASE}{SERVICE}"), "iat": now, "exp": now + 300, "jti": id})
    }

    fn token(&self, id: &str) -> String {
        self.signer.token(&self.claims(id))
    }

    async fn ask(&self, base: &str, token: &str) -> Answer {
        self.world.holder(Some(token)).at(base).post(SERVICE, &call(&json!({"responses": null}))).await
    }

    /// The credential of the record system.
    async fn credential(&self) -> Uuid {
        let sql = "select credential_id from credentials where issuer_subject_hash is not null";
        sqlx::query_scalar(sql).fetch_one(&mut self.world.connect().await).await.unwrap()
    }
}

#[tokio::test]
async fn a_used_token_is_refused_by_every_instance_including_later_ones() {
    let here = Here::new().await;
    let (first, second) = (here.instance(&[7]).await, here.instance(&[7]).await);
    let token = here.token("one");
    here.ask(&first.1, &token).await.expect(200);
    for base in [&first.1, &second.1, &here.instance(&[7]).await.1] {
        here.ask(base, &token).await.expect(401);
    }
    // An instance during a rotation of the master key shares a hash with instances before and after it.
    let token = here.token("two");
    let rotating = here.instance(&[8, 7]).await;
    here.ask(&first.1, &token).await.expect(200);
    here.ask(&rotating.1, &token).await.expect(401);
    let token = here.token("three");
    here.ask(&rotating.1, &token).await.expect(200);
    here.ask(&first.1, &token).await.expect(401);
    here.ask(&here.instance(&[8]).await.1, &token).await.expect(401);
    // Concurrent calls with one token: exactly one succeeds.
    let token = here.token("four");
    let calls = (0..16).map(|index| here.ask(if index % 2 == 0 { &first.1 } else { &second.1 }, &token));
    let mut statuses: Vec<u16> = join_all(calls).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[401; 15]].concat());
}

#[tokio::test]
async fn stored_token_hashes_are_deleted_once_the_token_is_too_old() {
    let here = Here::new().await;
    let (app, base) = here.instance(&[7]).await;
    let token = here.token("one");
    here.ask(&base, &token).await.expect(200);
    let go_on = |_| std::ops::ControlFlow::Continue(());
    let kept = "select count(*) from used_tokens";
    retention::run(&app, go_on).await.unwrap();
    assert_eq!(here.world.count(kept).await, 1);
    here.world.clock.advance(300 + 30);
    retention::run(&app, go_on).await.unwrap();
    assert_eq!(here.world.count(kept).await, 0);
    here.ask(&base, &token).await.expect(401);
}

#[tokio::test]
async fn a_record_system_of_a_suspended_clinic_is_refused_and_its_token_is_not_used_up() {
    let here = Here::new().await;
    let (_, base) = here.instance(&[7]).await;
    // The clinic is suspended before the first call of the system, and after it.
    for round in ["first", "second"] {
        here.world.suspend(&here.clinic, true).await;
        let token = here.token(round);
        let refused = here.ask(&base, &token).await.expect(403);
        assert_eq!(refused["type"], "/docs/problems#clinic_suspended");
        here.world.suspend(&here.clinic, false).await;
        here.ask(&base, &token).await.expect(200);
    }
}

#[tokio::test]
async fn an_admin_can_list_and_revoke_the_credential_of_a_record_system() {
    let here = Here::new().await;
    let (_, base) = here.instance(&[7]).await;
    here.ask(&base, &here.token("one")).await.expect(200);
    let listed = here.clinic.admin.get("/v1/credentials").await.expect(200);
    let own = listed["items"].as_array().unwrap().iter().find(|one| one["display_name"] == here.issuer.name).unwrap();
    assert_eq!((&own["role"], &own["key_prefix"]), (&json!("intake"), &Value::Null));
    let id = here.credential().await;
    assert_eq!(own["id"], id.to_string());
    // Later calls of the same system, on this and another instance, use the same credential.
    here.ask(&here.instance(&[7]).await.1, &here.token("two")).await.expect(200);
    assert_eq!(here.credential().await, id);
    revoke(&here.world.app, here.clinic.id.into(), id.into()).await.unwrap();
    here.ask(&base, &here.token("three")).await.expect(401);
}

#[tokio::test]
async fn refused_tokens_are_audited_and_rate_limited_by_address() {
    let here = Here::new().await;
    let (app, base) = here.instance(&[7]).await;
    here.world.clock.hold();
    let used = here.token("one");
    here.ask(&base, &used).await.expect(200);
    let forged = Signer::ed("key").token(&here.claims("two"));
    for _ in 0..30 {
        here.ask(&base, &used).await.expect(401);
        here.ask(&base, &forged).await.expect(401);
    }
    for token in [&used, &forged] {
        let refused = here.ask(&base, token).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    }
    // A token that verifies is still accepted.
    here.ask(&base, &here.token("three")).await.expect(200);
    // The first entry for each token is written concurrently with the response; the others are written together.
    let begun = Instant::now();
    while entries_of_the_system(&here.world).await.len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    tell_all(&app).await;
    let audited = entries_of_the_system(&here.world).await;
    let of = |resource: Uuid| -> i32 {
        audited.iter().filter(|entry| entry.resource == resource).map(|entry| entry.occurrences).sum()
    };
    // A replayed token is attributed to the system; a forged one to no credential.
    assert_eq!((of(here.credential().await), of(Uuid::nil())), (31, 31));
    assert!(audited.iter().all(|entry| entry.action == "sign_in_failed" && entry.outcome == "refused"));
}
