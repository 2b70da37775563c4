//! Signing in at the token issuer: a real one, on a port of its own, that exchanges codes.

use std::collections::HashMap;
use std::ops::ControlFlow;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use sarcoscreen::app::access::limits::EXCHANGES_OF_AN_ADDRESS;
use sarcoscreen::app::access::tokens::TokenPolicy;
use sarcoscreen::app::access::tokens::code_flow::CodeClient;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::audit::folding::tell_all;
use sarcoscreen::app::subjects::retention;
use sarcoscreen::domain::access::actor::Role;
use serde_json::{Value, json};

use super::html::Page;
use super::sign_in::{Browser, SIGN_IN, key, sessions, set_cookies};
use super::sign_in_sessions::shift;
use crate::audit::entries_of_the_system;
use crate::tokens::issuer::{Issuer, Signer};
use crate::world::{Answer, World, serve};

const BASE: &str = "https://screening.example";
const CALLBACK: &str = "/staff/sign-in/oidc/callback";
const COOKIE: &str = "sarcoscreen-sign-in";

/// A service whose staff may sign in at an issuer, with a clinic called One.
struct Registered {
    world: World,
    issuer: Issuer,
    signer: Signer,
}

impl Registered {
    async fn new(client_secret: Option<&str>) -> Self {
        let signer = Signer::ed("first");
        let issuer = Issuer::start(&[&signer]);
        let policy = policy(&issuer, client_secret);
        let world = World::built(|_| {}, |app| app.with_tokens(policy).unwrap()).await;
        world.clock.hold();
        world.clinic("One").await;
        Self { world, issuer, signer }
    }

    /// The claims of an ID token for a nurse and a sign-in.
    fn claims(&self, nonce: &str) -> Value {
        let now = self.world.clock.now().as_second();
        json!({
            "iss": self.issuer.name, "aud": "web", "sub": "nurse-1", "iat": now, "exp": now + 60, "nonce": nonce,
            "role": "nurse", "clinic": "One", "name": "Nurse One",
        })
    }

    /// Begins a sign-in, and returns what the service asks of the issuer.
    async fn begin(&self, browser: &mut Browser) -> HashMap<String, String> {
        let answer = browser.get("/staff/sign-in/oidc?to=%2Fstaff%3Fpage%3D2&lang=en").await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let address = answer.header("location").to_owned();
        let query = address.strip_prefix(&format!("{}/authorize?", self.issuer.name)).unwrap();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// Signs in with the claims that a change makes of those of a nurse.
    async fn sign_in(&self, browser: &mut Browser, change: impl FnOnce(&mut Value)) -> Answer {
        let asked = self.begin(browser).await;
        let mut claims = self.claims(&asked["nonce"]);
        change(&mut claims);
        self.issuer.issue(Some(self.signer.token(&claims)));
        browser.get(&format!("{CALLBACK}?code=c-1&state={}", asked["state"])).await
    }
}

/// The policy of a service that is registered at an issuer.
fn policy(issuer: &Issuer, client_secret: Option<&str>) -> TokenPolicy {
    let client = CodeClient {
        client_id: "web".to_owned(),
        client_secret: client_secret.map(|secret| secret.to_owned().into()),
        base: BASE.to_owned(),
    };
    TokenPolicy { code_client: Some(client), ..issuer.policy() }
}

fn hash(text: &str) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, text.as_bytes()).as_ref())
}

fn returning(state: &str) -> String {
    format!("{CALLBACK}?code=c-1&state={state}")
}

