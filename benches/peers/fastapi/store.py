"""Access to the database.

The statements are files in the folder SQL, with equal parameters and columns for each schema.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from answers import Answers
from scoring import Assessment, Finding

URGENCIES = ["today", "this_week", "routine"]
FINDINGS = TypeAdapter(list[Finding])

SQL = Path(os.environ["SQL"])
SUBMIT, EARLIER, SUBMISSION, WORKLIST = (
    (SQL / f"{name}.sql").read_text() for name in ("submit", "earlier", "submission", "worklist")
)

Position = tuple[int, datetime, UUID]


@dataclass(frozen=True, slots=True)
class Stored:
    submission_id: UUID
    received_at: datetime
    follow_up_id: UUID | None
    created: bool


async def prepare(connection: asyncpg.Connection) -> None:
    """Documents are sent as JSON text and read as values."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads)


def urgency_of(row: asyncpg.Record) -> str | None:
    return URGENCIES[row["urgency"] - 1] if row["urgency"] else None


class Store:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    @classmethod
    async def open(cls) -> "Store":
        """Where the database is comes from the environment: PGHOST, PGUSER, PGDATABASE."""
        settings = {"statement_timeout": "5000"}
        return cls(await asyncpg.create_pool(max_size=10, init=prepare, server_settings=settings))

    async def close(self) -> None:
        await self.pool.close()

    async def ping(self) -> None:
        await self.pool.fetchval("select 1")

    async def submit(self, key: str, answers: Answers, reference: str | None, scored: Assessment) -> Stored | None:
        """Stores a submission and, if it is flagged, its follow-up. A repeated key returns the submission that it stored
        first, or None if that one was another."""
        document = answers.model_dump_json(exclude_none=True)
        findings = FINDINGS.dump_json(scored.findings).decode()
        urgency = URGENCIES.index(scored.urgency) + 1 if scored.urgency else None
        values = (scored.rule_table, document, scored.total, scored.band, scored.flagged, findings, urgency)
        row = await self.pool.fetchrow(SUBMIT, key, reference, *values)
        if row:
            return Stored(*row, created=True)
        *earlier, same = await self.pool.fetchrow(EARLIER, key, document, reference)
        return Stored(*earlier, created=False) if same else None

    async def submission(self, submission_id: UUID) -> dict | None:
        row = await self.pool.fetchrow(SUBMISSION, submission_id)
        return row and dict(row) | {"urgency": urgency_of(row)}

    async def worklist(self, limit: int, after: Position | None) -> tuple[list[dict], Position | None]:
        """A page of open follow-ups, most urgent and then oldest first, behind a position, and the position of its end
        if there are more."""
        start = after or (0, datetime.min, UUID(int=0))
        rows = await self.pool.fetch(WORKLIST, *start, limit + 1)
        items = [dict(row) | {"urgency": urgency_of(row)} for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return items, last and (last["urgency"], last["flagged_at"], last["follow_up_id"])
