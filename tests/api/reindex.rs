//! `reindex`: subjects that an earlier version stored are found like new ones.

use sarcoscreen::app::clinics;
use sarcoscreen::app::subjects::reindex;
use sarcoscreen::domain::clinics::Profile;
use sarcoscreen::domain::ids::ClinicId;
use sarcoscreen::domain::subjects::LookUp;
use sarcoscreen::store::database::keys::{Keys, MasterKey, Place};
use serde_json::{Value, json};
use sqlx::Executor as _;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::rule_tables::Terminal;
use crate::searching::{TERMS, found, in_country, submit};
use crate::world::{Clinic, World, fit};

/// Number of subjects of the interrupted run: three batches.
const MANY: usize = 1_200;

/// Subjects that the version before 0051 stored, or that changed contact data in it.
const EARLIER: &str =
    "select count(*) from subjects where search_form is null or not reference_in_nfc or name_hash is not null";

fn keys() -> Keys {
    let keys = Keys::derive(&[MasterKey::parse(&MasterKey::text(&[7; 32])).unwrap()]).unwrap();
    keys.set_versions(vec![1]);
    keys
}

/// Rewrites a subject as the version before 0051 stored it.
async fn as_before(world: &World, clinic: &Clinic, subject: &str, reference: &str, name: &str) {
    let (keys, subject, mut owner) = (keys(), subject.parse::<Uuid>().unwrap(), world.connect().await);
    let hash = keys.blind_index(clinic.id, LookUp::Reference, reference);
    let sealed = keys.seal(Place::reference(ClinicId(clinic.id), &hash), reference).unwrap();
    let sql =
        "update subjects set search_form = null, reference_in_nfc = false, contact_language = null, name_hash = $2,
                   reference_hash = $3, reference_sealed = $4 where subject_id = $1";
    let name = keys.blind_index(clinic.id, LookUp::Name, &LookUp::Name.normalize(name));
    sqlx::query(sql).bind(subject).bind(&name[..]).bind(&hash[..]).bind(sealed).execute(&mut owner).await.unwrap();
    let terms = "delete from subject_search_terms where subject_id = $1";
    sqlx::query(terms).bind(subject).execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn subjects_of_an_earlier_version_are_found_like_new_ones() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    in_country(&world, &clinic, "ES").await;
    let contact = json!({"name": "Ana Núñez", "telephone": "+34 600 111 222", "language": "es"});
    let subject = submit(&clinic.intake, "PEÑA-7", contact).await;
    as_before(&world, &clinic, &subject, "PEN\u{303}A-7", "Ana Núñez").await;
    // Until then it is found as before, and its reference still belongs to it.
    assert_eq!(found(&clinic.staff, "name", "ANA NÚÑEZ").await, std::slice::from_ref(&subject));
    for (by, text) in [("name", "nunez"), ("telephone", "600 111 222")] {
        assert!(found(&clinic.staff, by, text).await.is_empty(), "{by}");
    }
    for reference in ["PEÑA-7", "PEN\u{303}A-7"] {
        assert_eq!(found(&clinic.staff, "reference", reference).await, std::slice::from_ref(&subject));
        assert_eq!(submit(&clinic.intake, reference, json!({})).await, subject);
    }

    let terminal = Terminal::at(&world);
    assert_eq!(terminal.said(&["reindex", "--clinic", "One"]), "all subjects are indexed\n");
    for (by, text) in [("name", "nunez"), ("telephone", "600 111 222"), ("reference", "PEÑA-7")] {
        assert_eq!(found(&clinic.staff, by, text).await, std::slice::from_ref(&subject), "{by}");
    }
    assert_eq!(submit(&clinic.intake, "PEÑA-7", json!({})).await, subject);
    assert_eq!(world.count(EARLIER).await, 0);
    let language = "select count(*) from subjects where contact_language = 'es'";
    assert_eq!(world.count(language).await, 1, "the worklist can be filtered by the language of contact");
    let shown = clinic.staff.get(&format!("/v1/subjects/{subject}")).await.expect(200);
    assert_eq!((&shown["contact"]["name"], &shown["reference"]), (&json!("Ana Núñez"), &json!("PEÑA-7")));
    // Nothing is left to do.
    let none = reindex::run(&world.app, None, |now| panic!("{now:?}")).await.unwrap();
    assert_eq!((none.left, none.twins.len()), (0, 0));
}

#[tokio::test]
async fn references_that_differ_in_their_unicode_form_are_listed_until_staff_merge_them() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let composed = submit(&clinic.intake, "PEÑA-7", json!({"name": "Ana Ruiz"})).await;
    let decomposed = submit(&clinic.intake, "other", json!({"name": "Ana Ruiz"})).await;
    as_before(&world, &clinic, &decomposed, "PEN\u{303}A-7", "Ana Ruiz").await;
    let terminal = Terminal::at(&world);
    let line =
        format!("the references of subject {decomposed} and subject {composed} differ only in their Unicode form");
    for _ in 0..2 {
        let said = terminal.said(&["reindex"]);
        assert!(said.contains(&line) && said.ends_with("all subjects are indexed\n") && !said.contains("PE"), "{said}");
    }
    // Both are found by name, and the reference of the one that stays in NFD is still readable.
    assert_eq!(found(&clinic.staff, "name", "ruiz").await.len(), 2);
    assert_eq!(found(&clinic.staff, "reference", "PEÑA-7").await.len(), 2);
    assert_eq!(submit(&clinic.intake, "PEÑA-7", json!({})).await, composed);
    let path = format!("/v1/subjects/{composed}");
    let tag = clinic.staff.get(&path).await.header("etag").to_owned();
    let request = clinic.staff.request("POST", &format!("{path}/merge")).header("if-match", tag);
    clinic.staff.send(request.json(&json!({"merged": decomposed}))).await.expect(200);
    assert_eq!(terminal.said(&["reindex"]), "all subjects are indexed\n");
    assert_eq!(found(&clinic.staff, "reference", "PEN\u{303}A-7").await, [composed]);
    assert_eq!(world.count(EARLIER).await, 0);
}

