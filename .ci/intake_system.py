"""A minimal intake system of a clinic; .ci/clients runs it with the package that openapi-python-client generates.

    BASE=http://.. KEY=sk_.. python intake_system.py
"""

import os
import sys

# The guide in docs/clients.md.
from sarcoscreen_client import AuthenticatedClient
from sarcoscreen_client.api.screening import create_submission
from sarcoscreen_client.models import Problem, SubmissionInput, SubmissionReceipt


def send(client: AuthenticatedClient, record: str, body: SubmissionInput) -> SubmissionReceipt | Problem | None:
    # With the id of the record as the key, a retry within 72 hours is stored once.
    return create_submission.sync(client=client, body=body, idempotency_key=record)


def intake(reference: str, answers: dict) -> SubmissionInput:
    return SubmissionInput.from_dict({"answers": answers, "subject": {"reference": reference}})


def must(what: str, holds: bool) -> None:
    if not holds:
        sys.exit(f"failed: {what}")
    print(f"ok: {what}")


def main() -> None:
    client = AuthenticatedClient(base_url=os.environ["BASE"], token=os.environ["KEY"])
    answers = {"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable"}
    answers["medications"] = ["none_of_these"]
    body = intake("CLIENT-1001", answers)
    receipt = send(client, "record-1001", body)
    must("a submission with a reference and a key", isinstance(receipt, SubmissionReceipt))
    again = send(client, "record-1001", body)
    must("a retry gives the same receipt", again == receipt)
    later = send(client, "record-1002", body)
    must("the same reference is the same subject", later.subject_id == receipt.subject_id and later.id != receipt.id)
    refused = send(client, "record-1003", intake("CLIENT-1002", answers | {"age": 7}))
    must("a refused body is a problem", isinstance(refused, Problem))
    must("the problem contains the pointer", [fault.pointer for fault in refused.errors] == ["/answers/age"])
    for fault in refused.errors:
        print(f"{fault.pointer}: {fault.detail}")


main()
