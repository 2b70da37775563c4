"""A minimal intake system of a clinic; .ci/clients runs it with the package that openapi-python-client generates."""

from must import ANSWERS, BASE, BODY, FAULTY, KEY, REFERENCE, must
from sarcoscreen_client.api.screening import create_submission_batch
from sarcoscreen_client.models import SubmissionBatchInput, SubmissionBatchResults

# The guide in docs/clients.md.
from sarcoscreen_client import AuthenticatedClient
from sarcoscreen_client.api.screening import create_submission
from sarcoscreen_client.models import Problem, SubmissionInput, SubmissionReceipt


def send(client: AuthenticatedClient, record: str, body: SubmissionInput) -> SubmissionReceipt | Problem | None:
    # With the id of the record as the key, a retry within 72 hours is stored once.
    return create_submission.sync(client=client, body=body, idempotency_key=record)


def intake(reference: str, answers: dict) -> SubmissionInput:
    return SubmissionInput.from_dict({"answers": answers, "subject": {"reference": reference}})


def main() -> None:
    client = AuthenticatedClient(base_url=BASE, token=KEY)
    body = SubmissionInput.from_dict(BODY)
    receipt = send(client, f"{REFERENCE}-1", body)
    must("a submission with a reference, contact data and a key", isinstance(receipt, SubmissionReceipt))
    again = send(client, f"{REFERENCE}-1", body)
    must("a retry gives the same receipt", again == receipt)
    later = send(client, f"{REFERENCE}-2", intake(REFERENCE, ANSWERS))
    must("the same reference is the same subject", later.subject_id == receipt.subject_id and later.id != receipt.id)
    refused = send(client, f"{REFERENCE}-3", intake(REFERENCE, FAULTY["answers"]))
    must("a refused body is a problem", isinstance(refused, Problem))
    must("the problem contains the pointer", [fault.pointer for fault in refused.errors] == ["/answers/age"])
    for fault in refused.errors:
        print(f"{fault.pointer}: {fault.detail}")
    batch(client)


def batch(client: AuthenticatedClient) -> None:
    items = [{"submission": BODY, "idempotency_key": f"{REFERENCE}-4"}, {"submission": FAULTY}]
    body = SubmissionBatchInput.from_dict({"items": items})
    results = create_submission_batch.sync(client=client, body=body)
    must("a batch", isinstance(results, SubmissionBatchResults))
    statuses = [item.status for item in results.items]
    must(f"its items have a status each: {statuses}", statuses == [201, 422])


main()
