//! The demo clinic: sixty days of submissions and of work on the follow-ups, made by the use cases of real requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sarcoscreen::app::access::web_form;
use sarcoscreen::app::ambient::Ambient;
use sarcoscreen::app::audit::sealing::seal;
use sarcoscreen::app::clinics::{self, NewClinic};
use sarcoscreen::app::demo::{self, DemoKeys};
use sarcoscreen::app::error::AppError;
use sarcoscreen::domain::language::Language;
use serde_json::{Value, json};

use crate::audit::verified;
use crate::follow_ups::replay::replayed;
use crate::web_form::visit;
use crate::world::{Clock, World, app, frail, new_clinic};

/// What the demo shows, with a query that counts it.
const SHOWN: [(&str, &str); 15] = [
    ("open and untouched", "select count(*) from follow_ups where state = 'open' and row_version = 1"),
    (
        "claimed with a note",
        "select count(*) from follow_ups f where state = 'assigned' and exists (
             select from follow_up_events e where e.follow_up_id = f.follow_up_id and note_sealed is not null)",
    ),
    (
        "called twice and not reached",
        "select count(*) from follow_ups f where state = 'assigned' and attempts = 2 and not exists (
             select from follow_up_events e where e.follow_up_id = f.follow_up_id and reached)",
    ),
    ("reached", "select count(*) from follow_ups where state = 'contacted'"),
    ("booked", "select count(*) from follow_ups where state = 'booked' and missed_appointments = 0"),
    ("missed and booked again", "select count(*) from follow_ups where state = 'booked' and missed_appointments = 1"),
    (
        "handed over",
        "select count(*) from follow_ups f join credentials c on c.credential_id = f.assignee
         where f.state = 'contacted' and c.role = 'admin'",
    ),
    (
        "released",
        "select count(*) from follow_ups f join follow_up_events e using (clinic_id, follow_up_id)
         where f.state = 'open' and e.command = 'release'",
    ),
    (
        "reopened",
        "select count(*) from follow_ups f join follow_up_events e using (clinic_id, follow_up_id)
         where f.state = 'open' and e.command = 'reopen'",
    ),
    ("joined by a later submission", "select count(*) from submissions where follow_up_joined"),
    (
        "screened three times",
        "select count(*) from (select from submissions group by subject_id having count(*) = 3) screened",
    ),
    ("consent", "select count(*) from subjects where consent_to_contact"),
    ("no consent", "select count(*) from subjects where not consent_to_contact"),
    ("no contact data", "select count(*) from subjects where contact_sealed is null"),
    ("no reference", "select count(*) from subjects where reference_hash is null"),
];

/// Values that occur, each with a query that returns them.
const VALUES: [(&str, &[&str]); 8] = [
    (
        "select distinct outcome from follow_ups where state = 'closed'",
        &["attended", "declined", "not_needed", "unreachable"],
    ),
    (
        "select distinct not_needed_reason from follow_ups where outcome = 'not_needed'",
        &["already_in_care", "duplicate", "entered_in_error", "other"],
    ),
    (
        "select distinct diagnosis from follow_ups where outcome = 'attended'",
        &["confirmed", "none", "possible", "probable"],
    ),
    ("select distinct urgency::text from follow_ups", &["1", "2", "3"]),
    ("select distinct band_at_least from submissions where band_at_least = band_at_most", &["high", "low", "moderate"]),
    ("select distinct language from submissions", &["en", "es"]),
    ("select distinct origin from submissions", &["self_reported", "staff", "system"]),
    ("select distinct state from follow_ups", &["assigned", "booked", "closed", "contacted", "open"]),
];

/// A world with the demo clinic, created at the time of the held clock.
async fn with_demo() -> (World, DemoKeys) {
    let world = World::new().await;
    world.clock.hold();
    let keys = demo::complete(&world.app).await.unwrap();
    (world, keys)
}

