//! Senders: a sender is a credential with the credentials that replace it. Senders of one clinic share no idempotency keys,
//! cannot find each other's records by an identifier, and cannot correct each other's submissions.

use sarcoscreen::domain::access::actor::Role;
use serde_json::{Value, json};

use crate::fhir::{create_once, identified, search};
use crate::world::{Answer, Clinic, User, World, fit, frail};

const SUBMISSIONS: &str = "select count(*) from submissions";

/// A clinic with a second intake system.
async fn two_systems(world: &World) -> (Clinic, User) {
    let clinic = world.clinic("One").await;
    let other = world.user(clinic.id, Role::Intake, None).await;
    (clinic, other)
}

/// The id of the credential that belongs to a key, from the list that an admin reads.
pub(crate) async fn credential(admin: &User, holder: &User) -> String {
    let list = admin.get("/v1/credentials").await.expect(200);
    let key = holder.key.as_deref().unwrap();
    let items = list["items"].as_array().unwrap();
    let own = items.iter().find(|one| one["key_prefix"].as_str().is_some_and(|prefix| key.starts_with(prefix)));
    own.unwrap()["id"].as_str().unwrap().to_owned()
}

/// A new key of the same sender.
pub(crate) async fn replaced(world: &World, clinic: &Clinic, old: &User, role: &str) -> User {
    let id = credential(&clinic.admin, old).await;
    let body = json!({"role": role, "display_name": "New key", "replaces": id});
    let minted = clinic.admin.post("/v1/credentials", &body).await.expect(201);
    world.holder(minted["key"].as_str())
}

fn id(answer: Answer) -> String {
    answer.expect(201)["id"].as_str().unwrap().to_owned()
}

/// A response without its request id.
fn content_of(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for part in ["request_id", "instance"] {
        body.as_object_mut().unwrap().remove(part);
    }
    (answer.status, body)
}

#[tokio::test]
async fn one_idempotency_key_of_two_senders_identifies_two_requests() {
    let world = World::new().await;
    let (clinic, other) = two_systems(&world).await;
    let browser = world.user(clinic.id, Role::Browser, None).await;
    let staff = world.user(clinic.id, Role::Staff, None).await;
    let same = json!({"answers": frail()});
    let mut seen = std::collections::HashSet::new();
    for (first, second) in [(&clinic.intake, &other), (&clinic.browser, &browser), (&clinic.staff, &staff)] {
        let receipt = first.submit_once("k", &same).await.expect(201);
        assert_eq!(first.submit_once("k", &same).await.expect(201), receipt);
        let own = second.submit_once("k", &same).await.expect(201);
        assert_ne!((&own["id"], &own["subject_id"]), (&receipt["id"], &receipt["subject_id"]));
        second.submit_once("j", &json!({"answers": fit()})).await.expect(201);
        first.submit_once("j", &same).await.expect(201);
        first.submit_once("k", &json!({"answers": fit()})).await.expect(422);
        seen.extend([receipt["id"].clone(), own["id"].clone()]);
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(world.count(SUBMISSIONS).await, 12);
}

#[tokio::test]
async fn one_idempotency_key_of_two_members_of_staff_takes_two_follow_ups() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let second = world.user(clinic.id, Role::Staff, None).await;
    for reference in ["R-1", "R-2"] {
        clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": reference}})).await.expect(201);
    }
    let next = async |user: &User| {
        user.send(user.request("POST", "/v1/follow-ups/next").header("idempotency-key", "k")).await.expect(200)
    };
    let (first, other) = (next(&clinic.staff).await, next(&second).await);
    assert_ne!(first["id"], other["id"]);
    assert_eq!(next(&clinic.staff).await, first);
    // A key that replaces another one gets the response to that key's earlier request.
    let successor = replaced(&world, &clinic, &clinic.staff, "staff").await;
    assert_eq!(next(&successor).await, first);
}

