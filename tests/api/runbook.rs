//! The steps of the runbook in `docs/operations.md`, each executed as written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::embedded::place::Place;
use crate::program::{command, run, text};
use crate::replica::standby::until;
use crate::running::{Service, demo_key};
use crate::world::frail;

/// The sections of the runbook, with the number of their steps and the tests that execute them.
const HELD: [(&str, usize, &[&str]); 8] = [
    (
        "The database is away",
        3,
        &["frozen_connections_stop_nothing", "the_service_refuses_in_time_and_recovers_from_any_network_fault"],
    ),
    (
        "The disk is full",
        4,
        &[
            "a_full_database_disk_loses_no_acknowledged_data",
            "a_full_data_folder_of_the_default_run_loses_no_acknowledged_data",
        ],
    ),
    ("A key leaked", 4, &["a_leaked_key_is_replaced_and_its_actions_are_listed", "a_leaked_master_key_is_replaced"]),
    ("A wrong rule table was released", 4, &["a_rule_table_is_compared_and_replayed_on_stored_answers"]),
    (
        "A person asks to be erased",
        4,
        &["a_person_gets_a_copy_and_is_erased", "a_dump_is_restored_into_a_new_cluster_by_the_documented_commands"],
    ),
    (
        "A submission was entered in error",
        3,
        &[
            "an_open_follow_up_prevents_it_and_a_closed_one_leaves_with_its_last_submission",
            "a_restored_backup_erases_the_submission_again",
            "an_erased_correction_reopens_the_follow_up_that_was_closed_because_of_it",
        ],
    ),
    (
        "An upgrade",
        5,
        &[
            "two_versions_on_one_database_refuse_nothing",
            "each_migration_state_has_its_own_message",
            "the_private_database_of_a_newer_program_is_served_with_a_warning",
        ],
    ),
    (
        "Restore into a new cluster",
        6,
        &[
            "a_dump_is_restored_into_a_new_cluster_by_the_documented_commands",
            "a_base_backup_taken_under_load_can_be_served",
        ],
    ),
];

fn tests(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn each_section_of_the_runbook_has_a_test() {
    let page = fs::read_to_string("docs/operations.md").unwrap();
    let runbook = page.split("\n## Runbook\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let step = |line: &&str| {
        line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok())
            || ["sarcoscreen ", "pg_restore "].iter().any(|program| line.starts_with(program))
    };
    let sections: Vec<(&str, usize)> = runbook
        .split("\n### ")
        .skip(1)
        .map(|section| (section.lines().next().unwrap(), section.lines().filter(step).count()))
        .collect();
    assert_eq!(sections, HELD.map(|(section, steps, _)| (section, steps)));
    let mut source = String::new();
    tests(Path::new("tests"), &mut source);
    for test in HELD.iter().flat_map(|(_, _, tests)| *tests) {
        assert!(source.contains(&format!("fn {test}()")), "no test is called {test}");
    }
}

