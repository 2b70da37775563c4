//! Subjects: found by search, shown according to their consent, and never readable at rest.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::world::{User, World, fit, frail};

/// A subject with a reference and complete contact data.
fn person(reference: &str, to_contact: bool) -> Value {
    json!({
        "reference": reference,
        "contact": {"name": "Ana García Ruiz", "telephone": "+34 600-111 222", "email": "Ana.Garcia@Mail.example",
            "channel": "telephone", "language": "es"},
        "consent": consent(to_contact),
    })
}

fn consent(to_contact: bool) -> Value {
    json!({"to_contact": to_contact, "text_version": "2026-01", "given_at": "2026-01-02T03:04:05Z"})
}

/// Submits for a subject and returns the subject's id.
async fn submit(user: &User, subject: Value) -> Value {
    user.submit(&json!({"answers": fit(), "subject": subject})).await.expect(201)["subject_id"].clone()
}

async fn search(user: &User, by: &str, text: &str) -> Vec<Value> {
    let page = user.post("/v1/subjects/search", &json!({by: text})).await.expect(200);
    assert_eq!(page["next_cursor"], Value::Null);
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_subject_is_found_by_any_spelling_of_its_identifiers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let ana = submit(&clinic.intake, person("MRN-0001", true)).await;
    submit(&clinic.intake, json!({"reference": "MRN-0002", "contact": {"name": "Ana García"}})).await;
    let found = [
        ("reference", &["MRN-0001", "  MRN-0001 "][..]),
        ("name", &["Ana García Ruiz", "ana garcia ruiz", "  ANA   GARCÍA\tRUIZ ", "Ruiz"]),
        ("telephone", &["+34 600-111 222", "0034600111222", "(34) 600.111.222", "34600111222"]),
        ("email", &["Ana.Garcia@Mail.example", "ana.garcia@mail.EXAMPLE", " ana.garcia@mail.example "]),
    ];
    for (by, spellings) in found {
        for spelling in spellings {
            let items = search(&clinic.staff, by, spelling).await;
            assert_eq!(items.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&ana], "{by} {spelling}");
        }
    }
    let missed = [
        ("reference", &["mrn-0001", "MRN-00011", "MRN 0001", "%"][..]),
        ("name", &["An", "Ana Gomez", "Ana García Ruiz x"]),
        ("telephone", &["600111222", "+34 600 111 223", "-"]),
        ("email", &["ana.garcia@mail.exampl", "anagarcia@mail.example"]),
    ];
    for (by, spellings) in missed {
        for spelling in spellings {
            assert!(search(&clinic.staff, by, spelling).await.is_empty(), "{by} {spelling}");
        }
    }
    // A value of one kind does not match as another kind.
    assert!(search(&clinic.staff, "name", "MRN-0001").await.is_empty());
    for body in [json!({}), json!({"name": "a", "email": "b"}), json!({"reference": null}), json!({"id": "x"})] {
        clinic.staff.post("/v1/subjects/search", &body).await.expect(422);
    }
}

