//! A minimal front end of a clinic.

use sarcoscreen_client::apis::configuration::Configuration;
use sarcoscreen_client::apis::screening_api::{
    CreateScoreParams, CreateSubmissionParams, GetQuestionnaireParams, create_score, create_submission, get_questionnaire,
};
use sarcoscreen_client::models::Assessment;
use serde_json::{Value, json};

use crate::{answers, model, must, names, reference, refusal};

pub(crate) fn run(client: &Configuration) {
    let asked = GetQuestionnaireParams { accept_language: None, if_none_match: None };
    let form = get_questionnaire(client, asked).expect("the form");
    let questions: usize = form.groups.iter().map(|group| group.items.len()).sum();
    must(&format!("{questions} questions"), questions > 0);
    let begun = preview(client, Some("summary"), json!({"age": 82}));
    must("a preview of one answer has open questions", !begun.open_questions.is_empty());
    let scored = preview(client, None, answers(82));

    let receipt = create_submission(client, submission(82, Some("page"))).expect("a submission");
    must("a submission has the score of the preview", receipt.assessment.score.lower == scored.score.lower);
    must("it is flagged", receipt.assessment.flagged);
    let again = create_submission(client, submission(82, Some("page"))).expect("a retry");
    must("a retry with the same key gives the same receipt", again == receipt);
    let problem = refusal(create_submission(client, submission(7, None)));
    must("a refused body names its field", names(&problem, "/answers/age"));
}

fn preview(client: &Configuration, view: Option<&str>, answers: Value) -> Assessment {
    let params = CreateScoreParams {
        score_input: model(json!({ "answers": answers })),
        view: view.map(str::to_owned),
        prefer: None,
        accept_language: None,
    };
    create_score(client, params).expect("a preview")
}

fn submission(age: u32, key: Option<&str>) -> CreateSubmissionParams {
    CreateSubmissionParams {
        submission_input: model(json!({ "answers": answers(age) })),
        view: None,
        validate_only: None,
        prefer: None,
        idempotency_key: key.map(|key| format!("{}-{key}", reference())),
        accept_language: None,
    }
}
