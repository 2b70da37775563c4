"""What each journey in Python gets from .ci/clients, and its checks."""

import datetime
import os
import sys

BASE = os.environ["BASE"]
KEY = os.environ["KEY"]
# Only letters, and different in each run against a service.
RUN = os.environ["RUN"]
NAME = f"Ada {RUN}"
REFERENCE = f"CLIENT-{RUN}"

# A person who is flagged.
ANSWERS = {
    "age": 82,
    "falls_past_year": 4,
    "activity": "inactive",
    "stair_difficulty": "a_lot_or_unable",
    "medications": ["none_of_these"],
}
SUBJECT = {
    "reference": REFERENCE,
    "contact": {"name": NAME, "telephone": "+1 202 555 0143", "email": None, "channel": "telephone", "language": "es"},
    "consent": {"to_contact": True, "text_version": "2026-01", "given_at": "2026-01-05T09:00:00Z"},
}
BODY = {"answers": ANSWERS, "subject": SUBJECT}
FAULTY = {"answers": ANSWERS | {"age": 7}, "subject": SUBJECT}


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def in_a_week() -> datetime.datetime:
    return now() + datetime.timedelta(days=7)


def must(what: str, holds: object) -> None:
    if not holds:
        sys.exit(f"failed: {what}")
    print(f"ok: {what}")