#[tokio::test]
async fn contact_data_is_shown_only_with_consent_and_only_to_staff() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    submit(&clinic.intake, person("yes", true)).await;
    submit(&clinic.intake, person("no", false)).await;
    let mut silent = person("silent", true);
    silent.as_object_mut().unwrap().remove("consent");
    submit(&clinic.intake, silent).await;
    let shown = &search(&clinic.staff, "reference", "yes").await[0];
    assert_eq!(shown["contact"], person("yes", true)["contact"]);
    assert_eq!(shown["consent"], consent(true));
    assert_eq!(shown["reference"], "yes");
    for reference in ["no", "silent"] {
        let hidden = &search(&clinic.staff, "reference", reference).await[0];
        assert_eq!(hidden["contact"], Value::Null, "{reference}");
    }
    let by_name = search(&clinic.staff, "name", "Ana García Ruiz").await;
    assert_eq!(by_name.iter().filter(|item| item["contact"].is_null()).count(), 2);
    // Withdrawing consent hides contact data; giving it again shows it.
    for (to_contact, hidden) in [(false, true), (true, false)] {
        submit(&clinic.intake, json!({"reference": "yes", "consent": consent(to_contact)})).await;
        let now = &search(&clinic.staff, "reference", "yes").await[0];
        assert_eq!(now["contact"].is_null(), hidden);
    }
    for user in [&clinic.browser, &clinic.intake] {
        user.post("/v1/subjects/search", &json!({"reference": "yes"})).await.expect(403);
    }
    // Only responses of the search and of the follow-up contain contact data.
    let receipt = clinic.intake.submit(&json!({"answers": frail(), "subject": person("yes", true)})).await;
    let stored = clinic.staff.get(receipt.header("location")).await;
    let case = receipt.json()["follow_up"]["id"].as_str().unwrap().to_owned();
    let case = clinic.staff.get(&format!("/v1/follow-ups/{case}")).await;
    assert_eq!(case.json()["contact"], person("yes", true)["contact"]);
    for answer in [receipt, stored] {
        assert!(answer.status < 300);
        for secret in ["García", "111 222", "600111222", "@"] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_reference_identifies_a_subject_within_one_clinic_only() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let first = submit(&one.intake, person("MRN-1", true)).await;
    assert_eq!(submit(&one.staff, json!({"reference": " MRN-1 "})).await, first);
    assert_ne!(submit(&one.intake, json!({"reference": "mrn-1"})).await, first);
    let other = submit(&two.intake, json!({"reference": "MRN-1"})).await;
    assert_ne!(other, first);
    let found = search(&two.staff, "reference", "MRN-1").await;
    assert_eq!((found.len(), &found[0]["id"], &found[0]["contact"]), (1, &other, &Value::Null));
    assert!(search(&two.staff, "name", "Ana García Ruiz").await.is_empty());
    // Without a reference these two are different subjects.
    let anonymous = [submit(&one.browser, json!({})).await, submit(&one.browser, json!({})).await];
    assert_ne!(anonymous[0], anonymous[1]);
    assert_eq!(world.count("select count(*) from subjects").await, 5);
}

#[tokio::test]
async fn a_browser_key_may_not_set_a_reference_or_a_correction() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let earlier = clinic.browser.submit(&json!({"answers": fit()})).await.expect(201)["id"].clone();
    let body = json!({"answers": fit(), "subject": {"reference": "MRN-1"}, "source": {"system": "ehr", "id": "1"},
        "supersedes": earlier});
    let refused = clinic.browser.submit(&body).await;
    let mut pointers = refused.pointers();
    pointers.sort();
    assert_eq!(pointers, ["/source", "/subject/reference", "/supersedes"]);
    let refused = refused.expect(422);
    for error in refused["errors"].as_array().unwrap() {
        assert_eq!(error["code"], "not_allowed");
    }
    // An intake key cannot correct what another sender submitted either.
    assert_eq!(clinic.intake.submit(&body).await.pointers(), ["/supersedes"]);
    let mut earlier = earlier;
    for user in [&clinic.staff, &clinic.admin] {
        let body = json!({"answers": fit(), "source": {"system": "ehr", "id": "1"}, "supersedes": earlier});
        let location = user.submit(&body).await.header("location").to_owned();
        let stored = clinic.staff.get(&location).await.expect(200);
        assert_eq!(stored["source"], body["source"]);
        assert_eq!((&stored["supersedes"], &stored["superseded_by"]), (&earlier, &Value::Null));
        // A corrected submission is kept unchanged, and refers to its correction.
        let kept = clinic.staff.get(&format!("/v1/submissions/{}", earlier.as_str().unwrap())).await.expect(200);
        assert_eq!((&kept["superseded_by"], &kept["answers"]["age"]), (&stored["id"], &fit()["age"]));
        earlier = stored["id"].clone();
    }
    // A browser key may submit contact data.
    let contact = json!({"contact": {"telephone": "600 111 222"}, "consent": consent(true)});
    submit(&clinic.browser, contact).await;
    assert_eq!(search(&clinic.staff, "telephone", "600111222").await.len(), 1);
}

