//! The clinic's own web form: its settings, and the credential that the service acts as. It has no key.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use sarcoscreen::app::access::limits::{Budget, Rates};
use sarcoscreen::app::access::sign_in::{SignedIn, web_form::admit};
use sarcoscreen::app::access::web_form;
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::clinics::{change, list};
use sarcoscreen::app::error::AppError;
use sarcoscreen::app::submissions::intake;
use sarcoscreen::app::{App, health};
use sarcoscreen::domain::clinics::{Clinic, ConsentText, Profile};
use sarcoscreen::domain::language::Language;
use sarcoscreen::domain::screening::answers::Answers;
use sarcoscreen::domain::subjects::SubjectDraft;
use sarcoscreen::domain::submissions::stored::StoredSubmission;
use sarcoscreen::domain::submissions::{Draft, Stated};
use serde_json::{Value, json};

use crate::rule_tables::Terminal;
use crate::world::{User, World, app, fit, serve};

const VISITOR: &str = "192.0.2.1";

async fn settings(world: &World, name: &str) -> Clinic {
    list(&world.app).await.unwrap().into_iter().find(|clinic| clinic.name == name).unwrap()
}

fn both(english: &str, spanish: &str) -> BTreeMap<Language, String> {
    [(Language::En, english.to_owned()), (Language::Es, spanish.to_owned())].into()
}

/// The clinic with all settings that a web form needs.
fn complete(clinic: Clinic) -> Clinic {
    let consent = ConsentText { version: "2026-01".to_owned(), texts: both("You may call me.", "Me pueden llamar.") };
    let profile = Profile {
        country: Some("ES".to_owned()),
        time_zone: Some("Europe/Madrid".to_owned()),
        privacy_notice: both("https://clinic.example/privacy", "https://clinic.example/privacidad"),
        consent: Some(consent),
        ..clinic.profile
    };
    Clinic { slug: Some("our-clinic".to_owned()), profile, ..clinic }
}

/// An application with empty caches.
async fn fresh(world: &World) -> App {
    let app = app(&world.database, Arc::new(System), &[7], None);
    app.prepare().await.unwrap();
    app
}

/// What a front end reads of the clinic from an instance with empty caches.
async fn shown(world: &World, user: &User, language: &str) -> Value {
    let (base, _) = serve(fresh(world).await);
    let user = user.at(&base);
    let answer = user.send(user.request("GET", "/v1/clinic").header("accept-language", language)).await;
    assert_eq!(answer.header("vary").to_lowercase().matches("accept-language").count(), 1);
    assert_eq!(answer.header("content-language"), language);
    answer.expect(200)
}

pub(crate) async fn visit(app: &App, slug: &str, address: &str) -> Result<SignedIn, AppError> {
    let address: IpAddr = address.parse().unwrap();
    admit(app, slug, address, Budget::Submissions, None).await.outcome
}

pub(crate) async fn submit(app: &App, form: &SignedIn) -> StoredSubmission {
    let (answers, faults) = Answers::parse(&serde_json::from_str(&fit().to_string()).unwrap());
    let draft = Draft {
        answers,
        subject: SubjectDraft::default(),
        warnings: Vec::new(),
        answered_at: None,
        stated: Stated::default(),
        source: None,
        pathway: None,
        supersedes: None,
        imported: false,
        test: false,
        language: Language::En,
        idempotency: None,
    };
    intake::submit(app, &form.actor(None), form.clinic(), draft, faults).await.unwrap().result
}

/// A clinic with an open form.
pub(crate) async fn opened(world: &World, name: &str) -> crate::world::Clinic {
    let clinic = world.clinic(name).await;
    let settled = complete(settings(world, name).await);
    change(&world.app, &settled).await.unwrap();
    web_form::open(&world.app, &settled, None).await.unwrap();
    clinic
}

#[tokio::test]
async fn a_front_end_reads_its_clinic_in_each_language() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let bare = shown(&world, &clinic.browser, "en").await;
    let expected = json!({
        "id": clinic.id, "name": "One", "slug": null, "language": "en", "languages": ["en", "es"], "country": null,
        "time_zone": "UTC", "booking_url": "https://clinic.example/book",
        "emergency_numbers": [{"label": null, "number": "112"}], "privacy_notice": null, "consent": null,
        "web_form_open": false,
    });
    assert_eq!(bare, expected);
    let settled = complete(settings(&world, "One").await);
    change(&world.app, &settled).await.unwrap();
    web_form::open(&world.app, &settled, None).await.unwrap();
    for (language, notice, text) in [
        ("en", "https://clinic.example/privacy", "You may call me."),
        ("es", "https://clinic.example/privacidad", "Me pueden llamar."),
    ] {
        let full = shown(&world, &clinic.browser, language).await;
        assert_eq!((&full["slug"], &full["country"]), (&json!("our-clinic"), &json!("ES")));
        assert_eq!(full["time_zone"], "Europe/Madrid");
        assert_eq!((&full["privacy_notice"], &full["web_form_open"]), (&json!(notice), &json!(true)));
        assert_eq!(full["consent"], json!({"version": "2026-01", "text": text}));
    }
    world.holder(None).get("/v1/clinic").await.expect(401);
    let others = "select count(*) from audit_entries
                  where action not in ('clinic_changed', 'credential_minted', 'sign_in_failed')";
    assert_eq!(world.count(others).await, 0);
}