#[tokio::test]
async fn a_reference_of_an_earlier_version_that_may_identify_two_people_is_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let stored = clinics::list(&world.app).await.unwrap().into_iter().find(|one| one.clinic_id.0 == clinic.id).unwrap();
    let profile = Profile { reference_systems: vec!["urn:a".to_owned()], ..stored.profile };
    let stored = sarcoscreen::domain::clinics::Clinic { profile, ..stored };
    clinics::change(&world.app, &stored).await.unwrap();
    let plain = submit(&clinic.intake, "1", json!({})).await;
    let with_system = submit(&clinic.intake, "2", json!({})).await;
    as_before(&world, &clinic, &plain, "PEN\u{303}A-7", "Ana").await;
    // A reference system that the clinic names now, and stored before it did.
    as_before(&world, &clinic, &with_system, "urn:a\u{1f}PEN\u{303}A-7", "Eva").await;
    for system in [None, Some("urn:x")] {
        let body = json!({"answers": fit(), "subject": {"reference": "PEÑA-7", "reference_system": system}});
        let refused = clinic.intake.submit(&body).await;
        assert_eq!(refused.pointers(), ["/subject/reference_system"], "{system:?}");
        refused.expect(422);
    }
    assert_eq!(world.count("select count(*) from subjects").await, 2);
}

#[tokio::test]
async fn telephone_numbers_follow_the_country_of_the_clinic() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let contact = json!({"name": "Ana", "telephone": "06 12 34 56 78"});
    let subject = submit(&clinic.intake, "R-1", contact).await;
    let terminal = Terminal::at(&world);
    let set = ["clinics", "set", "--clinic", "One", "--country", "FR"];
    assert!(terminal.said(&set).contains("  FR"));
    terminal.said(&["reindex"]);
    // A new instance knows the country at once.
    let app = crate::world::app(&world.database, std::sync::Arc::new(sarcoscreen::app::ambient::System), &[7], None);
    app.prepare().await.unwrap();
    let (base, _) = crate::world::serve(app.clone());
    for spelling in ["+33 6 12 34 56 78", "0033 612345678", "0612345678"] {
        assert_eq!(
            found(&clinic.staff.at(&base), "telephone", spelling).await,
            std::slice::from_ref(&subject),
            "{spelling}"
        );
    }
    sarcoscreen::app::health::close(&app).await;
}

#[tokio::test]
async fn an_interrupted_run_is_continued_by_the_next() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let submission = |index: usize| {
        let subject = json!({"reference": format!("R-{index}"), "contact": {"name": format!("Ána {index}")}});
        json!({"submission": {"answers": fit(), "subject": subject}})
    };
    for part in [0..MANY / 2, MANY / 2..MANY] {
        let items: Vec<Value> = part.map(submission).collect();
        clinic.intake.post("/v1/submissions/batch", &json!({"items": items})).await.expect(200);
    }
    let terms = world.count(TERMS).await;
    let mut owner = world.connect().await;
    owner.execute("delete from subject_search_terms; update subjects set search_form = null").await.unwrap();

    let (seen, mut batches) = mpsc::unbounded_channel();
    let app = world.app.clone();
    let run = tokio::spawn(async move {
        reindex::run(&app, None, move |now| {
            let _ = seen.send(now);
        })
        .await
    });
    let first = batches.recv().await.unwrap();
    run.abort();
    assert!(run.await.is_err_and(|error| error.is_cancelled()), "it ended before it was interrupted");
    let left = world.count(EARLIER).await;
    assert!(0 < left && left < i64::try_from(MANY).unwrap(), "{left} after {first:?}");

    let mut done = 0;
    let remainder = reindex::run(&world.app, None, |now| done = now.done).await.unwrap();
    assert_eq!((remainder.left, i64::try_from(done).unwrap()), (0, left), "only what was left is indexed");
    assert_eq!((world.count(EARLIER).await, world.count(TERMS).await), (0, terms));
    assert_eq!(found(&clinic.staff, "name", "ana 17").await.len(), 1);
}

#[tokio::test]
async fn a_rotation_of_the_master_key_makes_the_terms_anew() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = submit(&clinic.intake, "R-1", json!({"name": "Ana Núñez"})).await;
    let earlier = "create table earlier as select term_hash from subject_search_terms";
    world.connect().await.execute(earlier).await.unwrap();
    let ambient = std::sync::Arc::new(sarcoscreen::app::ambient::System);
    let rotating = crate::world::app(&world.database, ambient, &[8, 7], None);
    rotating.prepare().await.unwrap();
    let (base, _) = crate::world::serve(rotating.clone());
    let staff = clinic.staff.at(&base);
    assert_eq!(found(&staff, "name", "nunez ana").await, std::slice::from_ref(&subject), "found with the earlier key");
    sarcoscreen::app::rotation::rotate(&rotating, |_| ()).await.unwrap();
    assert_eq!(found(&staff, "name", "nunez ana").await, [subject]);
    assert_eq!(world.count("select count(*) from subject_search_terms join earlier using (term_hash)").await, 0);
    assert_eq!(world.count(TERMS).await, 3);
    sarcoscreen::app::health::close(&rotating).await;
}