#[tokio::test]
async fn later_contact_data_replaces_only_the_given_fields() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    submit(&clinic.intake, person("MRN-1", true)).await;
    submit(&clinic.intake, json!({"reference": "MRN-1"})).await;
    submit(&clinic.intake, json!({"reference": "MRN-1", "consent": consent(true)})).await;
    submit(&clinic.intake, json!({"reference": "MRN-1", "contact": {}})).await;
    let kept = &search(&clinic.staff, "reference", "MRN-1").await[0];
    assert_eq!(kept["contact"], person("MRN-1", true)["contact"]);
    let newer = json!({"reference": "MRN-1", "contact": {"name": "Ana Ruiz", "email": "ana@new.example"}});
    submit(&clinic.intake, newer).await;
    let mut wanted = person("MRN-1", true)["contact"].clone();
    wanted["name"] = json!("Ana Ruiz");
    wanted["email"] = json!("ana@new.example");
    let found = search(&clinic.staff, "email", "ana@new.example").await;
    assert_eq!((found.len(), &found[0]["contact"], &found[0]["consent"]), (1, &wanted, &consent(true)));
    assert_eq!(search(&clinic.staff, "telephone", "34600111222").await.len(), 1);
    for (by, old) in [("name", "Ana García Ruiz"), ("email", "ana.garcia@mail.example")] {
        assert!(search(&clinic.staff, by, old).await.is_empty(), "{by}");
    }
    assert_eq!(world.count("select count(*) from subjects").await, 1);
}

#[tokio::test]
async fn an_older_consent_does_not_override_a_newer_withdrawal() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let dated = |to_contact: bool, at: &str| json!({"to_contact": to_contact, "text_version": "1", "given_at": at});
    let contact = json!({"name": "Ana"});
    for (to_contact, at) in [(false, "2026-03-01T00:00:00Z"), (true, "2026-02-01T00:00:00Z")] {
        let subject = json!({"reference": "MRN-1", "contact": contact, "consent": dated(to_contact, at)});
        submit(&clinic.intake, subject).await;
    }
    let found = &search(&clinic.staff, "reference", "MRN-1").await[0];
    assert_eq!((&found["consent"]["to_contact"], &found["contact"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn only_a_submission_of_the_clinic_can_be_superseded() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let theirs = two.intake.submit(&json!({"answers": fit()})).await.expect(201)["id"].clone();
    let before = world.count("select count(*) from subjects").await;
    let mut refusals = Vec::new();
    for id in [theirs, json!("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071")] {
        let body = json!({"answers": frail(), "supersedes": id, "subject": {"reference": "MRN-1"}});
        let refused = one.intake.submit(&body).await;
        assert_eq!(refused.pointers(), ["/supersedes"]);
        let mut refused = refused.expect(422);
        refused["request_id"] = Value::Null;
        refusals.push(refused);
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0]["errors"][0]["code"], "not_found");
    assert_eq!(world.count("select count(*) from subjects").await, before);
    assert_eq!(world.count("select count(*) from follow_ups").await, 0);
}

#[tokio::test]
async fn submissions_of_one_subject_are_listed_newest_first() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let mut sent = Vec::new();
    let mut subject = Value::Null;
    for answers in [fit(), frail(), fit(), frail(), fit()] {
        let body = json!({"answers": answers, "subject": {"reference": "MRN-1"}});
        let receipt = one.intake.submit(&body).await.expect(201);
        one.browser.submit(&json!({"answers": fit()})).await.expect(201);
        sent.insert(0, receipt["id"].clone());
        subject = receipt["subject_id"].clone();
    }
    let path = format!("/v1/subjects/{}/submissions", subject.as_str().unwrap());
    let (mut listed, mut next) = (Vec::new(), Some(format!("{path}?limit=2")));
    while let Some(address) = next {
        let page = one.staff.get(&address).await.expect(200);
        listed.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        next = page["next_cursor"].as_str().map(|cursor| format!("{path}?limit=2&cursor={cursor}"));
    }
    assert_eq!(listed, sent);
    two.staff.get(&path).await.expect(404);
    one.intake.get(&path).await.expect(403);
}