#[tokio::test]
async fn a_conditional_create_finds_only_records_of_its_own_sender() {
    let world = World::new().await;
    let (clinic, other) = two_systems(&world).await;
    let body = identified(&frail(), "a");
    let first = create_once(&clinic.intake, "a", &body).await;
    let second = create_once(&other, "a", &body).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.header("location"), second.header("location"));
    for (user, made) in [(&clinic.intake, &first), (&other, &second)] {
        let found = create_once(user, "a", &body).await;
        assert_eq!((found.status, found.header("location")), (200, made.header("location")));
        assert_eq!(found.json()["id"], made.json()["id"]);
        let page = user.send(search(user, "/fhir/QuestionnaireResponse/_search", &[("identifier", "urn:ehr|a")])).await;
        let entries = page.expect(200)["entry"].as_array().unwrap().clone();
        assert_eq!((entries.len(), &entries[0]["resource"]["id"]), (1, &made.json()["id"]));
    }
    // A submission stored without a condition is found only by its sender too, also in a Bundle.
    let plain = json!({"answers": frail(), "source": {"system": "urn:ehr", "id": "b"}});
    clinic.intake.submit(&plain).await.expect(201);
    clinic.intake.submit(&plain).await.expect(201);
    create_once(&clinic.intake, "b", &identified(&frail(), "b")).await.expect(412);
    let entry = json!({"resource": identified(&frail(), "b"),
        "request": {"method": "POST", "url": "QuestionnaireResponse", "ifNoneExist": "identifier=urn:ehr|b"}});
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry]});
    for status in ["201", "200"] {
        let answer = other.post("/fhir", &bundle).await.expect(200);
        assert_eq!(answer["entry"][0]["response"]["status"], status, "{answer}");
    }
    assert_eq!(world.count(SUBMISSIONS).await, 5);
}

#[tokio::test]
async fn an_intake_key_corrects_only_submissions_of_its_own_sender() {
    let world = World::new().await;
    let (clinic, other) = two_systems(&world).await;
    let own = id(clinic.intake.submit(&json!({"answers": frail()})).await);
    let correcting = |of: &str| json!({"answers": fit(), "supersedes": of});
    let unknown = correcting("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071");
    let by_staff = id(clinic.staff.submit(&json!({"answers": frail()})).await);
    for refused in [correcting(&own), correcting(&by_staff)] {
        let answer = other.submit(&refused).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/supersedes".to_owned()]));
        assert_eq!(content_of(&answer), content_of(&other.submit(&unknown).await));
        let keyed = other.submit_once("k", &refused).await;
        assert_eq!(content_of(&keyed), content_of(&other.submit_once("k", &unknown).await));
        let items = json!({"items": [{"submission": refused, "idempotency_key": "i"}, {"submission": unknown}]});
        let results = other.post("/v1/submissions/batch", &items).await.expect(200);
        let problem = |place: usize| &results["items"][place]["problem"]["errors"];
        assert_eq!((problem(0), &results["items"][0]["status"]), (problem(1), &json!(422)));
    }
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
    assert_eq!(world.count(SUBMISSIONS).await, 2);
    // Its own sender, a key that replaces its own, and staff may correct it.
    let successor = replaced(&world, &clinic, &clinic.intake, "intake").await;
    let corrected = id(clinic.intake.submit_once("k", &correcting(&own)).await);
    assert_eq!(id(clinic.intake.submit_once("k", &correcting(&own)).await), corrected);
    let second = id(successor.submit(&correcting(&corrected)).await);
    let by_staff = id(clinic.staff.submit(&correcting(&second)).await);
    // A retry has the same response although its submission has been corrected since.
    assert_eq!(id(clinic.intake.submit_once("k", &correcting(&own)).await), corrected);
    clinic.intake.submit_once("k", &unknown).await.expect(422);
    // The correction of staff is not the sender's own.
    assert_eq!(clinic.intake.submit(&correcting(&by_staff)).await.pointers(), ["/supersedes"]);
    // A correction belongs to the subject of what it corrects, and is erased with it.
    let read = clinic.intake.get(&format!("/v1/submissions/{own}")).await.expect(200);
    let person = format!("/v1/subjects/{}", read["subject_id"].as_str().unwrap());
    clinic.admin.send(clinic.admin.request("DELETE", &person)).await.expect(204);
    assert_eq!(clinic.intake.submit_once("k", &correcting(&own)).await.pointers(), ["/supersedes"]);
}

