//! Signing in with a key and signing out: what is accepted, what is refused, and what is on record.

use sarcoscreen::app::audit::folding::tell_all;
use uuid::Uuid;

use super::html::Page;
use crate::audit::entries_of_the_system;
use crate::world::{Answer, Clinic, World};

pub(super) const SIGN_IN: &str = "/staff/sign-in";
pub(super) const SIGN_OUT: &str = "/staff/sign-out";

/// A browser with its cookies. It follows no redirection.
pub(super) struct Browser {
    base: String,
    http: reqwest::Client,
    pub(super) cookies: Vec<(String, String)>,
}

impl Browser {
    pub(super) fn new(world: &World) -> Self {
        Self::at(&world.base)
    }

    pub(super) fn at(base: &str) -> Self {
        let http = reqwest::Client::builder().tls_certs_only([]).redirect(reqwest::redirect::Policy::none());
        Self { base: base.to_owned(), http: http.build().unwrap(), cookies: Vec::new() }
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.cookies.is_empty() {
            return request;
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header("cookie", cookies.join("; "))
    }

    /// Sends a request and keeps the cookies of the response.
    pub(super) async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, text: response.text().await.unwrap() };
        answer.check_problem();
        for cookie in set_cookies(&answer) {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// Sends a form as a page of the service does.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(form(self.request("POST", path), fields).header("sec-fetch-site", "same-origin")).await
    }

    pub(super) async fn sign_in(&mut self, key: &str) -> Answer {
        self.post(SIGN_IN, &[("key", key), ("to", "/staff")]).await
    }

    /// Whether the service knows a person by the cookies.
    pub(super) async fn is_signed_in(&mut self) -> bool {
        let answer = self.get("/staff/sign-in?lang=en").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text.contains("You are signed in as")
    }
}

/// A request with the fields of a form.
pub(super) fn form(request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields.iter().copied()).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

pub(super) fn set_cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

pub(super) fn key(user: &crate::world::User) -> String {
    user.key.clone().unwrap()
}

pub(super) async fn sessions(world: &World) -> i64 {
    world.count("select count(*) from staff_sessions").await
}

/// The actions and outcomes of a clinic's entries about sign-in, oldest first.
pub(super) async fn entries(world: &World, clinic: &Clinic) -> Vec<(String, String)> {
    let sql = "select action, outcome from audit_entries where clinic_id = $1 and action in ('signed_in', 'signed_out')
               and credential_id = resource_id and request_id is not null order by at, audit_entry_id";
    sqlx::query_as(sql).bind(clinic.id).fetch_all(&mut world.connect().await).await.unwrap()
}

fn entry(action: &str, outcome: &str) -> (String, String) {
    (action.to_owned(), outcome.to_owned())
}

