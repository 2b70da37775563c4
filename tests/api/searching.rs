//! Search of contact data: spellings of names, e-mail addresses and telephone numbers; changes, merges and erasures of what is
//! found.

use sarcoscreen::app::clinics;
use sarcoscreen::domain::clinics::Profile;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::world::{Clinic, User, World, fit};

pub(crate) const TERMS: &str = "select count(*) from subject_search_terms";

/// Sets the country of a clinic that has not served a request yet.
pub(crate) async fn in_country(world: &World, clinic: &Clinic, country: &str) {
    let all = clinics::list(&world.app).await.unwrap();
    let stored = all.into_iter().find(|one| one.clinic_id.0 == clinic.id).unwrap();
    let profile = Profile { country: Some(country.to_owned()), ..stored.profile };
    let changed = sarcoscreen::domain::clinics::Clinic { profile, ..stored };
    clinics::change(&world.app, &changed).await.unwrap();
}

/// Submits for a subject and returns the subject's id.
pub(crate) async fn submit(user: &User, reference: &str, contact: Value) -> String {
    let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-02T03:04:05Z"});
    let subject = json!({"reference": reference, "contact": contact, "consent": consent});
    let receipt = user.submit(&json!({"answers": fit(), "subject": subject})).await.expect(201);
    receipt["subject_id"].as_str().unwrap().to_owned()
}

/// The ids of the subjects found, in ascending order.
pub(crate) async fn found(user: &User, by: &str, text: &str) -> Vec<String> {
    let page = user.post("/v1/subjects/search", &json!({by: text})).await.expect(200);
    let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

fn sorted(mut ids: Vec<&String>) -> Vec<String> {
    ids.sort();
    ids.into_iter().cloned().collect()
}

#[tokio::test]
async fn subjects_are_found_by_any_spelling_of_their_contact_data() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    in_country(&world, &clinic, "ES").await;
    let contact =
        json!({"name": "José Núñez O’Brien", "telephone": "+34 600-111 222", "email": "jose.o'brien@mail.example"});
    let jose = submit(&clinic.intake, "R-1", contact).await;
    let contact = json!({"name": "Eva Nun\u{303}ez", "telephone": "600 333 444", "email": "eva@mail.example"});
    let eva = submit(&clinic.intake, "R-2", contact).await;
    let one_of_them = [
        (
            "name",
            &[
                "JOSE NUNEZ OBRIEN",
                "o'brien",
                "Jose\u{301} Nu\u{301}n\u{303}ez",
                "nuñez jose",
                "José  Núñez\u{a0}O Brien",
            ][..],
        ),
        ("telephone", &["600 111 222", "0034600111222", "(34) 600.111.222", "+34 600 111 222 x 5"]),
        ("email", &["JOSE.O’BRIEN@mail.example", " josé.o'brien@mail.example"]),
    ];
    for (by, spellings) in one_of_them {
        for spelling in spellings {
            assert_eq!(found(&clinic.staff, by, spelling).await, std::slice::from_ref(&jose), "{by} {spelling}");
        }
    }
    assert_eq!(found(&clinic.staff, "telephone", "+34 600 333 444").await, std::slice::from_ref(&eva));
    assert_eq!(
        found(&clinic.staff, "name", "nunez").await,
        sorted(vec![&jose, &eva]),
        "several subjects have the word"
    );
    for (by, text) in [
        ("name", "Jose Eva"),
        ("name", "nun"),
        ("name", "jose nunez obrien garcia"),
        ("telephone", "600 111 223"),
        ("email", "joseobrien@mail.example"),
        ("name", "600111222"),
    ] {
        assert!(found(&clinic.staff, by, text).await.is_empty(), "{by} {text}");
    }
    // Another clinic finds nothing, and its own subject by the same name.
    let other = world.clinic("Two").await;
    assert!(found(&other.staff, "name", "nunez").await.is_empty());
    let theirs = submit(&other.intake, "R-1", json!({"name": "Ana Núñez"})).await;
    assert_eq!(found(&other.staff, "name", "nunez").await, [theirs]);
}

#[tokio::test]
async fn a_whole_name_comes_before_the_longer_names_that_fill_the_limit() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let ana = submit(&clinic.intake, "R-0", json!({"name": "Ana Ruiz"})).await;
    for number in 1..=50 {
        submit(&clinic.intake, &format!("R-{number}"), json!({"name": format!("Ana Ruiz Gómez {number}")})).await;
    }
    let page = clinic.staff.post("/v1/subjects/search", &json!({"name": "ana ruíz"})).await.expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["id"]), (50, &json!(ana)));
}