#[tokio::test]
async fn a_person_signs_in_at_the_issuer() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    let page = Page::of(browser.get("/staff/sign-in?lang=en").await, SIGN_IN);
    assert!(page.links().contains(&"/staff/sign-in/oidc?to=%2Fstaff&lang=en".to_owned()), "{:?}", page.links());
    let asked = here.begin(&mut browser).await;
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", "https://screening.example/staff/sign-in/oidc/callback"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
    here.issuer.issue(Some(here.signer.token(&here.claims(&asked["nonce"]))));
    let answer = browser.get(&format!("{CALLBACK}?code=c-1&state={}", asked["state"])).await;
    assert_eq!((answer.status, answer.header("refresh")), (200, "0; url=/staff?page=2"), "{}", answer.text);
    let cookies = set_cookies(&answer);
    assert!(cookies[0].starts_with("sarcoscreen-session=") && cookies[0].contains("SameSite=Strict"), "{cookies:?}");
    assert!(cookies[1].starts_with("sarcoscreen-sign-in=;") && cookies[1].contains("Max-Age=0"), "{cookies:?}");
    let page = Page::of(answer, CALLBACK);
    assert!(page.links().contains(&"/staff?page=2".to_owned()) && page.language() == "en");
    // The exchange proves that the service began this sign-in.
    let [exchange] = &here.issuer.exchanges()[..] else { panic!("{:?}", here.issuer.exchanges()) };
    assert_eq!((&*exchange.form["code"], &*exchange.form["grant_type"]), ("c-1", "authorization_code"));
    assert_eq!(exchange.form["redirect_uri"], asked["redirect_uri"]);
    assert_eq!(hash(&exchange.form["code_verifier"]), asked["code_challenge"]);
    assert_eq!((exchange.form["client_id"].as_str(), &exchange.authorization), ("web", &None));
    assert!(browser.get("/staff/sign-in?lang=en").await.text.contains("You are signed in as Nurse One, One."));
    // Tokens of the API belong to the same credential.
    let mut claims = here.claims("");
    claims["aud"] = json!("sarcoscreen");
    here.world.holder(Some(&here.signer.token(&claims))).get("/v1/follow-ups").await.expect(200);
    let people = "select count(*) from credentials where issuer_subject_hash is not null";
    assert_eq!(here.world.count(people).await, 1);
    let entries = "select count(*) from audit_entries where action = 'signed_in' and outcome = 'success'";
    assert_eq!(here.world.count(entries).await, 1);
}

#[tokio::test]
async fn the_cookie_of_a_begun_sign_in_survives_the_way_back_from_another_site() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    let answer = browser.get("/staff/sign-in/oidc").await;
    let [cookie] = &set_cookies(&answer)[..] else { panic!("{:?}", set_cookies(&answer)) };
    assert!(cookie.starts_with(&format!("{COOKIE}=")), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{cookie}");
    let secret = &browser.cookies[0].1;
    assert!(!answer.header("location").contains(secret.split('.').next().unwrap()), "the seed stays in the browser");
}

#[tokio::test]
async fn a_link_of_another_site_leads_to_the_sign_in_page_and_begins_nothing() {
    let here = Registered::new(None).await;
    for (site, begins) in [("cross-site", false), ("same-site", false), ("same-origin", true), ("none", true)] {
        let mut browser = Browser::new(&here.world);
        let request = browser.request("GET", "/staff/sign-in/oidc?to=%2Fstaff%3Fpage%3D2&lang=es");
        let answer = browser.send(request.header("sec-fetch-site", site)).await;
        let address = if begins { &*here.issuer.name } else { "/staff/sign-in?to=%2Fstaff%3Fpage%3D2&lang=es" };
        assert!(answer.status == 303 && answer.header("location").starts_with(address), "{site}");
        assert_eq!(browser.cookies.len(), usize::from(begins), "{site}");
    }
}

