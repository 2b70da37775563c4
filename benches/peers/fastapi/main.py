"""The routes.

uvicorn main:app --workers 2
"""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from answers import Answers, Strict, SubmittedAnswers
from scoring import Assessment, Finding, RuleTable
from store import Position, Store

API_KEY = os.environ["API_KEY"]
RULE_TABLE = RuleTable(json.loads(Path(os.environ["POINTS"]).read_text()))
POSITION = TypeAdapter(Position)


class ScoreRequest(Strict):
    answers: Answers


class Subject(Strict):
    reference: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class SubmissionRequest(Strict):
    answers: SubmittedAnswers
    subject: Subject | None = None


class Receipt(BaseModel):
    id: UUID
    received_at: datetime
    follow_up_id: UUID | None
    assessment: Assessment


class Submission(Receipt):
    reference: str | None
    answers: dict


class FollowUp(BaseModel):
    id: UUID
    urgency: str
    flagged_at: datetime
    submission_id: UUID
    reference: str | None
    total: int
    band: str
    findings: list[Finding]


class Page(BaseModel):
    items: list[FollowUp]
    next_cursor: str | None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.store = await Store.open()
    yield
    await app.state.store.close()


async def signed_in(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> None:
    if not secrets.compare_digest(credentials.credentials.encode(), API_KEY.encode()):
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "Sign in with an API key", headers={"WWW-Authenticate": "Bearer"}
        )


async def the_store(request: Request) -> Store:
    return request.app.state.store


def encode_cursor(position: Position | None) -> str | None:
    return position and POSITION.dump_json(position).hex()


def decode_cursor(cursor: str | None) -> Position | None:
    try:
        return cursor and POSITION.validate_json(bytes.fromhex(cursor))
    except (ValueError, ValidationError) as error:
        raise HTTPException(422, "The cursor is not one of this service") from error


AnyStore = Annotated[Store, Depends(the_store)]
app = FastAPI(title="Screening", lifespan=lifespan)
v1 = APIRouter(prefix="/v1", dependencies=[Depends(signed_in)])


@app.get("/health")
async def health(store: AnyStore) -> dict[str, str | int]:
    await store.ping()
    return {"status": "ok", "process": os.getpid()}


@v1.post("/scores")
async def score(request: ScoreRequest) -> Assessment:
    return RULE_TABLE.score(request.answers)


@v1.post("/submissions", status_code=status.HTTP_201_CREATED)
async def submit(
    request: SubmissionRequest,
    response: Response,
    store: AnyStore,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
) -> Receipt:
    scored = RULE_TABLE.score(request.answers)
    reference = request.subject.reference if request.subject else None
    stored = await store.submit(idempotency_key, request.answers, reference, scored)
    if stored is None:
        raise HTTPException(status.HTTP_409_CONFLICT, "The idempotency key was used with another body")
    if not stored.created:
        response.status_code = status.HTTP_200_OK
    response.headers["Location"] = f"/v1/submissions/{stored.submission_id}"
    return Receipt(
        id=stored.submission_id,
        received_at=stored.received_at,
        follow_up_id=stored.follow_up_id,
        assessment=scored,
    )


@v1.get("/submissions/{submission_id}")
async def submission(submission_id: UUID, store: AnyStore) -> Submission:
    row = await store.submission(submission_id)
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such submission")
    return Submission.model_validate(row | {"id": submission_id, "assessment": row})


@v1.get("/follow-ups")
async def worklist(
    store: AnyStore,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: str | None = None,
) -> Page:
    rows, end = await store.worklist(limit, decode_cursor(cursor))
    items = [FollowUp(id=row["follow_up_id"], **row) for row in rows]
    return Page(items=items, next_cursor=encode_cursor(end))


app.include_router(v1)
