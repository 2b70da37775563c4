"""Hooks for this service: its key, the credential that must not be rotated, and the reasons for which a request that
matches the document may be refused."""

import itertools
import json
import os
import re
import urllib.request

import schemathesis
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    ensure_resource_availability,
    negative_data_rejection,
    positive_data_acceptance,
)

BASE = os.environ["SARCOSCREEN_BASE"]
KEY = os.environ["SARCOSCREEN_KEY"]
COUNTED = open(os.environ["SARCOSCREEN_COUNTED"], "a", buffering=1)
ADDRESSES = itertools.count(1)
# The subject of each stored submission, and the subjects that were erased with their submissions.
SUBJECTS: dict[str, str] = {}
ERASED: set[str] = set()

# Problem types that depend on stored data, not on the request alone.
STATES = {
    "invalid_cursor": "a cursor belongs to one list with its filters",
    "stale": "the version has changed",
    "idempotency_key_reused": "the key belongs to another request",
}
BLANK = "blank text is refused, and the definition of white space differs between pattern dialects"
# Faults that a schema cannot express: pointer pattern and code.
FAULTS = {
    (r"/answers/\w+", "required"): "required in a submission but not in a score, and both share the schema of answers",
    (r"/answers/\w+", "precision"): "JSON Schema's multipleOf is not exact for decimals, so the document has x-step",
    (r"/answers/\w+.*", "contradiction"): "two answers exclude each other",
    (r"/answers/\w+", "implausible"): "two answers do not fit one person",
    (r"/answers/\w+", "not_asked"): "an earlier rule table asked it; stored and new answers share one schema",
    (r"/subject/reference", "required"): "required with its system",
    (r"/subject/reference_system", "contradiction"): "depends on the stored references",
    (r"/(grip_strength_kg|five_chair_stands_s)", "precision"): "as for answers",
    (r"/(answered_at|given_at|subject/consent/given_at|expires_at|appointment_at)", "out_of_range"): "depends on the clock",
    (r"/answered_at", "required"): "required for imported history only",
    (r"/(from|to)", "out_of_range"): "depends on the other end, and on the current day",
    (r"/(not_needed_reason|diagnosis|grip_strength_kg|five_chair_stands_s)", "contradiction"): "belongs to another outcome",
    (r"/not_needed_reason", "required"): "required with one outcome only",
    (r"/below_floor", "contradiction"): "only closed follow-ups have measurements",
    (r"/not_needed_reason", "unknown_option"): "reserved for merges of subjects",
    (r"/origins", "not_allowed"): "only a browser key has origins",
    (r"/origins/\d+", "format"): "an exact origin, which a browser decides",
    (r"/origins/\d+", "duplicate"): "occurs twice",
    (r"/origins/\d+", "text"): "an exact origin, which a browser decides",
    (r"/merged", "not_allowed"): "a subject cannot be merged with itself",
    (r"/to", "not_found"): "a follow-up is assigned to a member of staff",
    (r"/ids", "contradiction"): "either events or a time, which share one schema",
    (r"/ids", "required"): "either events or a time, which share one schema",
    (r"/url", "format"): "the URL parser decides which text is a URL, and the operator which URLs are allowed",
    (r"/supersedes", "not_found"): "refers to no submission",
    (r".*/email", "format"): "stricter than the format: the address must be deliverable",
    (r"", "required"): "a search needs exactly one criterion",
    (r"/merged", "not_found"): "refers to no subject",
    (r"/replaces", "not_found"): "refers to no credential",
    (r"/receipt_code", "format"): "a receipt code has a check character",
    (r"/source/system", "not_allowed"): "reserved for the service's own web form",
    (r"/from", "not_found"): "refers to no version of the rule table",
    (r"/from", "format"): BLANK,
    (r"/replaces", "contradiction"): "refers to a credential of another role",
    (r"(/\w+)*/(note|name|text_version|reference|reference_system|system|id|display_name)", "text"): BLANK,
    (r"(/\w+)*/(name|text_version|system|id|finding|instrument_positive|rule_table)", "format"): BLANK,
}


def own_credential() -> str:
    request = urllib.request.Request(f"{BASE}/v1/credentials", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        items = json.load(answer)["items"]
    return next(one["id"] for one in items if one["key_prefix"] and KEY.startswith(one["key_prefix"]))


OWN = own_credential()


def enumerate_open(schema) -> None:
    """Requests have the documented values of an open enumeration; the service refuses others until a version adds them."""
    if isinstance(schema, dict):
        if "x-extensible-enum" in schema:
            schema["enum"] = schema["x-extensible-enum"]
        for part in schema.values():
            enumerate_open(part)
    elif isinstance(schema, list):
        for part in schema:
            enumerate_open(part)


@schemathesis.hook
def before_load_schema(context, raw_schema) -> None:
    enumerate_open(raw_schema)


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    headers = case.headers if case.headers is not None else {}
    number = next(ADDRESSES)
    case.headers = headers
    headers["X-Forwarded-For"] = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
    # A rotation would invalidate the key of all other requests. The service refuses to revoke the caller's own credential.
    if case.operation.path.endswith("/rotate") and (case.path_parameters or {}).get("id") == OWN:
        case.path_parameters["id"] = OWN[::-1]


@schemathesis.hook
def after_call(context, case, response) -> None:
    COUNTED.write(f"{response.status_code}\n")
    path = case.operation.path
    if (case.method, path, response.status_code) == ("POST", "/v1/submissions", 201):
        stored = response.json()
        SUBJECTS[stored["id"]] = stored["subject_id"]
    if (case.method, path, response.status_code) == ("DELETE", "/v1/subjects/{id}", 204):
        ERASED.add(case.path_parameters["id"])


@schemathesis.auth()
class Key:
    def get(self, case, context) -> str:
        return KEY

    def set(self, case, data, context) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


def excused(response) -> bool:
    """Whether a request that matches the document was refused only for reasons listed above."""
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
    """Whether a batch with status 200 has a refused item."""
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
        # Refused because of its size or version, before its content is validated.
        if response.status_code in (412, 414, 431):
            return None
        if case.operation.path.endswith("/batch") and response.status_code == 200 and a_part_is_refused(response):
            return None
        raise


@schemathesis.check
def created_resources_are_available(ctx, response, case) -> bool | None:
    try:
        return ensure_resource_availability(ctx, response, case)
    except (Failure, FailureGroup):
        if SUBJECTS.get((case.path_parameters or {}).get("id")) in ERASED:
            return None
        raise
