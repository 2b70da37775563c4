//! `AuditEvent`: an entry of the audit log. It holds ids and the names of credentials, and no health data.

use serde_json::{Value, json};
use uuid::Uuid;

use super::element::{coding, element, identifier, named, reference};
use super::names::{AUDIT, CREDENTIAL, SOFTWARE};
use crate::domain::audit::{AuditAction, AuditOutcome, NamedEntry};

pub(super) fn render(one: &NamedEntry) -> Value {
    let entry = &one.entry;
    let resources = std::iter::once(&entry.resource_id).chain(&entry.resource_ids).filter(|id| !id.is_nil());
    let subjects = entry.subject_id.iter().chain(&entry.subject_ids);
    let of_resource = |id: &Uuid| match kind(entry.action) {
        Some(kind) => json!({"what": reference(kind, id)}),
        None => json!({"what": {"identifier": identifier("urn:ietf:rfc:3986", format!("urn:uuid:{id}"))}}),
    };
    let entities = resources.map(of_resource).chain(subjects.map(|id| json!({"what": reference("Patient", id)})));
    let mut seen = std::collections::HashSet::new();
    let entities: Vec<Value> = entities.filter(|entity| seen.insert(entity.to_string())).collect();
    let occurrences = (entry.occurrences > 1).then(|| format!(", {} occurrences", entry.occurrences));
    element(json!({
        "resourceType": "AuditEvent",
        "id": entry.audit_entry_id,
        "meta": {"lastUpdated": entry.at},
        "type": coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest"),
        "subtype": [coding(AUDIT, entry.action.as_str())],
        "action": action(entry.action),
        "recorded": entry.at,
        "outcome": outcome(entry.outcome),
        "outcomeDesc": format!("{}{}", entry.outcome.as_str(), occurrences.unwrap_or_default()),
        "agent": [agent(one)],
        "source": {"observer": named("Device", SOFTWARE, env!("CARGO_PKG_VERSION"))},
        "entity": entities,
    }))
}

/// The credential used, or the operator and background work.
fn agent(one: &NamedEntry) -> Value {
    match one.entry.credential_id {
        Some(id) => element(json!({
            "who": {"identifier": identifier(CREDENTIAL, id)},
            "name": one.display_name,
            "requestor": true,
        })),
        None => json!({"who": {"display": "operator or background work"}, "requestor": false}),
    }
}

/// The code of an outcome in FHIR: success, a refusal, or a failure of the service.
pub(super) const fn outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Success => "0",
        AuditOutcome::Refused | AuditOutcome::NotFound | AuditOutcome::Conflict | AuditOutcome::Invalid => "4",
        AuditOutcome::Failed => "8",
    }
}

/// The code of an action in FHIR: create, read, update, delete or execute.
pub(super) fn action(action: AuditAction) -> &'static str {
    let (_, verb) = action.as_str().rsplit_once('_').unwrap_or(("", action.as_str()));
    match verb {
        "created" | "minted" => "C",
        "read" | "assessed" | "listed" | "exported" | "searched" => "R",
        "erased" | "retired" | "deleted" | "pruned" => "D",
        "failed" | "pinged" | "in" | "out" => "E",
        _ => "U",
    }
}

/// The type of the resource that an action is about; `None` if this facade has none.
fn kind(action: AuditAction) -> Option<&'static str> {
    let name = action.as_str();
    [("submission_", "QuestionnaireResponse"), ("follow_up_", "Task"), ("subject_", "Patient"), ("con", "Patient")]
        .into_iter()
        .find_map(|(prefix, kind)| name.starts_with(prefix).then_some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_a_code_of_fhir_and_the_resource_that_it_is_about() {
        for (name, code, about) in [
            (AuditAction::SubmissionCreated, "C", Some("QuestionnaireResponse")),
            (AuditAction::SubmissionErased, "D", Some("QuestionnaireResponse")),
            (AuditAction::FollowUpsListed, "R", None),
            (AuditAction::FollowUpClosed, "U", Some("Task")),
            (AuditAction::SubjectRead, "R", Some("Patient")),
            (AuditAction::ConsentChanged, "U", Some("Patient")),
            (AuditAction::CredentialMinted, "C", None),
            (AuditAction::SignInFailed, "E", None),
            (AuditAction::SignedIn, "E", None),
            (AuditAction::SignedOut, "E", None),
        ] {
            assert_eq!((action(name), kind(name)), (code, about), "{}", name.as_str());
        }
    }
}
