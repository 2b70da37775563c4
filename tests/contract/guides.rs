//! The guides agree with the document and with the code: roles, operations, types and codes of errors, pages, samples, links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use sarcoscreen::domain::access::actor::{Actor, Role};
use sarcoscreen::domain::fault::FaultCode;
use sarcoscreen::domain::follow_ups::{Content, Correction, FlaggedSubmission, FollowUpCommand, correct, decide, open};
use sarcoscreen::domain::ids::{
    ClinicId, CredentialId, EventId, FollowUpId, SenderId, SubjectId, SubmissionId, WebhookId,
};
use sarcoscreen::domain::page::CURSOR_LIFETIME;
use sarcoscreen::domain::screening::rule_table::Band;
use sarcoscreen::domain::screening::urgency::Urgency;
use sarcoscreen::domain::webhooks::{DisabledReason, Event, WebhookEvent};
use sarcoscreen::http::kernel::problem::ProblemType;
use serde_json::{Value, json};
use uuid::Uuid;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::from_str(&sarcoscreen::http::document()).unwrap()
}

/// The documents of the repository, with their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let all = docs.chain(["README.md", "ARCHITECTURE.md"].map(PathBuf::from));
    let markdown = all.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    markdown.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Each operation, such as `GET /v1/submissions`, with its least role, in the order of the document.
fn operations(document: &Value) -> Vec<(String, String)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if METHODS.contains(&method.as_str()) {
                let role = operation["security"][0]["key"][0].as_str().unwrap_or("none");
                operations.push((format!("{} {path}", method.to_uppercase()), role.to_owned()));
            }
        }
    }
    operations
}

/// The rows of the table of roles: each least role with its operations.
fn roles(document: &Value) -> Vec<String> {
    let mut by_role: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (operation, role) in operations(document) {
        by_role.entry(role).or_default().push(format!("`{operation}`"));
    }
    let row = |role| format!("| {role} | {} |", by_role.remove(role).unwrap().join(", "));
    let rows = ["none", "browser", "intake", "staff", "admin"].map(row).to_vec();
    assert!(by_role.is_empty(), "{by_role:?}");
    rows
}

#[test]
fn the_guide_lists_each_operation_with_its_least_role() {
    let guide = fs::read_to_string("docs/roles.md").unwrap();
    for row in roles(&document()) {
        assert!(guide.lines().any(|line| line == row), "docs/roles.md lacks the row:\n{row}");
    }
}

/// The operations that a text names in code, with `{id}` for an id.
fn named(text: &str) -> Vec<String> {
    let code = text.split('`').skip(1).step_by(2).flat_map(str::lines);
    let operation = |line: &str| {
        let (method, rest) = line.split_once(' ')?;
        let path = rest.split(['?', ' ', '"', '\'']).next().filter(|path| path.starts_with("/v1/"))?;
        if !METHODS.contains(&method.to_lowercase().as_str()) {
            return None;
        }
        let part = |part: &str| if Uuid::try_parse(part).is_ok() { "{id}".to_owned() } else { part.to_owned() };
        Some(format!("{method} {}", path.split('/').map(part).collect::<Vec<_>>().join("/")))
    };
    code.filter_map(operation).collect()
}

#[test]
fn each_operation_that_a_guide_names_exists() {
    let known: BTreeSet<String> = operations(&document()).into_iter().map(|(operation, _)| operation).collect();
    let (mut count, mut faults) = (0, Vec::new());
    // The changelog names operations of before.
    for (file, text) in documents().into_iter().filter(|(file, _)| !file.ends_with("changelog.md")) {
        for operation in named(&text) {
            count += 1;
            if !known.contains(&operation) {
                faults.push(format!("{}: {operation}", file.display()));
            }
        }
    }
    assert!(count > 80 && faults.is_empty(), "{count} named, unknown: {faults:#?}");
}

/// The rows of a table that begin with code, in a section.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let section = text.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    section.lines().filter(|line| line.starts_with("| `")).collect()
}

#[test]
fn the_guide_explains_each_type_of_problem_and_each_code_of_a_fault() {
    let guide = fs::read_to_string("docs/errors.md").unwrap();
    let row = |(name, status, title): (&str, u16, &str)| format!("| `{name}` | {status} | {title} |");
    assert_eq!(rows(&guide, "Types"), ProblemType::ALL.map(|kind| row(kind.row())));
    let row = |code: FaultCode| format!("| `{}` | {} |", code.as_str(), code.meaning());
    assert_eq!(rows(&guide, "Codes of faults"), FaultCode::ALL.map(row));
}

#[test]
fn the_guide_says_what_to_do_for_the_status_of_each_problem() {
    let guide = fs::read_to_string("docs/errors.md").unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let listed: BTreeSet<&str> = rows.flat_map(|(first, _)| first.split(", ")).collect();
    for kind in ProblemType::ALL {
        let (name, status, _) = kind.row();
        assert!(listed.contains(&*status.to_string()), "docs/errors.md lacks the status {status} of {name}");
    }
}

#[test]
fn the_guide_states_the_limits_of_pages() {
    let document = document();
    let guide = fs::read_to_string("docs/paging.md").unwrap();
    assert!(guide.contains(&format!("came from, for {} hours", CURSOR_LIFETIME.as_hours())));
    assert!(guide.contains("`limit` is 1 to 200, 50 by default"));
    let mut lists = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let parameters = methods["get"]["parameters"].as_array().into_iter().flatten();
        for limit in parameters.filter(|parameter| parameter["name"] == "limit") {
            let schema = &limit["schema"];
            assert_eq!((&schema["minimum"], &schema["maximum"]), (&Value::from(1), &Value::from(200)), "{path}");
            lists += 1;
        }
    }
    assert!(lists > 5, "only {lists} lists were found");
}