#[tokio::test]
async fn a_form_opens_only_with_all_its_settings_and_keeps_them_while_it_is_open() {
    let world = World::new().await;
    world.clinic("One").await;
    let bare = settings(&world, "One").await;
    let lacking = |result: Result<(), AppError>| match result.unwrap_err() {
        AppError::Faulty(faults) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
        error => panic!("{error}"),
    };
    let open = async |clinic: &Clinic| web_form::open(&world.app, clinic, None).await;
    assert_eq!(lacking(open(&bare).await), ["/slug", "/privacy_notice", "/consent"]);
    let full = complete(bare.clone());
    let one_language = |texts: BTreeMap<Language, String>| {
        texts.into_iter().filter(|(language, _)| *language == Language::En).collect()
    };
    let mut half = full.clone();
    half.profile.privacy_notice = one_language(half.profile.privacy_notice);
    let consent = half.profile.consent.take().unwrap();
    half.profile.consent = Some(ConsentText { texts: one_language(consent.texts), ..consent });
    assert_eq!(lacking(open(&half).await), ["/privacy_notice", "/consent"]);
    assert_eq!(world.count("select count(*) from credentials where web_form").await, 0);
    change(&world.app, &full).await.unwrap();
    open(&full).await.unwrap();
    assert!(settings(&world, "One").await.web_form_open);
    let without = Clinic { slug: None, ..full.clone() };
    assert_eq!(lacking(change(&world.app, &without).await), ["/slug"]);
    // A stored consent names a version, so its text stays.
    let mut other = full.clone();
    other.profile.consent.as_mut().unwrap().texts.insert(Language::En, "You may write to me.".to_owned());
    assert_eq!(lacking(change(&world.app, &other).await), ["/consent"]);
    other.profile.consent.as_mut().unwrap().version = "2026-02".to_owned();
    change(&world.app, &other).await.unwrap();
}

#[tokio::test]
async fn the_service_submits_as_the_form_and_marks_the_source() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let app = fresh(&world).await;
    let form = visit(&app, "our-clinic", VISITOR).await.unwrap();
    let stored = submit(&app, &form).await;
    let path = format!("/v1/submissions/{}", stored.submission_id);
    let shown = clinic.staff.get(&path).await.expect(200);
    assert_eq!(shown["source"], json!({"system": "web_form", "id": stored.submission_id}));
    assert_eq!(shown["origin"], "self_reported");
    assert_eq!(shown["receipt_code"], stored.receipt_code.to_string());
    let by = "select count(*) from audit_entries a join credentials c using (clinic_id, credential_id)
              where a.action = 'submission_created' and c.web_form and c.display_name = 'Web form' and c.role = 'browser'";
    assert_eq!(world.count(by).await, 1);
    // No other sender is the form.
    let source = json!({"system": "web_form", "id": stored.submission_id});
    for user in [&clinic.intake, &clinic.staff, &clinic.admin] {
        let refused = user.submit(&json!({"answers": fit(), "source": source})).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/source/system".to_owned()]));
        assert_eq!(refused.json()["errors"][0]["code"], "not_allowed");
    }
    assert_eq!(world.count("select count(*) from submissions").await, 1);
    health::close(&app).await;
}

#[tokio::test]
async fn a_form_has_no_key_and_gets_none() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let list = clinic.admin.get("/v1/credentials").await.expect(200);
    let form = list["items"].as_array().unwrap().iter().find(|one| one["display_name"] == "Web form").unwrap().clone();
    assert_eq!((&form["role"], &form["key_prefix"]), (&json!("browser"), &Value::Null));
    let id = form["id"].as_str().unwrap();
    let rotated = clinic.admin.post(&format!("/v1/credentials/{id}/rotate"), &json!({})).await;
    assert_eq!(rotated.status, 409, "{}", rotated.text);
    let replacing = json!({"role": "browser", "display_name": "Kiosk", "replaces": id});
    assert_eq!(clinic.admin.post("/v1/credentials", &replacing).await.pointers(), ["/replaces"]);
    let mut owner = world.connect().await;
    let key = "prefix = 'aaaaaaaaaaaaa', key_hash = sha256('')";
    for change in [key, "issuer_subject_hash = sha256('')", "role = 'staff'"] {
        let sql = format!("update credentials set {change} where web_form");
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "23514", "{refused}");
    }
}