#[tokio::test]
async fn a_key_that_replaces_another_is_the_same_sender_in_every_read_and_retry() {
    let world = World::new().await;
    let (clinic, other) = two_systems(&world).await;
    let body = json!({"answers": frail(), "source": {"system": "urn:ehr", "id": "a"}});
    let made = id(clinic.intake.submit_once("k", &body).await);
    let second = replaced(&world, &clinic, &clinic.intake, "intake").await;
    // A replacement of a replacement, and of a revoked key, is still the same sender.
    let third = replaced(&world, &clinic, &second, "intake").await;
    let revoked = format!("/v1/credentials/{}", credential(&clinic.admin, &second).await);
    clinic.admin.send(clinic.admin.request("DELETE", &revoked)).await.expect(204);
    let fourth = replaced(&world, &clinic, &second, "intake").await;
    let reads = [
        format!("/v1/submissions/{made}"),
        format!("/fhir/QuestionnaireResponse/{made}"),
        format!("/fhir/RiskAssessment/{made}"),
        format!("/fhir/Observation/{made}-score"),
    ];
    for user in [&third, &fourth] {
        assert_eq!(id(user.submit_once("k", &body).await), made);
        let found = create_once(user, "a", &identified(&frail(), "a")).await;
        assert_eq!((found.status, &found.json()["id"]), (200, &json!(made)));
        for path in &reads {
            user.get(path).await.expect(200);
        }
        for list in ["QuestionnaireResponse", "RiskAssessment", "Observation"] {
            let page = user.get(&format!("/fhir/{list}")).await;
            assert!(page.text.contains(&made), "{}", page.text);
        }
        let extract = format!("/fhir/QuestionnaireResponse/{made}/$extract");
        user.post(&extract, &json!({"resourceType": "Parameters"})).await.expect(200);
    }
    for path in &reads {
        other.get(path).await.expect(404);
    }
    let page = other.get("/fhir/QuestionnaireResponse").await.expect(200);
    assert!(page.get("entry").is_none_or(|entries| entries.as_array().unwrap().is_empty()), "{page}");
    // The old key reads what the new one submits: they are one sender while both work.
    let newer = id(fourth.submit(&json!({"answers": fit()})).await);
    clinic.intake.get(&format!("/v1/submissions/{newer}")).await.expect(200);
}

#[tokio::test]
async fn a_credential_replaces_only_one_of_the_same_clinic_and_role() {
    let world = World::new().await;
    let (clinic, _) = two_systems(&world).await;
    let foreign = world.clinic("Two").await;
    let before = world.count("select count(*) from credentials").await;
    let ids = [
        (json!("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071"), "not_found"),
        (json!(credential(&foreign.admin, &foreign.intake).await), "not_found"),
        (json!(credential(&clinic.admin, &clinic.staff).await), "contradiction"),
        (json!(credential(&clinic.admin, &clinic.browser).await), "contradiction"),
    ];
    for (replaces, code) in ids {
        let body = json!({"role": "intake", "display_name": "New key", "replaces": replaces});
        let answer = clinic.admin.post("/v1/credentials", &body).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/replaces".to_owned()]), "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["code"], code, "{}", answer.text);
    }
    let body = json!({"role": "intake", "display_name": "New key", "replaces": "x"});
    assert_eq!(clinic.admin.post("/v1/credentials", &body).await.pointers(), ["/replaces"]);
    assert_eq!(world.count("select count(*) from credentials").await, before);
    let old = credential(&clinic.admin, &clinic.intake).await;
    let body = json!({"role": "intake", "display_name": "New key", "replaces": old});
    let minted = clinic.admin.post("/v1/credentials", &body).await.expect(201);
    assert_eq!(minted["sender_id"], old);
    let list = clinic.admin.get("/v1/credentials").await.expect(200);
    let of = |one: &Value| one["sender_id"] == old;
    assert_eq!(list["items"].as_array().unwrap().iter().filter(|one| of(one)).count(), 2);
}