#[tokio::test]
async fn an_id_token_that_does_not_fit_signs_no_person_in() {
    let here = Registered::new(None).await;
    let changes: [(&str, Value); 7] = [
        ("nonce", json!("another")),
        ("aud", json!("sarcoscreen")),
        ("azp", json!("another")),
        ("iss", json!("https://other.example")),
        ("exp", json!(1)),
        ("role", json!("cook")),
        ("clinic", json!("None")),
    ];
    let count = changes.len();
    for (claim, value) in changes {
        let mut browser = Browser::new(&here.world);
        let answer = here.sign_in(&mut browser, |claims| claims[claim] = value).await;
        assert_eq!(answer.status, 401, "{claim}");
        assert!(Page::of(answer, CALLBACK).text().contains("You are not signed in."), "{claim}");
        assert!(!browser.is_signed_in().await, "{claim}");
    }
    let mut browser = Browser::new(&here.world);
    let answer = here.sign_in(&mut browser, |claims| claims["role"] = json!("system")).await;
    assert_eq!(answer.status, 403);
    assert!(Page::of(answer, CALLBACK).text().contains("not for people"));
    assert_eq!(sessions(&here.world).await, 0);
    tell_all(&here.world.app).await;
    let failed = entries_of_the_system(&here.world).await;
    assert_eq!(failed.iter().map(|entry| entry.occurrences).sum::<i32>(), i32::try_from(count).unwrap());
    let refused = "select count(*) from audit_entries where action = 'signed_in' and outcome = 'refused'";
    assert_eq!(here.world.count(refused).await, 1);
}

#[tokio::test]
async fn only_the_browser_that_began_a_sign_in_can_finish_it() {
    let here = Registered::new(None).await;
    let (mut victim, mut attacker) = (Browser::new(&here.world), Browser::new(&here.world));
    let asked = here.begin(&mut attacker).await;
    here.issuer.issue(Some(here.signer.token(&here.claims(&asked["nonce"]))));
    let address = format!("{CALLBACK}?code=c-1&state={}", asked["state"]);
    assert_eq!(victim.get(&address).await.status, 401, "without the cookie");
    here.begin(&mut victim).await;
    assert_eq!(victim.get(&address).await.status, 401, "with the cookie of another sign-in");
    for address in [format!("{CALLBACK}?code=c-1"), CALLBACK.to_owned(), format!("{CALLBACK}?code=c-1&state=x")] {
        assert_eq!(attacker.get(&address).await.status, 401, "{address}");
    }
    assert_eq!(here.issuer.exchanges().len(), 0, "no code was exchanged");
    assert_eq!(sessions(&here.world).await, 0);
    assert_eq!(attacker.get(&address).await.status, 200);
}

#[tokio::test]
async fn a_refusal_or_an_outage_of_the_issuer_signs_no_person_in() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    let asked = here.begin(&mut browser).await;
    let denied = format!("{CALLBACK}?error=access_denied&state={}", asked["state"]);
    assert_eq!(browser.get(&denied).await.status, 401);
    assert_eq!(here.issuer.exchanges().len(), 0);
    here.issuer.issue(None);
    let answer = browser.get(&format!("{CALLBACK}?code=c-1&state={}", asked["state"])).await;
    assert_eq!((answer.status, here.issuer.exchanges().len()), (401, 1));
    assert_eq!(sessions(&here.world).await, 0);
    // An issuer that cannot be reached is no fault of the person.
    let mut policy = here.issuer.policy();
    policy.rules.issuer = "http://127.0.0.1:1".to_owned();
    let client = CodeClient { client_id: "web".to_owned(), client_secret: None, base: BASE.to_owned() };
    policy.code_client = Some(client);
    let world = World::built(|_| {}, |app| app.with_tokens(policy).unwrap()).await;
    let answer = Browser::new(&world).get("/staff/sign-in/oidc?lang=en").await;
    assert_eq!(answer.status, 503);
    assert!(Page::of(answer, SIGN_IN).text().contains("The service cannot answer now"));
}

#[tokio::test]
async fn a_confidential_client_states_its_secret_in_a_header() {
    let here = Registered::new(Some("s e:cret")).await;
    let mut browser = Browser::new(&here.world);
    assert_eq!(here.sign_in(&mut browser, |_| {}).await.status, 200);
    let authorization = here.issuer.exchanges()[0].authorization.clone().unwrap();
    let encoded = authorization.strip_prefix("Basic ").unwrap();
    assert_eq!(data_encoding::BASE64.decode(encoded.as_bytes()).unwrap(), b"web:s+e%3Acret");
}