/// The number that a query about a time returns.
async fn count_at(world: &World, sql: &'static str, at: Timestamp) -> i64 {
    sqlx::query_scalar(sql).bind(at.to_sqlx()).fetch_one(&mut world.connect().await).await.unwrap()
}

#[tokio::test]
async fn the_cohort_spreads_over_sixty_days_and_shows_every_state() {
    let (world, keys) = with_demo().await;
    let now = world.clock.now();
    assert_eq!(world.count("select count(*) from submissions").await, i64::try_from(demo::SUBMISSIONS).unwrap());
    let days = "select count(distinct floor(extract(epoch from $1 - received_at) / 86400)) from submissions";
    assert_eq!(count_at(&world, days, now).await, 60);
    let outside = "select count(*) from submissions where received_at > $1 or received_at <= $1 - interval '60 days'";
    assert_eq!(count_at(&world, outside, now).await, 0);
    for (what, sql) in SHOWN {
        assert!(world.count(sql).await > 0, "{what}");
    }
    let mut owner = world.connect().await;
    for (sql, values) in VALUES {
        let mut found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut owner).await.unwrap();
        found.sort_unstable();
        assert_eq!(found, values, "{sql}");
    }
    let clinic = demo::find(&world.app).await.unwrap().unwrap();
    assert!(clinic.web_form_open && clinic.languages == Language::ALL, "{clinic:?}");
    assert_eq!(clinic.profile.time_zone.as_deref(), Some("Europe/Madrid"));
    assert_eq!(clinic.profile.consent.unwrap().version, "demo-1");
    let others = "select count(*) from subjects where consent_text_version <> 'demo-1'";
    assert_eq!(world.count(others).await, 0, "the cohort agreed to the text of the form");
    let staff = world.holder(Some(&keys.staff));
    let first = staff.get("/v1/follow-ups?limit=1").await.expect(200)["items"][0].clone();
    let shown = [&first["state"], &first["urgency"], &first["version"]].map(Value::to_string);
    assert_eq!(shown, ["\"open\"", "\"today\"", "1"], "the tour in the README begins with it");
}

/// Asks a question, and prints the calls and the audit entries that it took.
async fn asked(world: &World, question: &str, calls: &[&str], ask: impl AsyncFnOnce() -> usize) {
    let entries = async || world.count("select count(*) from audit_entries").await;
    let before = entries().await;
    let found = ask().await;
    assert!(found > 0 && calls.len() <= 2, "{question}");
    let written = entries().await - before;
    println!("{question} | {} | {} | {written} | {found}", calls.join(", "), calls.len());
    assert!(written <= i64::try_from(calls.len()).unwrap(), "{question}");
}