/// The output of a command of the program.
fn done(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The id of the demo clinic.
fn clinic(place: &Place) -> String {
    done(place, &["clinics", "list"]).split_whitespace().next().unwrap().to_owned()
}

/// The id of the demo credential of a role.
async fn credential(service: &Service, admin: &str, role: &str) -> String {
    let page = service.get(admin, "/v1/credentials").await;
    let of_role = |one: &&Value| one["role"] == role;
    page["items"].as_array().unwrap().iter().find(of_role).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_leaked_key_is_replaced_and_its_actions_are_listed() {
    let place = Place::new();
    let service = Service::start(&place);
    let (admin, leaked) = (demo_key(&place, "admin"), demo_key(&place, "intake"));
    let submission = service.submit(&leaked).await.unwrap();
    let id = credential(&service, &admin, "intake").await;

    done(&place, &["keys", "revoke", "--clinic", &clinic(&place), "--id", &id]);
    let path = format!("/v1/submissions/{submission}");
    let refused = async || service.status_with(&leaked, &path).await == 401;
    tokio::time::timeout(Duration::from_secs(5), until("the key is refused", refused)).await.unwrap();
    // As an admin through the API.
    assert_eq!(
        service.delete(&admin, &format!("/v1/credentials/{}", credential(&service, &admin, "browser").await)).await,
        204
    );

    let mint = ["keys", "mint", "--clinic", &clinic(&place), "--role", "intake", "--name", "Next", "--replaces", &id];
    let next = done(&place, &mint).trim().to_owned();
    assert_eq!(service.get(&next, &path).await["id"], *submission);

    let entries = service.get(&admin, &format!("/v1/audit-entries?credential_id={id}&action=submission_created")).await;
    let entries = entries["items"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["credential_id"] == *id), "{entries:?}");
    assert!(entries.iter().any(|entry| entry["resource_id"] == *submission), "{entries:?}");
    service.stop();
}

#[tokio::test]
async fn a_leaked_master_key_is_replaced() {
    let place = Place::new();
    let service = Service::start(&place);
    let keys = ["browser", "intake", "staff", "admin"].map(|role| demo_key(&place, role));
    let submission = service.submit(&keys[1]).await.unwrap();
    service.stop();
    let file = place.data().join("master.key");
    let old = fs::read_to_string(&file).unwrap();
    let new = "5a".repeat(32);
    fs::write(&file, format!("{new}\n{old}")).unwrap();
    let service = Service::start(&place);
    let path = format!("/v1/submissions/{submission}");
    for key in &keys {
        // A credential is converted to the new key when it is used.
        service.status_with(key, &path).await;
    }
    let said = done(&place, &["keys", "rotate-master"]);
    assert!(said.contains("it may be removed from the file of the service"), "{said}");
    service.stop();
    fs::write(&file, format!("{new}\n")).unwrap();
    let service = Service::start(&place);
    assert_eq!(service.get(&keys[2], &path).await["id"], *submission);
    assert!(service.submit(&keys[1]).await.is_some());
    service.stop();
}

#[tokio::test]
async fn a_rule_table_is_compared_and_replayed_on_stored_answers() {
    let place = Place::new();
    let service = Service::start(&place);
    let submission = service.submit(&demo_key(&place, "intake")).await.unwrap();
    let draft = place.path().join("draft");
    let draft = draft.to_str().unwrap();
    done(&place, &["rules", "new", draft]);
    let rules = fs::read_dir(draft).unwrap().count();
    assert!(rules > 1, "{rules}");
    let stored = service.get(&demo_key(&place, "staff"), &format!("/v1/submissions/{submission}")).await;
    let current = stored["assessment"]["rule_table"].as_str().unwrap();
    assert!(done(&place, &["rules", "diff", "2026.1", current]).contains("rule"));
    let replayed = done(&place, &["rules", "replay", "--clinic", &clinic(&place), "--json", "2026.1"]);
    let replayed: Value = serde_json::from_str(&replayed).unwrap();
    assert!(replayed["rows"].as_u64() > Some(0) && replayed["unreadable"] == 0, "{replayed}");
    let path = format!("/v1/submissions/{submission}/assessments?rule_table=2026.1");
    let earlier = service.get(&demo_key(&place, "staff"), &path).await;
    assert!(earlier.to_string().contains("\"2026.1\"") && current != "2026.1", "{earlier}");
    service.stop();
}

#[tokio::test]
async fn a_person_gets_a_copy_and_is_erased() {
    let place = Place::new();
    let service = Service::start(&place);
    let (intake, staff, admin) = (demo_key(&place, "intake"), demo_key(&place, "staff"), demo_key(&place, "admin"));
    let body = json!({"answers": frail(), "subject": {"reference": "runbook-1"}});
    let (status, _) = service.post(&intake, "/v1/submissions", &body).await;
    assert_eq!(status, 201);
    let (_, found) = service.post(&staff, "/v1/subjects/search", &json!({"reference": "runbook-1"})).await;
    let subject = found["items"][0]["id"].as_str().unwrap().to_owned();
    let copy = service.get(&admin, &format!("/v1/subjects/{subject}/export")).await;
    assert!(copy.to_string().contains("runbook-1"), "{copy}");
    let log = place.data().join("erasures.log");
    let lines = || fs::read_to_string(&log).unwrap_or_default().lines().count();
    let before = lines();
    assert_eq!(service.erase(&admin, &subject).await, 204);
    assert_eq!(lines(), before + 1);
    assert_eq!(service.status_with(&staff, &format!("/v1/subjects/{subject}")).await, 404);
    service.stop();
    let restored = command(&place, &["restore", "--erasure-log"]).arg(&log).output().unwrap();
    assert!(restored.status.success(), "{}", text(&restored.stderr));
}