#[tokio::test]
async fn a_database_dump_contains_no_identifying_data() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (mut secrets, mut controls) = (Vec::new(), Vec::new());
    for index in 0..10 {
        let reference = format!("Referencia-{index}-Zq7");
        let (name, local) = (format!("Wilhelmina{index} Ötzkowski"), format!("wilhelmina{index}.oetz"));
        let (telephone, email) = (format!("+34 655 90{index} 417"), format!("{local}@correo.example"));
        let subject = json!({"reference": reference, "consent": consent(true),
            "contact": {"name": name, "telephone": telephone, "email": email}});
        let key = format!("retry-{index}");
        let receipt =
            clinic.intake.submit_once(&key, &json!({"answers": frail(), "subject": subject})).await.expect(201);
        controls.push(receipt["id"].as_str().unwrap().to_owned());
        secrets.extend([format!("Wilhelmina{index}"), "Ötzkowski".into(), format!("65590{index}417"), reference, name]);
        secrets.extend([telephone, local, email]);
    }
    // Keys of the clinic are not readable either.
    for user in [&clinic.browser, &clinic.intake, &clinic.staff, &clinic.admin] {
        secrets.push(user.key.as_deref().unwrap()[17..].to_owned());
    }
    assert_eq!(search(&clinic.staff, "name", "wilhelmina3 ötzkowski").await.len(), 1);
    let dump = dump_of(&world.database).await.to_lowercase();
    for table in ["idempotency_keys", "follow_ups"] {
        assert!(has_rows(&dump, table), "the dump lacks {table}");
    }
    for control in controls {
        assert!(dump.contains(&control), "the dump lacks the submission {control}");
    }
    for secret in secrets {
        let lower = secret.to_lowercase();
        for form in [&secret, &lower] {
            let hex = data_encoding::HEXLOWER.encode(form.as_bytes());
            let base64 = data_encoding::BASE64.encode(form.as_bytes()).to_lowercase();
            for readable in [lower.clone(), hex, base64.trim_end_matches('=').to_owned()] {
                assert!(!dump.contains(&readable), "the dump holds {readable}, which is {secret}");
            }
        }
    }
}

fn has_rows(dump: &str, table: &str) -> bool {
    dump.to_lowercase().contains(&format!("insert into public.{table} "))
}

/// The contents of a database, dumped by its owner with the program of the running server.
pub(crate) async fn dump_of(database: &PgConnectOptions) -> String {
    let sql = "select setting from pg_config where name = 'BINDIR'";
    let folder: String = sqlx::query_scalar(sql).fetch_one(&mut database.connect().await.unwrap()).await.unwrap();
    let program = Path::new(&folder).join("pg_dump");
    assert!(program.exists(), "{} is missing: the test needs it to dump the database", program.display());
    let dumped = std::process::Command::new(program)
        .args(["--inserts", "--no-password", "--host"])
        .arg(database.get_socket().unwrap())
        .args(["--port", &database.get_port().to_string(), "--username", database.get_username()])
        .arg(database.get_database().unwrap())
        .output()
        .unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let text = String::from_utf8(dumped.stdout).unwrap();
    for table in ["subjects", "submissions", "audit_entries", "credentials"] {
        assert!(has_rows(&text, table), "the dump lacks {table}");
    }
    text
}