#[tokio::test]
async fn each_question_of_a_morning_takes_one_or_two_calls() {
    let (world, keys) = with_demo().await;
    let staff = world.holder(Some(&keys.staff));
    let intake = world.holder(Some(&keys.intake));
    let contact = json!({"name": "José Núñez Ibáñez", "telephone": "+34 600 000 001"});
    let consent = json!({"to_contact": true, "text_version": "1", "given_at": world.clock.now()});
    let subject = json!({"reference": "MORNING-1", "contact": contact, "consent": consent});
    intake.submit(&json!({"answers": frail(), "subject": subject})).await.expect(201);
    let second = world.clock.now().as_second();
    let midnight = Timestamp::from_second(second - second.rem_euclid(86_400)).unwrap();
    let tomorrow = midnight + SignedDuration::from_hours(24);
    let today = format!("state=booked&appointment_from={midnight}&appointment_to={tomorrow}");
    let list = async |query: &str| {
        let page = staff.get(&format!("/v1/follow-ups?{query}")).await.expect(200);
        let rows = page["items"].as_array().unwrap().clone();
        assert!(rows.iter().all(|row| !row["reasons"].as_array().unwrap().is_empty()), "each row says why");
        rows.len()
    };
    for (question, query) in [
        ("who first, and why", "limit=50"),
        ("who is overdue", "overdue=true&order=due"),
        ("who wants Spanish", "language=es"),
        ("who was not reached twice", "attempts_min=2"),
        ("whose appointment is today", today.as_str()),
        ("who answered without a clinic", "origin=self_reported"),
        ("what waits for an assignee", "assignee=none"),
        ("what is mine", "assignee=me"),
        ("what is closed", "state=closed"),
    ] {
        asked(&world, question, &[&format!("GET /v1/follow-ups?{query}")], async || list(query).await).await;
    }
    let calls = ["POST /v1/subjects/search", "GET /v1/follow-ups?subject_id={id}"];
    asked(&world, "what happened to \"jose nunez\"", &calls, async || {
        let found = staff.post("/v1/subjects/search", &json!({"name": "jose nunez"})).await.expect(200);
        let id = found["items"][0]["id"].as_str().unwrap();
        list(&format!("subject_id={id}")).await
    })
    .await;
    let mine = staff.get("/v1/follow-ups?assignee=me").await.expect(200)["items"][0].clone();
    let calls = ["GET /v1/staff", "POST /v1/follow-ups/{id}/reassign"];
    asked(&world, "hand it over to a colleague", &calls, async || {
        let me = staff.get("/v1/me").await.expect(200);
        let colleagues = staff.get("/v1/staff").await.expect(200)["items"].as_array().unwrap().clone();
        let to = colleagues.iter().find(|one| one["id"] != me["id"]).unwrap();
        let path = format!("/v1/follow-ups/{}/reassign", mine["id"].as_str().unwrap());
        let request = staff.request("POST", &path).header("if-match", format!("\"{}\"", mine["version"]));
        staff.send(request.json(&json!({"to": to["id"]}))).await.expect(200);
        colleagues.len()
    })
    .await;
}

#[tokio::test]
async fn the_history_replays_and_the_audit_log_is_whole() {
    let (world, _) = with_demo().await;
    let kinds = replayed(&world).await;
    for kind in
        ["open", "join", "claim", "release", "reassign", "contact", "book", "did_not_attend", "close", "reopen", "note"]
    {
        assert!(kinds.contains_key(kind), "{kind} is not in {kinds:?}");
    }
    let heads = seal(&world.app).await.unwrap();
    let (_, broken) = verified(&world, &heads).await;
    assert_eq!(broken, []);

    let commands = "select count(*) from follow_up_events where submission_id is null";
    let audited = "select count(*) from follow_up_events e join audit_entries a
        on a.clinic_id = e.clinic_id and a.resource_id = e.follow_up_id and a.at = e.at and a.outcome = 'success'
        where e.submission_id is null";
    assert_eq!(world.count(audited).await, world.count(commands).await);
    let audited = "select count(*) from submissions s join audit_entries a
        on a.clinic_id = s.clinic_id and a.resource_id = s.submission_id and a.at = s.received_at
        where a.action = 'submission_created'";
    assert_eq!(world.count(audited).await, i64::try_from(demo::SUBMISSIONS).unwrap());
    let back = "select count(*) from (
            select at < lag(at) over (partition by follow_up_id order by version) as back from follow_up_events
        ) versions where back";
    assert_eq!(world.count(back).await, 0, "a version is not before the previous one");
    let early = "select count(*) from audit_entries a join credentials c using (clinic_id, credential_id)
        where a.at < c.created_at";
    assert_eq!(world.count(early).await, 0, "no credential acts before it is minted");
    let late = "select count(*) from audit_entries where at > $1";
    assert_eq!(count_at(&world, late, world.clock.now()).await, 0, "nothing is in the future");
}

/// The rows of the demo, counted.
const ROWS: &str = "select (select count(*) from submissions) + (select count(*) from subjects)
    + (select count(*) from follow_up_events) + (select count(*) from credentials) + (select count(*) from clinics)";