#[tokio::test]
async fn a_revoked_person_is_signed_out_and_stays_out() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    here.sign_in(&mut browser, |_| {}).await;
    assert!(browser.is_signed_in().await);
    let sql = "select clinic_id, credential_id from staff_sessions";
    let (clinic, id): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as(sql).fetch_one(&mut here.world.connect().await).await.unwrap();
    sarcoscreen::app::access::credentials::revoke(&here.world.app, clinic.into(), id.into()).await.unwrap();
    assert!(!browser.is_signed_in().await);
    assert_eq!(here.sign_in(&mut browser, |_| {}).await.status, 401);
    assert_eq!(sessions(&here.world).await, 1);
}

/// A state that fits the cookie does not prove that the service began the sign-in: any sender can make such a pair.
#[tokio::test]
async fn a_sign_in_that_the_service_did_not_begin_sends_no_code_to_the_issuer() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    let asked = here.begin(&mut browser).await;
    let real = browser.cookies[0].1.clone();
    let begun = BASE64URL_NOPAD.decode(real.split('.').next().unwrap().as_bytes()).unwrap();
    let seed = [7_u8; 32];
    let fitting = BASE64URL_NOPAD.encode(digest(&SHA256, &[&b"state"[..], &seed[..]].concat()).as_ref());
    let altered = |place: usize, bytes: &[u8]| {
        let mut altered = begun.clone();
        altered[place..place + bytes.len()].copy_from_slice(bytes);
        altered
    };
    for (cookie, state) in [
        (seed.to_vec(), &fitting),
        (altered(0, &seed), &fitting),
        // The time until which the sign-in may be finished, and the tag.
        (altered(32, &[127]), &asked["state"]),
        (altered(71, &[begun[71] ^ 1]), &asked["state"]),
        (begun[..71].to_vec(), &asked["state"]),
        (Vec::new(), &asked["state"]),
    ] {
        browser.cookies = vec![(COOKIE.to_owned(), format!("{}.en.L3N0YWZm", BASE64URL_NOPAD.encode(&cookie)))];
        assert_eq!(browser.get(&returning(state)).await.status, 401, "{cookie:?}");
    }
    assert_eq!(here.issuer.exchanges().len(), 0);
    let used = "select count(*) from used_tokens";
    assert_eq!(here.world.count(used).await, 0);
    browser.cookies = vec![(COOKIE.to_owned(), real)];
    here.issuer.issue(Some(here.signer.token(&here.claims(&asked["nonce"]))));
    assert_eq!(browser.get(&returning(&asked["state"])).await.status, 200);
}

#[tokio::test]
async fn a_begun_sign_in_may_be_finished_for_ten_minutes() {
    let here = Registered::new(None).await;
    for (seconds, status, exchanges) in [(600, 401, 0), (599, 200, 1)] {
        let mut browser = Browser::new(&here.world);
        let asked = here.begin(&mut browser).await;
        here.world.clock.advance(seconds);
        here.issuer.issue(Some(here.signer.token(&here.claims(&asked["nonce"]))));
        assert_eq!(browser.get(&returning(&asked["state"])).await.status, status, "{seconds}");
        assert_eq!(here.issuer.exchanges().len(), exchanges, "{seconds}");
    }
}

#[tokio::test]
async fn a_begun_sign_in_sends_one_code_to_the_issuer() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    let asked = here.begin(&mut browser).await;
    here.issuer.issue(Some(here.signer.token(&here.claims(&asked["nonce"]))));
    let address = returning(&asked["state"]);
    let answers = join_all((0..12).map(|_| browser.request("GET", &address).send())).await;
    let mut statuses: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[401; 11][..]));
    assert_eq!((here.issuer.exchanges().len(), sessions(&here.world).await), (1, 1));
    // A code that the issuer refuses uses the sign-in up, too.
    let asked = here.begin(&mut browser).await;
    here.issuer.issue(None);
    for _ in 0..3 {
        assert_eq!(browser.get(&returning(&asked["state"])).await.status, 401);
    }
    assert_eq!(here.issuer.exchanges().len(), 2);
    // What was used is kept until it is refused for its age.
    let used = "select count(*) from used_tokens where clinic_id = '00000000-0000-0000-0000-000000000000'";
    for (seconds, count) in [(600, 2), (31, 0)] {
        here.world.clock.advance(seconds);
        retention::run(&here.world.app, |_| ControlFlow::Continue(())).await.unwrap();
        assert_eq!(here.world.count(used).await, count, "{seconds}");
    }
}

