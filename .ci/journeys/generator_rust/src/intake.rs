//! A minimal intake system of a clinic.

use sarcoscreen_client::apis::configuration::Configuration;
use sarcoscreen_client::apis::screening_api::{
    CreateSubmissionBatchParams, CreateSubmissionParams, create_submission, create_submission_batch,
};
use serde_json::{Value, json};

use crate::{answers, model, must, name, names, reference, refusal};

pub(crate) fn run(client: &Configuration) {
    let receipt = create_submission(client, record("1", body(82))).expect("a submission with a reference and a key");
    must("a submission with a reference, contact data and a key is flagged", receipt.assessment.flagged);
    must("and opens a follow-up", receipt.follow_up.is_some());
    let again = create_submission(client, record("1", body(82))).expect("a retry");
    must("a retry gives the same receipt", again == receipt);
    let later = create_submission(client, record("2", body(82))).expect("another record");
    let same = later.subject_id == receipt.subject_id && later.id != receipt.id;
    must("the same reference is the same subject", same);
    let problem = refusal(create_submission(client, record("3", body(7))));
    must("a refused body names its field", names(&problem, "/answers/age"));

    let items = json!([{"submission": body(82), "idempotency_key": key("4")}, {"submission": body(7)}]);
    let params = CreateSubmissionBatchParams {
        submission_batch_input: model(json!({ "items": items })),
        view: None,
        validate_only: None,
        accept_language: None,
    };
    let batch = create_submission_batch(client, params).expect("a batch");
    let statuses: Vec<_> = batch.items.iter().map(|item| item.status).collect();
    must(&format!("the items of a batch have a status each: {statuses:?}"), statuses == [201, 422]);
}

fn key(record: &str) -> String {
    format!("{}-{record}", reference())
}

fn body(age: u32) -> Value {
    json!({"answers": answers(age), "subject": {
        "reference": reference(),
        "contact": {"name": name(), "telephone": "+1 202 555 0143", "email": null, "channel": "telephone", "language": "es"},
        "consent": {"to_contact": true, "text_version": "2026-01", "given_at": "2026-01-05T09:00:00Z"}
    }})
}

fn record(record: &str, body: Value) -> CreateSubmissionParams {
    CreateSubmissionParams {
        submission_input: model(body),
        view: None,
        validate_only: None,
        prefer: Some("return=minimal".to_owned()),
        idempotency_key: Some(key(record)),
        accept_language: None,
    }
}
