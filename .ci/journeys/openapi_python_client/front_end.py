"""A minimal front end of a clinic; .ci/clients runs it with the package that openapi-python-client generates."""

from must import ANSWERS, BASE, KEY, REFERENCE, must
from sarcoscreen_client import AuthenticatedClient
from sarcoscreen_client.api.screening import create_score, create_submission, get_questionnaire
from sarcoscreen_client.models import Assessment, Problem, Questionnaire, ScoreInput, SubmissionInput, SubmissionReceipt


def main() -> None:
    client = AuthenticatedClient(base_url=BASE, token=KEY)
    form = get_questionnaire.sync(client=client)
    must("the form", isinstance(form, Questionnaire))
    questions = [item for group in form.groups for item in group.items]
    must(f"{len(questions)} questions", questions)
    begun = create_score.sync(client=client, body=ScoreInput.from_dict({"answers": {"age": 82}}))
    must("a preview of one answer has open questions", isinstance(begun, Assessment) and begun.open_questions)
    preview = create_score.sync(client=client, body=ScoreInput.from_dict({"answers": ANSWERS}))
    must("a preview of all answers", isinstance(preview, Assessment))
    body = SubmissionInput.from_dict({"answers": ANSWERS})
    receipt = create_submission.sync(client=client, body=body, idempotency_key=f"{REFERENCE}-page")
    must("a submission", isinstance(receipt, SubmissionReceipt))
    must("it has the score of the preview", receipt.assessment.score.lower == preview.score.lower)
    must("it is flagged", receipt.assessment.flagged)
    again = create_submission.sync(client=client, body=body, idempotency_key=f"{REFERENCE}-page")
    must("a retry with the same key gives the same receipt", again == receipt)
    refused = create_submission.sync(client=client, body=SubmissionInput.from_dict({"answers": ANSWERS | {"age": 7}}))
    must("a refused body is a problem", isinstance(refused, Problem))
    must("it names its field", "/answers/age" in [fault.pointer for fault in refused.errors])


main()