#[tokio::test]
async fn an_address_sends_a_bounded_number_of_codes_to_the_issuer() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    for _ in 0..EXCHANGES_OF_AN_ADDRESS {
        let asked = here.begin(&mut browser).await;
        assert_eq!(browser.get(&returning(&asked["state"])).await.status, 401);
    }
    let asked = here.begin(&mut browser).await;
    here.issuer.issue(Some(here.signer.token(&here.claims(&asked["nonce"]))));
    let answer = browser.get(&returning(&asked["state"])).await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(Page::of(answer, CALLBACK).text().contains("Wait a minute, then try again."));
    assert_eq!(here.issuer.exchanges().len(), usize::try_from(EXCHANGES_OF_AN_ADDRESS).unwrap());
    tell_all(&here.world.app).await;
    let failed = entries_of_the_system(&here.world).await;
    let occurrences = failed.iter().map(|entry| entry.occurrences).sum::<i32>();
    assert_eq!(occurrences, i32::try_from(EXCHANGES_OF_AN_ADDRESS + 1).unwrap());
    // The sign-in is not used up, so the person can load the page again.
    here.world.clock.advance(30);
    assert_eq!(browser.get(&returning(&asked["state"])).await.status, 200);
}

#[tokio::test]
async fn a_session_of_the_issuer_ends_an_hour_after_it_began() {
    let here = Registered::new(None).await;
    let mut browser = Browser::new(&here.world);
    assert!(browser.get("/staff/sign-in?lang=en").await.text.contains("your session ends after one hour"));
    here.sign_in(&mut browser, |_| {}).await;
    shift(&here.world, "59 minutes 59 seconds", "0").await;
    assert!(browser.is_signed_in().await);
    shift(&here.world, "1 second", "0").await;
    assert!(!browser.is_signed_in().await);
}

/// Other settings may admit other people, in other roles or other clinics.
#[tokio::test]
async fn a_session_of_the_issuer_ends_at_once_when_its_settings_change() {
    let here = Registered::new(None).await;
    let clinic = here.world.clinic("Two").await;
    let (mut of_issuer, mut of_key) = (Browser::new(&here.world), Browser::new(&here.world));
    here.sign_in(&mut of_issuer, |_| {}).await;
    of_key.sign_in(&key(&clinic.staff)).await;
    let other = Issuer::start(&[&here.signer]);
    let same = || policy(&here.issuer, None);
    let role = |name: &str, role| (name.to_owned(), role);
    let mut other_roles = same();
    other_roles.rules.roles = vec![role("lead", Role::Admin)];
    let mut other_clinics = same();
    other_clinics.rules.clinic_claim = "site".to_owned();
    for (what, policy, is_kept) in [
        ("the same settings", same(), true),
        ("another client secret", policy(&here.issuer, Some("secret")), true),
        ("other roles", other_roles, false),
        ("other clinics", other_clinics, false),
        ("no sign-in at the issuer", here.issuer.policy(), false),
        ("another issuer", policy(&other, None), false),
    ] {
        let (base, server) = serve(here.world.app.clone().with_tokens(policy).unwrap());
        for (browser, is_kept) in [(&of_issuer, is_kept), (&of_key, true)] {
            let mut elsewhere = Browser::at(&base);
            elsewhere.cookies.clone_from(&browser.cookies);
            assert_eq!(elsewhere.is_signed_in().await, is_kept, "{what}");
        }
        server.stop(false).await;
    }
    assert!(of_issuer.is_signed_in().await);
}
