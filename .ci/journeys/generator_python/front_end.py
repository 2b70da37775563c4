"""A minimal front end of a clinic; .ci/clients runs it with the Python client of openapi-generator."""

from must import ANSWERS, BASE, KEY, REFERENCE, must
from refusal import refusal
from sarcoscreen_client import ApiClient, Configuration, ScoreInput, ScreeningApi, SubmissionInput


def main() -> None:
    screening = ScreeningApi(ApiClient(Configuration(host=BASE, access_token=KEY)))
    form = screening.get_questionnaire()
    questions = [item for group in form.groups for item in group.items]
    must(f"{len(questions)} questions", questions)
    begun = screening.create_score(score_input=ScoreInput.from_dict({"answers": {"age": 82}}), view="summary")
    must("a preview of one answer has open questions", begun.open_questions)
    preview = screening.create_score(score_input=ScoreInput.from_dict({"answers": ANSWERS}))
    body = SubmissionInput.from_dict({"answers": ANSWERS})
    receipt = screening.create_submission(submission_input=body, idempotency_key=f"{REFERENCE}-page")
    must("a submission has the score of the preview", receipt.assessment.score.lower == preview.score.lower)
    must("it is flagged", receipt.assessment.flagged)
    again = screening.create_submission(submission_input=body, idempotency_key=f"{REFERENCE}-page")
    must("a retry with the same key gives the same receipt", again == receipt)
    # The client itself refuses numbers outside the range, so the fault is one that only the service knows.
    contradicting = SubmissionInput.from_dict({"answers": ANSWERS | {"conditions": ["none_of_these", "diabetes"]}})
    problem = refusal(screening.create_submission, submission_input=contradicting)
    must("a refused body names its field", [fault.pointer for fault in problem.errors] == ["/answers/conditions"])


main()
