"""What schemathesis must know of this service: its key, which credential must not be rotated away, and for which reasons
a request that fits the document may be refused all the same."""

import itertools
import json
import os
import re
import urllib.request

import schemathesis
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

BASE = os.environ["SARCOSCREEN_BASE"]
KEY = os.environ["SARCOSCREEN_KEY"]
COUNTED = open(os.environ["SARCOSCREEN_COUNTED"], "a", buffering=1)
ADDRESSES = itertools.count(1)

# Types of problem that depend on what is stored, not on the form of the request.
STATES = {
    "invalid_cursor": "a cursor belongs to one list with its filters",
    "stale": "another version stands by now",
    "idempotency_key_reused": "the key stands for another request already",
}
BLANK = "white space alone says nothing, and what white space is differs from one dialect of patterns to another"
# Faults that no schema can say: where, and of which code.
FAULTS = {
    (r"/answers/\w+", "required"): "a submission must answer what a score need not, and both share the schema of answers",
    (r"/answers/\w+", "precision"): "JSON Schema's multipleOf is not exact for decimals, so the document has x-step",
    (r"/answers/\w+.*", "contradiction"): "two answers exclude each other",
    (r"/answers/\w+", "implausible"): "two answers do not fit one person",
    (r"/(answered_at|given_at|subject/consent/given_at|expires_at|appointment_at)", "out_of_range"): "depends on the clock",
    (r"/answered_at", "required"): "history must say when it was answered, anything else need not",
    (r"/(from|to)", "out_of_range"): "depends on the other end, and on the day",
    (r"/(reason|diagnosis|grip_strength_g|five_chair_stands_ms)", "contradiction"): "belongs to another outcome",
    (r"/reason", "required"): "needed with one outcome only",
    (r"/reason", "unknown_option"): "only a merge of persons closes with it",
    (r"/origins", "not_allowed"): "only a browser key has origins",
    (r"/origins/\d+", "format"): "an exact origin, which a browser decides",
    (r"/origins/\d+", "duplicate"): "stands twice",
    (r"/origins/\d+", "text"): "an exact origin, which a browser decides",
    (r"/merged", "not_allowed"): "nobody is merged with themselves",
    (r"/to", "not_found"): "a case goes to a member of staff",
    (r"/ids", "contradiction"): "either events or a time, which share one schema",
    (r"/ids", "required"): "either events or a time, which share one schema",
    (r"/url", "format"): "which text is an address, the parser of addresses says, and which may be reached, the operator",
    (r"/supersedes", "not_found"): "names no submission",
    (r".*/email", "format"): "an address that mail would be delivered to is narrower than the format",
    (r"", "required"): "exactly one way to look somebody up",
    (r"/merged", "not_found"): "names nobody",
    (r"/replaces", "not_found"): "names no credential",
    (r"/replaces", "contradiction"): "names a credential of another role",
    (r"(/\w+)*/(note|name|text_version|reference|system|id|display_name)", "text"): BLANK,
    (r"(/\w+)*/(name|text_version|system|id|finding|instrument_positive|rule_table)", "format"): BLANK,
}


def own_credential() -> str:
    request = urllib.request.Request(f"{BASE}/v1/credentials", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        items = json.load(answer)["items"]
    return next(one["id"] for one in items if one["key_prefix"] and KEY.startswith(one["key_prefix"]))


OWN = own_credential()


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    headers = case.headers if case.headers is not None else {}
    number = next(ADDRESSES)
    case.headers = headers
    headers["X-Forwarded-For"] = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
    # A rotation ends the key that all other requests need. Its own revocation the service refuses.
    if case.operation.path.endswith("/rotate") and (case.path_parameters or {}).get("id") == OWN:
        case.path_parameters["id"] = OWN[::-1]


@schemathesis.hook
def after_call(context, case, response) -> None:
    COUNTED.write(f"{response.status_code}\n")


@schemathesis.auth()
class Key:
    def get(self, case, context) -> str:
        return KEY

    def set(self, case, data, context) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


def excused(response) -> bool:
    """Whether a request that fits the document was refused for reasons that are named above, and for no other."""
    try:
        problem = response.json()
        kind = problem["type"].rsplit("#", 1)[1]
        faults = problem["errors"]
    except (ValueError, KeyError, IndexError, TypeError):
        return False
    known = lambda fault: any(re.fullmatch(place, fault["pointer"]) and fault["code"] == code for place, code in FAULTS)
    return kind in STATES or bool(faults) and all(known(fault) for fault in faults)


@schemathesis.check
def valid_requests_are_accepted(ctx, response, case) -> bool | None:
    try:
        return positive_data_acceptance(ctx, response, case)
    except (Failure, FailureGroup):
        if excused(response):
            return None
        raise


def a_part_is_refused(response) -> bool:
    """Whether a batch, which is answered 200 as a whole, has an item that is refused."""
    if "ndjson" in (response.headers.get("content-type") or [""])[0]:
        parts = [json.loads(line) for line in response.text.splitlines()]
    else:
        parts = response.json()["items"]
    return any(400 <= part["status"] < 500 for part in parts)


@schemathesis.check
def invalid_requests_are_refused(ctx, response, case) -> bool | None:
    try:
        return negative_data_rejection(ctx, response, case)
    except (Failure, FailureGroup):
        # Refused for its size or for the version it names, before its content is looked at.
        if response.status_code in (412, 414, 431):
            return None
        if case.operation.path.endswith("/batch") and response.status_code == 200 and a_part_is_refused(response):
            return None
        raise
