//! The re-index of 100,000 subjects as the version before 0051 stored them, and searches afterwards.

use std::time::Instant;

use sarcoscreen::domain::ids::{ClinicId, SubjectId};
use sarcoscreen::domain::subjects::LookUp;
use sarcoscreen::store::database::keys::{Keys, Place};
use serde_json::json;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::seed::{reference, subject_id};
use crate::service::Place as Folder;

const SUBJECTS: u32 = 100_000;
const SEARCHES: u32 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; see tests/long/README.md"]
async fn reindex() {
    let place = Folder::new().await;
    place.run(&["migrate"]);
    let fields = ["--name", "One", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let clinic = place.run(&[&["clinics", "create", "--country", "ES"], &fields[..]].concat());
    let staff = place.run(&["keys", "mint", "--clinic", &clinic, "--role", "staff", "--name", "Measured"]);
    // The first command registers the master key, under version 1.
    let (keys, mut owner) = (Folder::keys(), place.connect().await);
    fill(&mut owner, &keys, clinic.parse().unwrap()).await;
    owner.execute("vacuum (analyze) subjects").await.unwrap();

    println!("\n| run | subjects | seconds | subjects/s |\n|---|---|---|---|");
    for (run, subjects) in [("first", SUBJECTS), ("again", 0)] {
        let start = Instant::now();
        assert_eq!(place.run(&["reindex"]), "all subjects are indexed");
        let seconds = start.elapsed().as_secs_f64();
        println!("| {run} | {subjects} | {seconds:.1} | {:.0} |", f64::from(subjects) / seconds);
    }
    let terms: i64 = count(&mut owner, "select count(*) from subject_search_terms").await;
    let size: i64 = count(&mut owner, "select pg_total_relation_size('subject_search_terms')").await;
    println!("{terms} terms, {} MB with their indexes", size / 1_000_000);
    let left =
        "select count(*) from subjects where search_form is null or not reference_in_nfc or name_hash is not null";
    assert_eq!(count(&mut owner, left).await, 0);

    let service = place.serve();
    println!("\n| search | subjects shown | ms |\n|---|---|---|");
    for (by, text, shown) in [
        ("name", "Persona71999", 1),
        ("name", "garcia persona5", 1),
        ("name", "garcia", 50),
        ("telephone", "600071999", 1),
    ] {
        let start = Instant::now();
        for _ in 0..SEARCHES {
            let page = service.post(&staff, "/v1/subjects/search", &json!({by: text})).await;
            assert_eq!(page["items"].as_array().unwrap().len(), shown, "{text}");
        }
        let millis = start.elapsed().as_secs_f64() * 1_000.0 / f64::from(SEARCHES);
        println!("| {by} {text} | {shown} | {millis:.2} |");
    }
    service.stop();
    drop(place);
}

async fn count(owner: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(owner).await.unwrap()
}

/// Inserts subjects with the columns that the version before 0051 wrote. Every hundredth name has the word García.
async fn fill(owner: &mut PgConnection, keys: &Keys, clinic: Uuid) {
    let all: Vec<u32> = (1..=SUBJECTS).collect();
    for part in all.chunks(10_000) {
        let (mut ids, mut hashes, mut seals) = (Vec::new(), Vec::new(), Vec::new());
        let (mut contacts, mut names) = (Vec::new(), Vec::new());
        for index in part {
            let (subject, reference) = (subject_id(1, *index), reference(1, *index));
            let hash = keys.blind_index(clinic, LookUp::Reference, &reference);
            let surname = if index % 100 == 5 { "García" } else { "Núñez" };
            let name = format!("Persona{index} {surname}");
            let contact = json!({"name": name, "telephone": format!("+34 600 {index:06}"),
                "email": format!("persona{index}@mail.example"), "channel": null, "language": "es"});
            ids.push(subject);
            seals.push(keys.seal(Place::reference(ClinicId(clinic), &hash), &reference).unwrap());
            hashes.push(hash.to_vec());
            contacts
                .push(keys.seal(Place::contact(ClinicId(clinic), SubjectId(subject)), &contact.to_string()).unwrap());
            names.push(keys.blind_index(clinic, LookUp::Name, &LookUp::Name.normalize(&name)).to_vec());
        }
        let sql =
            "insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, contact_sealed, name_hash,
                       consent_to_contact, consent_text_version, consent_given_at, created_at, updated_at)
                   select $1, n.*, true, '1', now(), now(), now()
                   from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[]) n";
        let insert = sqlx::query(sql).bind(clinic).bind(ids).bind(hashes).bind(seals).bind(contacts).bind(names);
        insert.execute(&mut *owner).await.unwrap();
    }
}