#[tokio::test]
async fn an_admin_closes_the_form_by_revoking_it_and_a_new_form_has_the_same_sender() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let form = visit(&fresh(&world).await, "our-clinic", VISITOR).await.unwrap();
    let path = format!("/v1/credentials/{}", form.credential().credential_id);
    clinic.admin.send(clinic.admin.request("DELETE", &path)).await.expect(204);
    let closed = fresh(&world).await;
    assert!(matches!(visit(&closed, "our-clinic", VISITOR).await, Err(AppError::NotFound)));
    assert_eq!(shown(&world, &clinic.browser, "en").await["web_form_open"], false);
    let origins = Some(vec!["https://clinic.example".to_owned()]);
    web_form::open(&world.app, &settings(&world, "One").await, origins).await.unwrap();
    let again = visit(&fresh(&world).await, "our-clinic", VISITOR).await.unwrap();
    assert_ne!(again.credential().credential_id, form.credential().credential_id);
    assert_eq!(again.credential().sender_id, form.credential().sender_id);
    assert_eq!(again.credential().origins, ["https://clinic.example"]);
    // Without other origins the open form stays.
    web_form::open(&world.app, &settings(&world, "One").await, None).await.unwrap();
    assert_eq!(world.count("select count(*) from credentials where web_form").await, 2);
    web_form::close(&world.app, clinic.id.into()).await.unwrap();
    web_form::close(&world.app, clinic.id.into()).await.unwrap();
    assert!(matches!(visit(&fresh(&world).await, "our-clinic", VISITOR).await, Err(AppError::NotFound)));
    let revoked = "select count(*) from audit_entries where action = 'credential_revoked' and outcome = 'success'";
    assert_eq!(world.count(revoked).await, 2);
}

#[tokio::test]
async fn a_form_is_limited_by_address_and_stops_with_its_clinic() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let app = fresh(&world).await.with_rates(Rates { submissions_per_address: 2, ..Rates::default() });
    for _ in 0..2 {
        visit(&app, "our-clinic", VISITOR).await.unwrap();
    }
    assert!(matches!(visit(&app, "our-clinic", VISITOR).await, Err(AppError::Limited { .. })));
    visit(&app, "our-clinic", "192.0.2.2").await.unwrap();
    for unknown in ["", "two", "OUR-CLINIC", "our-clinic/"] {
        assert!(matches!(visit(&app, unknown, VISITOR).await, Err(AppError::NotFound)), "{unknown}");
    }
    world.suspend(&clinic, true).await;
    assert!(matches!(visit(&fresh(&world).await, "our-clinic", VISITOR).await, Err(AppError::ClinicSuspended(_))));
}

#[tokio::test]
async fn the_operator_opens_and_closes_the_form() {
    let world = World::new().await;
    world.clinic("One").await;
    let terminal = Terminal::at(&world);
    let set = |options: &[&str]| terminal.said(&[&["clinics", "set", "--clinic", "One"][..], options].concat());
    let opened = set(&[
        "--slug",
        "one",
        "--privacy-notice",
        "en=https://clinic.example/privacy",
        "--privacy-notice",
        "es=https://clinic.example/privacidad",
        "--consent-version",
        "2026-01",
        "--consent-text",
        "en=You may call me.",
        "--consent-text",
        "es=Me pueden llamar.",
        "--web-form",
        "on",
        "--web-form-origins",
        "https://clinic.example,https://other.example",
    ]);
    for part in ["  web form open", "consent 2026-01 in es: Me pueden llamar.", "privacy notice in en: https://"] {
        assert!(opened.contains(part), "{part} is not in\n{opened}");
    }
    let keys = terminal.said(&["keys", "list", "--clinic", "One"]);
    assert!(keys.lines().any(|line| line.ends_with("Web form") && line.contains("has no key")), "{keys}");
    let form = visit(&fresh(&world).await, "one", VISITOR).await.unwrap();
    assert_eq!(form.credential().origins.len(), 2);
    assert!(!set(&["--web-form", "off"]).contains("web form open"));
    assert!(set(&["--web-form", "on"]).contains("web form open"));
    assert_eq!(visit(&fresh(&world).await, "one", VISITOR).await.unwrap().credential().origins.len(), 2);
}