#[tokio::test]
async fn a_person_signs_in_with_a_key_and_signs_out() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for user in [&clinic.staff, &clinic.admin] {
        let mut browser = Browser::new(&world);
        let answer = browser.post(SIGN_IN, &[("key", &format!(" {} ", key(user))), ("to", "/staff?page=2")]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/staff?page=2"), "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        let [cookie] = &set_cookies(&answer)[..] else { panic!("{:?}", set_cookies(&answer)) };
        assert!(cookie.starts_with("sarcoscreen-session="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(browser.is_signed_in().await);
        let kept = browser.cookies.clone();
        let answer = browser.post(SIGN_OUT, &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/staff/sign-in?signed_out=1"));
        assert!(browser.cookies.is_empty() && set_cookies(&answer)[0].ends_with("Max-Age=0"));
        assert!(browser.get("/staff/sign-in?signed_out=1&lang=en").await.text.contains("You are signed out."));
        browser.cookies = kept;
        assert!(!browser.is_signed_in().await, "the session has ended, not only its cookie");
    }
    let both = ["signed_in", "signed_out"].map(|action| entry(action, "success"));
    assert_eq!(entries(&world, &clinic).await, [both.clone(), both].concat());
    assert_eq!(sessions(&world).await, 0);
}

#[tokio::test]
async fn signing_in_as_another_person_ends_the_session_before() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    browser.sign_in(&key(&clinic.staff)).await;
    let before = browser.cookies.clone();
    assert_eq!(browser.sign_in("sk_wrong").await.status, 401);
    assert!(browser.is_signed_in().await, "a key that is refused ends no session");
    browser.sign_in(&key(&clinic.admin)).await;
    assert!(browser.is_signed_in().await);
    browser.cookies = before;
    assert!(!browser.is_signed_in().await);
    let mut found = entries(&world, &clinic).await;
    found.sort();
    assert_eq!(found, ["signed_in", "signed_in", "signed_out"].map(|action| entry(action, "success")));
    assert_eq!(sessions(&world).await, 1);
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_the_host_and_secure() {
    let world = World::with(|settings| settings.public_url = Some("https://screening.example".to_owned())).await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    let answer = browser.sign_in(&key(&clinic.staff)).await;
    let [cookie] = &set_cookies(&answer)[..] else { panic!("{:?}", set_cookies(&answer)) };
    assert!(cookie.starts_with("__Host-sarcoscreen-session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    assert!(browser.is_signed_in().await);
    // The name without the prefix is not read over TLS.
    browser.cookies[0].0 = "sarcoscreen-session".to_owned();
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn over_an_open_network_nothing_is_accepted() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    browser.sign_in(&key(&clinic.staff)).await;
    for (language, text) in [("en", "it is not encrypted"), ("es", "no está cifrada")] {
        let address = format!("{SIGN_IN}?lang={language}");
        let answer = browser.send(browser.request("GET", &address).header("host", "screening.example")).await;
        assert_eq!(answer.status, 200);
        let page = Page::of(answer, &address);
        assert!(page.text().contains(text) && page.by_id("key").is_none(), "{}", page.text());
    }
    let request = form(browser.request("POST", SIGN_IN), &[("key", &key(&clinic.staff))]);
    let request = request.header("sec-fetch-site", "same-origin").header("host", "screening.example");
    let answer = browser.send(request).await;
    assert_eq!((answer.status, set_cookies(&answer).len()), (403, 0));
    let issuer = browser.request("GET", "/staff/sign-in/oidc").header("host", "screening.example");
    assert_eq!(browser.send(issuer).await.status, 403);
    assert_eq!(sessions(&world).await, 1);
}

#[tokio::test]
async fn a_key_that_does_not_work_is_refused_and_on_record_as_at_the_api() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let real = key(&clinic.staff);
    let wrong = format!("{}{}", &real[..17], "A".repeat(43));
    for (language, text) in [("en", "This key does not work."), ("es", "Esta clave no funciona.")] {
        let mut browser = Browser::new(&world);
        let address = format!("{SIGN_IN}?lang={language}");
        let answer = browser.post(&address, &[("key", &wrong), ("to", "/staff?page=2")]).await;
        assert_eq!((answer.status, set_cookies(&answer).len()), (401, 0));
        assert!(!answer.text.contains(&wrong), "the key is not repeated");
        let page = Page::of(answer, &address);
        assert!(page.text().contains(text), "{}", page.text());
        assert!(page.entry("message").get("role") == Some("alert") && page.language() == language);
        let to = page.elements.iter().find(|element| element.get("name") == Some("to")).unwrap();
        assert_eq!(to.get("value"), Some("/staff?page=2"));
    }
    tell_all(&world.app).await;
    let found = entries_of_the_system(&world).await;
    assert!(found.iter().all(|entry| entry.action == "sign_in_failed" && entry.outcome == "refused"), "{found:?}");
    assert_eq!(found.iter().map(|entry| entry.occurrences).sum::<i32>(), 2);
    assert_eq!((entries(&world, &clinic).await.len(), sessions(&world).await), (0, 0));
}

#[tokio::test]
async fn a_form_without_a_key_is_no_attempt() {
    let world = World::new().await;
    let answer = Browser::new(&world).post("/staff/sign-in?lang=en", &[("key", " ")]).await;
    assert_eq!(answer.status, 422);
    assert!(Page::of(answer, SIGN_IN).text().contains("Enter your key."));
    let mut browser = Browser::new(&world);
    let long = browser.post(SIGN_IN, &[("key", &"a".repeat(3000))]).await;
    assert_eq!(long.status, 413);
    let json = browser.request("POST", SIGN_IN).header("sec-fetch-site", "same-origin").body("{}");
    assert_eq!(browser.send(json.header("content-type", "application/json")).await.status, 415);
    tell_all(&world.app).await;
    assert_eq!(entries_of_the_system(&world).await.len(), 0);
}

#[tokio::test]
async fn too_many_failures_of_an_address_are_refused_and_a_valid_key_still_works() {
    let world = World::new().await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    for _ in 0..60 {
        assert_eq!(browser.sign_in("sk_wrong").await.status, 401);
    }
    let answer = browser.post("/staff/sign-in?lang=en", &[("key", "sk_wrong")]).await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(Page::of(answer, SIGN_IN).text().contains("Wait a minute, then try again."));
    // The failures count together with those of the API.
    assert_eq!(world.holder(Some("sk_wrong")).get("/v1/follow-ups").await.status, 429);
    assert_eq!(browser.sign_in(&key(&clinic.staff)).await.status, 303);
}

#[tokio::test]
async fn keys_of_sites_and_systems_are_refused_on_record() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for user in [&clinic.browser, &clinic.intake] {
        let answer = Browser::new(&world).post("/staff/sign-in?lang=en", &[("key", &key(user))]).await;
        assert_eq!((answer.status, set_cookies(&answer).len()), (403, 0));
        assert!(Page::of(answer, SIGN_IN).text().contains("This key is not for people."));
    }
    assert_eq!(entries(&world, &clinic).await, [entry("signed_in", "refused"), entry("signed_in", "refused")]);
    assert_eq!(sessions(&world).await, 0);
}

#[tokio::test]
async fn staff_of_a_suspended_clinic_cannot_sign_in() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    browser.sign_in(&key(&clinic.staff)).await;
    world.suspend(&clinic, true).await;
    // The key of this person was not looked up before, so no cache has the clinic.
    let answer = Browser::new(&world).post("/staff/sign-in?lang=en", &[("key", &key(&clinic.admin))]).await;
    assert_eq!(answer.status, 403);
    assert!(Page::of(answer, SIGN_IN).text().contains("has suspended your clinic"));
    assert!(!browser.is_signed_in().await, "a session stops at once");
    assert_eq!(sessions(&world).await, 1);
}

#[tokio::test]
async fn a_person_who_may_do_nothing_else_can_still_sign_out() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    browser.sign_in(&key(&clinic.staff)).await;
    let kept = browser.cookies.clone();
    world.suspend(&clinic, true).await;
    assert_eq!(browser.get("/staff").await.status, 403);
    let answer = browser.post(SIGN_OUT, &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/staff/sign-in?signed_out=1"));
    assert!(browser.cookies.is_empty() && set_cookies(&answer)[0].ends_with("Max-Age=0"));
    assert_eq!(sessions(&world).await, 0);
    assert_eq!(entries(&world, &clinic).await, ["signed_in", "signed_out"].map(|action| entry(action, "success")));
    world.suspend(&clinic, false).await;
    browser.cookies = kept;
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn only_pages_of_the_service_may_send_its_forms() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let staff = key(&clinic.staff);
    let mut browser = Browser::new(&world);
    browser.sign_in(&staff).await;
    let own = world.base.clone();
    for (headers, status) in [
        (&[("x-other", "1")][..], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "none")], 403),
        // What a newer browser states counts, also if the origin fits.
        (&[("sec-fetch-site", "cross-site"), ("origin", &*own)], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "https://clinic.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", &*own)], 303),
        (&[("sec-fetch-site", "same-origin")], 303),
    ] {
        for (path, fields) in [(SIGN_IN, &[("key", &*staff)][..]), (SIGN_OUT, &[])] {
            let before = (sessions(&world).await, entries(&world, &clinic).await.len());
            let request = form(browser.request("POST", path), fields);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = browser.send(request).await;
            assert_eq!(answer.status, status, "{path} {headers:?}: {}", answer.text);
            let after = (sessions(&world).await, entries(&world, &clinic).await.len());
            assert_eq!(before == after, status == 403, "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_person_is_sent_to_pages_of_staff_only() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let staff = key(&clinic.staff);
    for (to, location) in [
        ("/staff/cases/1?lang=es", "/staff/cases/1?lang=es"),
        ("", "/staff"),
        ("//evil.example/staff", "/staff"),
        ("https://evil.example/staff", "/staff"),
        ("/v1/follow-ups", "/staff"),
        ("/staff/sign-out", "/staff"),
        ("/staff/../s/one", "/staff"),
        ("/staff/%2e%2e/s/one", "/staff"),
    ] {
        let answer = Browser::new(&world).post(SIGN_IN, &[("key", &staff), ("to", to)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, location), "{to}");
    }
    // The language that the sign-in page was switched to goes on.
    for (to, location) in [("/staff?lang=en&page=2", "/staff?page=2&lang=es"), ("", "/staff?lang=es")] {
        let fields = [("key", &*staff), ("to", to)];
        let answer = Browser::new(&world).post("/staff/sign-in?lang=es", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, location), "{to}");
    }
}

#[tokio::test]
async fn the_sign_in_page_is_sound_in_both_languages() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    for signed_in in [false, true] {
        for language in super::LANGUAGES {
            for address in [SIGN_IN, "/staff/sign-in?signed_out=1", "/staff/sign-in?to=%2Fstaff%3Fpage%3D2"] {
                let address = super::in_language(address, language);
                let answer = browser.get(&address).await;
                assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{address}");
                let page = Page::of(answer, &address);
                assert_eq!(page.language(), language, "{address}");
                assert_eq!(page.entry("key").get("type"), Some("password"));
                assert_eq!(page.text().contains("staff, One"), signed_in, "{}", page.text());
            }
        }
        browser.sign_in(&key(&clinic.staff)).await;
    }
    let answer = browser.post("/staff/sign-out?lang=es", &[]).await;
    assert_eq!(answer.header("location"), "/staff/sign-in?signed_out=1&lang=es");
    for (path, allowed) in [(SIGN_IN, "GET, POST"), (SIGN_OUT, "POST"), ("/staff/sign-in/oidc", "GET")] {
        let answer = browser.send(browser.request("DELETE", path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
    assert_eq!(browser.get("/staff/sign-in/oidc").await.status, 404, "no issuer is configured");
}

#[tokio::test]
async fn the_database_has_no_cookie_and_the_log_of_actions_no_key() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    browser.sign_in(&key(&clinic.staff)).await;
    let cookie = data_encoding::BASE64URL_NOPAD.decode(browser.cookies[0].1.as_bytes()).unwrap();
    assert_eq!((cookie.len(), Uuid::from_slice(&cookie[..16]).unwrap()), (80, clinic.id));
    let stored: Vec<u8> = sqlx::query_scalar("select token_hash from staff_sessions")
        .fetch_one(&mut world.connect().await)
        .await
        .unwrap();
    assert!(!cookie.windows(32).any(|part| part == stored), "the hash is not in the cookie");
    let other = World::new().await;
    let mut elsewhere = Browser::new(&other);
    elsewhere.cookies = browser.cookies.clone();
    assert!(!elsewhere.is_signed_in().await);
    // Each session has a secret of its own.
    browser.sign_in(&key(&clinic.staff)).await;
    assert_ne!(elsewhere.cookies, browser.cookies);
    assert!(browser.is_signed_in().await);
}
