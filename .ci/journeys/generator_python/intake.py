"""A minimal intake system of a clinic; .ci/clients runs it with the Python client of openapi-generator."""

from must import ANSWERS, BASE, BODY, KEY, REFERENCE, SUBJECT, must
from refusal import refusal
from sarcoscreen_client import ApiClient, Configuration, ScreeningApi, SubmissionBatchInput, SubmissionInput

# The client itself refuses numbers outside the range, so the fault is one that only the service knows.
FAULTY = {"answers": ANSWERS | {"conditions": ["none_of_these", "diabetes"]}, "subject": SUBJECT}


def main() -> None:
    screening = ScreeningApi(ApiClient(Configuration(host=BASE, access_token=KEY)))

    def send(record: str) -> object:
        body = SubmissionInput.from_dict(BODY)
        key = f"{REFERENCE}-{record}"
        return screening.create_submission(submission_input=body, idempotency_key=key, prefer="return=minimal")

    receipt = send("1")
    must("a submission with a reference, contact data and a key is flagged", receipt.assessment.flagged)
    must("and opens a follow-up", receipt.follow_up)
    must("a retry gives the same receipt", send("1") == receipt)
    later = send("2")
    must("the same reference is the same subject", later.subject_id == receipt.subject_id and later.id != receipt.id)
    problem = refusal(screening.create_submission, submission_input=SubmissionInput.from_dict(FAULTY))
    must("a refused body names its field", [fault.pointer for fault in problem.errors] == ["/answers/conditions"])
    items = [{"submission": BODY, "idempotency_key": f"{REFERENCE}-4"}, {"submission": FAULTY}]
    batch = screening.create_submission_batch(submission_batch_input=SubmissionBatchInput.from_dict({"items": items}))
    statuses = [item.status for item in batch.items]
    must(f"the items of a batch have a status each: {statuses}", statuses == [201, 422])


main()