/// The JSON samples of a text that follow a comment with the name of their schema.
fn samples<'a>(text: &'a str) -> Vec<(&'a str, Value)> {
    let sample = |part: &'a str| {
        let (schema, rest) = part.split_once(" -->\n```json\n")?;
        let (sample, _) = rest.split_once("\n```")?;
        Some((schema, serde_json::from_str(sample).unwrap()))
    };
    text.split("<!-- ").skip(1).filter_map(sample).collect()
}

#[test]
fn each_sample_fits_its_schema() {
    let document = document();
    let mut count = 0;
    for (file, text) in documents() {
        for (name, sample) in samples(&text) {
            count += 1;
            let place = format!("{}: {name}", file.display());
            assert!(document["components"]["schemas"][name].is_object(), "{place}: there is no such schema");
            let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema",
                "$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let faults: Vec<String> = validator.iter_errors(&sample).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{place}: {faults:#?}");
            let problem = if name == "Problem" { &sample } else { &sample["problem"] };
            if problem.is_object() {
                let kind = ProblemType::ALL.into_iter().find(|kind| problem["type"] == kind.uri()).unwrap();
                let (_, status, title) = kind.row();
                assert_eq!((&problem["status"], &problem["title"]), (&json!(status), &json!(title)), "{place}");
            }
        }
    }
    assert!(count >= 5, "only {count} samples were found");
}

/// One event of each kind, as the domain makes it.
fn events() -> [Event; 7] {
    let id = |last: u128| Uuid::from_u128(0x0190_b3c4_5d6e_7f80_9a1b_2c3d_4e5f_6000 + last);
    let at = |minutes| "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes);
    let flagged = FlaggedSubmission {
        submission_id: SubmissionId(id(0)),
        received_at: at(0),
        by: CredentialId(id(9)),
        follow_up_id: FollowUpId(id(2)),
        urgency: Urgency::ThisWeek,
        due_at: at(0),
        band: Band::High,
        findings: Vec::new(),
        positive_instruments: Vec::new(),
    };
    let staff = Actor {
        clinic_id: ClinicId(id(8)),
        credential_id: CredentialId(id(9)),
        sender_id: SenderId(id(9)),
        role: Role::Staff,
        request_id: None,
    };
    let opened = open(SubjectId(id(1)), &flagged);
    let claimed = decide(&opened.after, &FollowUpCommand::Claim, &staff, at(10)).unwrap();
    let correction = Correction {
        supersedes: flagged.submission_id,
        received_at: at(15),
        by: flagged.by,
        content: Content {
            submission_id: SubmissionId(id(5)),
            urgency: Some(Urgency::ThisWeek),
            band: Band::High,
            findings: Vec::new(),
            positive_instruments: Vec::new(),
        },
    };
    let corrected = correct(&claimed.after, &correction, &[], |_| 168).unwrap();
    let (event, webhook) = (EventId(id(0)), WebhookId(id(4)));
    [
        Event::of_change(event, &opened).unwrap(),
        Event::of_change(event, &corrected).unwrap(),
        Event::of_change(event, &claimed).unwrap(),
        Event::submission_erased(event, SubmissionId(id(6)), SubjectId(id(1)), at(18)),
        Event::erased(event, &[SubjectId(id(1)), SubjectId(id(3))], at(20)),
        Event::disabled(event, webhook, DisabledReason::Gone, at(30)),
        Event::ping(event, webhook, at(40)),
    ]
}

#[test]
fn the_guide_shows_the_body_of_each_event() {
    let guide = fs::read_to_string("docs/webhooks.md").unwrap();
    let blocks = guide.split("```json\n").skip(1).map(|part| part.split("\n```").next().unwrap());
    let shown: Vec<Value> = blocks.map(|block| serde_json::from_str(block).unwrap()).collect();
    let sent = events().map(|event| serde_json::from_str::<Value>(&event.body()).unwrap());
    assert_eq!(shown, sent);
    let kinds: Vec<&str> = shown.iter().map(|body| body["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, WebhookEvent::ALL.map(WebhookEvent::as_str));
}

/// The anchors of the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn each_link_between_documents_leads_to_a_file_and_a_heading() {
    let (mut count, mut faults) = (0, Vec::new());
    for (file, text) in documents() {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            count += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if path.is_empty() { file.clone() } else { file.parent().unwrap_or(Path::new("")).join(path) };
            let has_heading = || anchors(&fs::read_to_string(&path).unwrap()).contains(anchor);
            if !path.exists() || !(anchor.is_empty() || has_heading()) {
                faults.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(count > 50 && faults.is_empty(), "{count} links, not found: {faults:#?}");
}

#[test]
fn a_deprecated_operation_announces_its_end() {
    let document = document();
    let changelog = fs::read_to_string("docs/changelog.md").unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(_, one)| one["deprecated"] == true) {
            let headers =
                operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
            for (status, response) in headers {
                let named = ["Deprecation", "Sunset"].iter().all(|name| response["headers"].get(*name).is_some());
                assert!(named, "{method} {path}: {status} has no Deprecation and Sunset");
            }
            assert!(changelog.contains(path), "docs/changelog.md says nothing of {path}");
        }
    }
}
