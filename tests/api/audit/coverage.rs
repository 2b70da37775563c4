//! Every operation of the document writes exactly one audit entry per request, whatever its outcome.

use sarcoscreen::domain::access::actor::Role;
use uuid::Uuid;

use super::{Entry, entries_of, fresh_id};
use crate::access::{Operation, Rows, call, operations, ready, request};
use crate::world::{Answer, Clinic, User, World};

/// Operations with a key that show no data of a subject and change nothing.
const NOT_AUDITED: [&str; 4] = ["count_follow_up_changes", "create_score", "get_me", "list_staff"];

/// Sends a request with a new request id, and returns its audit entries.
async fn send(world: &World, user: &User, operation: &Operation, rows: &Rows) -> (Answer, Vec<Entry>) {
    let id = fresh_id();
    let answer = user.send(request(user, operation, rows).header("x-request-id", id.to_string())).await;
    assert_eq!(answer.header("x-request-id"), id.to_string());
    (answer, entries_of(&mut world.connect().await, id).await)
}

fn one(operation: &Operation, who: &str, entries: Vec<Entry>) -> Entry {
    let [entry] = <[Entry; 1]>::try_from(entries)
        .unwrap_or_else(|entries| panic!("{} as {who} wrote {} entries: {entries:?}", operation.id, entries.len()));
    let action = operation.action.unwrap_or_else(|| panic!("{} has no x-audit-action", operation.id));
    assert_eq!(entry.action, action.as_str(), "{} as {who}", operation.id);
    entry
}

/// A new clinic for each operation, so that operations do not affect each other.
async fn clinic_for(world: &World, operation: &Operation) -> (Clinic, Rows) {
    let clinic = world.clinic(&operation.id).await;
    let rows = Rows::of(world, &clinic).await;
    let rows = ready(world, &clinic, &clinic.admin, operation, &rows).await;
    (clinic, rows)
}

#[tokio::test]
async fn each_success_writes_one_entry_that_lists_all_shown_subjects() {
    let world = World::new().await;
    let mut covered = 0;
    for operation in operations(&world).await.into_iter().filter(|one| one.least.is_some()) {
        let (clinic, rows) = clinic_for(&world, &operation).await;
        let (answer, entries) = send(&world, &clinic.admin, &operation, &rows).await;
        assert_eq!(answer.status, call(&operation, &rows).2, "{}: {}", operation.id, answer.text);
        if NOT_AUDITED.contains(&&*operation.id) {
            assert_eq!(entries.len(), 0, "{} shows no data of a subject", operation.id);
            continue;
        }
        covered += 1;
        let entry = one(&operation, "admin", entries);
        assert_eq!(entry.outcome, "success", "{}", operation.id);
        let person = Uuid::parse_str(&rows.subject).unwrap();
        // An export is one audit entry for all subjects that its filter matches, without their ids.
        let unnamed = ["list_audit_entries", "get_follow_up_export", "get_submission_export"];
        if answer.text.contains(&rows.subject) && !unnamed.contains(&operation.id.as_str()) {
            assert!(entry.subjects.contains(&person), "{} showed a subject that its entry lacks", operation.id);
        }
        if answer.text.contains(&entry.resource.to_string()) || operation.path.contains("{id}") {
            assert!(!entry.resource.is_nil(), "the entry of {} names no resource", operation.id);
        }
    }
    println!("{covered} operations write one success entry each");
    assert!(covered >= 9);
}

#[tokio::test]
async fn each_refusal_writes_one_entry_with_its_outcome_and_target() {
    let world = World::new().await;
    let (mut refused, mut absent) = (0, 0);
    for operation in operations(&world).await {
        let Some(least) = operation.least.filter(|_| !NOT_AUDITED.contains(&&*operation.id)) else { continue };
        let (clinic, rows) = clinic_for(&world, &operation).await;
        let (answer, entries) = send(&world, &world.holder(None), &operation, &rows).await;
        assert_eq!((answer.status, entries.len()), (401, 0), "{} without a key", operation.id);
        let users = [(Role::Browser, &clinic.browser), (Role::Intake, &clinic.intake), (Role::Staff, &clinic.staff)];
        for (role, user) in users.into_iter().filter(|(role, _)| *role < least) {
            let (answer, entries) = send(&world, user, &operation, &rows).await;
            assert_eq!(answer.status, 403, "{} as {}", operation.id, role.as_str());
            let entry = one(&operation, role.as_str(), entries);
            assert_eq!(entry.outcome, "refused", "{} as {}", operation.id, role.as_str());
            named(&operation, &entry, &call(&operation, &rows).0);
            refused += 1;
        }
        if operation.path.contains("{id}") {
            let (answer, entries) = send(&world, &clinic.admin, &operation, &Rows::unknown()).await;
            let entry = one(&operation, "admin, of what is not there", entries);
            assert_eq!((answer.status, &*entry.outcome), (404, "not_found"), "{}", operation.id);
            named(&operation, &entry, &call(&operation, &Rows::unknown()).0);
            absent += 1;
        }
    }
    println!("{refused} refusals by role, {absent} for missing rows: one entry each");
    assert!(refused >= 12 && absent >= 4);
}

/// The entry has the id in the path, and the subject if that id is a subject's.
fn named(operation: &Operation, entry: &Entry, path: &str) {
    let id = path.split('/').find_map(|part| Uuid::parse_str(part).ok());
    assert_eq!(entry.resource, id.unwrap_or_default(), "{}", operation.id);
    if operation.path.starts_with("/v1/subjects/{id}") {
        assert_eq!(entry.subjects, [id.unwrap()], "{}", operation.id);
    }
}

#[tokio::test]
async fn faulty_requests_are_audited_except_for_browser_keys() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let id = || fresh_id().to_string();
    let faulty = |user: &User, id: &str| user.request("POST", "/v1/submissions").header("x-request-id", id).json(&1);
    for (user, entries) in [(&clinic.browser, 0), (&clinic.intake, 1), (&clinic.staff, 1)] {
        let id = id();
        assert_eq!(user.send(faulty(user, &id)).await.status, 422);
        let found = entries_of(&mut world.connect().await, id.parse().unwrap()).await;
        assert_eq!(found.len(), entries);
        assert!(found.iter().all(|entry| entry.outcome == "invalid" && entry.action == "submission_created"));
    }
    for (path, status, outcome) in
        [("/v1/submissions?limit=none", 400, "invalid"), ("/v1/follow-ups/no-id", 404, "not_found")]
    {
        let id = id();
        let request = clinic.staff.request("GET", path).header("x-request-id", &id);
        assert_eq!(clinic.staff.send(request).await.status, status);
        let found = entries_of(&mut world.connect().await, id.parse().unwrap()).await;
        assert_eq!((found.len(), &*found[0].outcome), (1, outcome), "{path}");
        assert!(found[0].resource.is_nil());
    }
}