#[tokio::test]
async fn a_later_call_adds_nothing_and_renews_the_keys() {
    let (world, keys) = with_demo().await;
    let before = world.count(ROWS).await;
    world.clock.advance(24 * 3600);
    let again = demo::complete(&world.app).await.unwrap();
    assert_eq!(world.count(ROWS).await, before);
    assert_ne!(*keys.staff, *again.staff);
    world.holder(Some(&again.staff)).get("/v1/follow-ups").await.expect(200);
    replayed(&world).await;
}

#[tokio::test]
async fn the_demo_clinic_of_an_earlier_version_gets_its_web_form_once() {
    let world = World::new().await;
    let bare = clinics::create(&world.app, new_clinic(demo::CLINIC_NAME)).await.unwrap();
    demo::offer_web_form(&world.app, &bare).await.unwrap();
    let open = demo::find(&world.app).await.unwrap().unwrap();
    assert!(open.web_form_open, "{open:?}");
    assert_eq!((open.slug.as_deref(), &open.booking_url), (Some("demo"), &bare.booking_url));
    visit(&world.app, "demo", "192.0.2.1").await.unwrap();
    demo::offer_web_form(&world.app, &open).await.unwrap();
    assert_eq!(world.count("select count(*) from credentials where web_form").await, 1);
    web_form::close(&world.app, open.clinic_id).await.unwrap();
    demo::offer_web_form(&world.app, &open).await.unwrap();
    let closed = demo::find(&world.app).await.unwrap().unwrap();
    assert!(!closed.web_form_open, "an operator closed it");
}

#[tokio::test]
async fn a_demo_clinic_without_a_free_slug_stays_without_a_web_form() {
    let world = World::new().await;
    let other = NewClinic { slug: Some("demo".to_owned()), ..new_clinic("Other") };
    clinics::create(&world.app, other).await.unwrap();
    let bare = clinics::create(&world.app, new_clinic(demo::CLINIC_NAME)).await.unwrap();
    demo::offer_web_form(&world.app, &bare).await.unwrap();
    assert_eq!(demo::find(&world.app).await.unwrap(), Some(bare));
}

/// The clock of a world, with randomness for a limited number of ids.
struct Limited {
    clock: Arc<Clock>,
    left: AtomicI64,
}

impl Ambient for Limited {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), AppError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 { self.clock.fill(buffer) } else { Err(AppError::NoRandomness) }
    }
}

#[tokio::test]
async fn a_call_completes_an_interrupted_one() {
    let (complete, _) = with_demo().await;
    let rows = complete.count(ROWS).await;
    let world = World::new().await;
    world.clock.hold();
    for ids in [2, 10, 700, 1_400] {
        let ambient = Limited { clock: Arc::clone(&world.clock), left: AtomicI64::new(ids) };
        let app = app(&world.database, Arc::new(ambient), &[7], None);
        app.prepare().await.unwrap();
        assert!(matches!(demo::complete(&app).await, Err(AppError::NoRandomness)), "{ids}");
    }
    let part = world.count(ROWS).await;
    assert!(part > 100 && part < rows, "{part} of {rows}");
    demo::complete(&world.app).await.unwrap();
    assert_eq!(world.count(ROWS).await, rows);
    replayed(&world).await;
}

#[tokio::test]
async fn the_demo_is_always_the_same() {
    let all = "select concat_ws(' ', f.state, f.urgency, f.attempts, f.missed_appointments, f.outcome, f.row_version,
            extract(epoch from $1 - f.flagged_at)::bigint) from follow_ups f order by 1";
    let mut found = Vec::new();
    for _ in 0..2 {
        let (world, _) = with_demo().await;
        let rows = sqlx::query_scalar::<_, String>(all).bind(world.clock.now().to_sqlx());
        found.push(rows.fetch_all(&mut world.connect().await).await.unwrap());
    }
    assert!(found[0].len() > 40, "{}", found[0].len());
    assert_eq!(found[0], found[1]);
}