#[tokio::test]
async fn a_reference_is_one_subject_in_any_unicode_form() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = submit(&clinic.intake, "PEN\u{303}A-7", json!({})).await;
    assert_eq!(submit(&clinic.intake, " PEÑA-7 ", json!({})).await, subject);
    for other in ["PENA-7", "peña-7"] {
        assert_ne!(submit(&clinic.intake, other, json!({})).await, subject, "{other}");
    }
    for spelling in ["PEÑA-7", "PEN\u{303}A-7 "] {
        assert_eq!(found(&clinic.staff, "reference", spelling).await, std::slice::from_ref(&subject));
    }
    assert_eq!(clinic.staff.get(&format!("/v1/subjects/{subject}")).await.expect(200)["reference"], "PEÑA-7");
    assert_eq!(world.count("select count(*) from subjects").await, 3);
}

#[tokio::test]
async fn replaced_and_removed_contact_data_is_no_longer_found() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = submit(&clinic.intake, "R-1", json!({"name": "Ana Ruiz", "email": "ana@mail.example"})).await;
    let replace = async |contact: Value| {
        let path = format!("/v1/subjects/{subject}");
        let tag = clinic.staff.get(&path).await.header("etag").to_owned();
        let request = clinic.staff.request("PUT", &format!("{path}/contact")).header("if-match", tag);
        clinic.staff.send(request.json(&contact)).await.expect(200);
    };
    replace(json!({"name": "Ana Gómez", "email": null})).await;
    assert_eq!(found(&clinic.staff, "name", "gomez ana").await, std::slice::from_ref(&subject));
    for (by, text) in [("name", "ruiz"), ("email", "ana@mail.example")] {
        assert!(found(&clinic.staff, by, text).await.is_empty(), "{by}");
    }
    // A later submission adds an address and keeps the name.
    submit(&clinic.intake, "R-1", json!({"email": "gomez@mail.example"})).await;
    for (by, text) in [("name", "gomez"), ("email", "GOMEZ@mail.example")] {
        assert_eq!(found(&clinic.staff, by, text).await, std::slice::from_ref(&subject), "{by}");
    }
    replace(json!({})).await;
    assert!(found(&clinic.staff, "name", "gomez").await.is_empty());
    assert_eq!(world.count(TERMS).await, 0);
}

#[tokio::test]
async fn a_merged_subject_is_found_by_both_names_until_the_merge_is_undone() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let kept = submit(&clinic.intake, "R-1", json!({"name": "Ana Ruiz"})).await;
    let merged = submit(&clinic.intake, "R-2", json!({"name": "Anna Ruíz Gómez"})).await;
    let path = format!("/v1/subjects/{kept}");
    let tag = clinic.staff.get(&path).await.header("etag").to_owned();
    let request = clinic.staff.request("POST", &format!("{path}/merge")).header("if-match", tag);
    let merge = clinic.staff.send(request.json(&json!({"merged": merged}))).await.expect(200);
    for name in ["ana", "gomez", "ruiz"] {
        assert_eq!(found(&clinic.staff, "name", name).await, std::slice::from_ref(&kept), "{name}");
    }
    let undo = format!("{path}/merges/{}/undo", merge["id"].as_str().unwrap());
    clinic.staff.send(clinic.staff.request("POST", &undo)).await.expect(200);
    assert_eq!(found(&clinic.staff, "name", "gomez").await, std::slice::from_ref(&merged));
    assert_eq!(found(&clinic.staff, "name", "ruiz").await, sorted(vec![&kept, &merged]));
}

#[tokio::test]
async fn an_erased_subject_has_no_terms_and_the_terms_of_others_stay() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let erased = submit(&clinic.intake, "R-1", json!({"name": "Ana Ruiz", "telephone": "600 111 222"})).await;
    let stays = submit(&clinic.intake, "R-2", json!({"name": "Eva Ruiz"})).await;
    // Three terms of a name, and one of a number without a country.
    assert_eq!(world.count(TERMS).await, 7);
    let path = format!("/v1/subjects/{erased}");
    clinic.admin.send(clinic.admin.request("DELETE", &path)).await.expect(204);
    assert_eq!(world.count(TERMS).await, 3);
    assert_eq!(found(&clinic.staff, "name", "ruiz").await, [stays]);
}

#[tokio::test]
async fn terms_are_stored_as_hashes_that_differ_between_clinics() {
    let world = World::new().await;
    for name in ["One", "Two"] {
        let clinic = world.clinic(name).await;
        submit(&clinic.intake, "R-1", json!({"name": "Wilhelmina"})).await;
    }
    assert_eq!(world.count("select count(distinct term_hash) from subject_search_terms").await, 2);
    assert_eq!(world.count("select count(*) from subject_search_terms where length(term_hash) = 32").await, 2);
    // The index of terms serves the search under row security.
    let mut owner = world.connect().await;
    owner.execute("begin; set local role sarcoscreen_app; set local enable_seqscan = off").await.unwrap();
    let plan = "explain select subject_id from subject_search_terms
                where clinic_id = '00000000-0000-0000-0000-0000000000c1' and term_hash = any(array[sha256('a')])";
    let plan: Vec<String> = sqlx::query_scalar(plan).fetch_all(&mut owner).await.unwrap();
    assert!(plan.iter().any(|line| line.contains("subject_search_terms_term_idx")), "{plan:#?}");
}
