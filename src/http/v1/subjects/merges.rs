//! Merges of subjects: merge and undo.

use actix_web::{HttpResponse, post, web};
use uuid::Uuid;

use super::history::{SubjectMergeBody, SubjectMergeInput};
use crate::app::once::Once;
use crate::app::subjects::merges;
use crate::app::submissions::idempotency;
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::ids::{MergeId, SubjectId};
use crate::domain::subjects::history::SubjectMerge;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{IdempotencyKey, IfMatch, Later, PathId, PathIds};
use crate::http::kernel::json_response::mark_replayed;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use crate::http::v1::input::faultless;

/// Merge subjects
///
/// Merges another subject into the subject of the path, because both are the same person. Submissions and follow-ups of the
/// other subject move to the subject of the path, which keeps its contact data and consent; only a newer withdrawal of consent
/// moves too. If both have an open follow-up, that of the other subject is closed as not needed, and the kept one takes the
/// more urgent urgency and the earlier due time. Later submissions with the other's reference go to the subject of the path. A
/// merged subject cannot be merged again, and no subject can be merged into it.
#[utoipa::path(
    tag = "staff",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the subject that is kept"),
        ("If-Match" = String, Header, description = "The ETag of the version of that subject that the client has read"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Idempotency key, which makes a retry safe: 1 to 255 visible characters, bare or in double quotes"),
    ),
    request_body(content = SubjectMergeInput, description = "The subject to merge",
        example = json!({"merged": "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6072"})),
    responses((status = 200, description = "Merged", body = SubjectMergeBody)),
    extensions(("x-audit-action" = json!(AuditAction::SubjectsMerged))),
    security(("key" = ["staff"]))
)]
#[post("/v1/subjects/{id}/merge")]
pub async fn merge_subjects(
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    seen: Later<IfMatch>,
    key: Later<IdempotencyKey>,
    incoming: Incoming,
) -> HttpResult {
    let (actor, kept, key, seen) = (caller.actor(), SubjectId(id.read()?.0), key.read()?.0, seen.read()?.0);
    let body = incoming.read::<SubjectMergeInput>().await?;
    let bound = key
        .map(|key| idempotency::bind(&state.app, actor.sender_id, key, "merge_subjects", &[kept.0], &body.canonical()));
    let merged = merged(kept, body.value.merged, body.faults)?;
    let merge = merges::merge(&state.app, &actor, kept, merged, seen, bound.as_ref()).await?;
    Ok(answer(merge))
}

/// Undo a merge
///
/// Moves back everything that the merge moved and that is still there. The follow-up that the merge closed is reopened in its
/// earlier state, unless staff reopened it since or the subject has another open follow-up. A follow-up that later
/// submissions joined is split in two. If the kept subject would lose its open follow-up, the first one that a later merge
/// closed in its favour is reopened, with the values of the others.
#[utoipa::path(
    tag = "staff",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the subject that was kept"),
        ("merge_id" = uuid::Uuid, Path, description = "Id of the merge"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Idempotency key, which makes a retry safe: 1 to 255 visible characters, bare or in double quotes"),
    ),
    responses((status = 200, description = "Undone", body = SubjectMergeBody)),
    extensions(("x-audit-action" = json!(AuditAction::MergeUndone))),
    security(("key" = ["staff"]))
)]
#[post("/v1/subjects/{id}/merges/{merge_id}/undo")]
pub async fn undo_subject_merge(
    state: web::Data<State>,
    caller: Staff,
    ids: Later<PathIds>,
    key: Later<IdempotencyKey>,
) -> HttpResult {
    let (actor, PathIds(kept, merge_id)) = (caller.actor(), ids.read()?);
    let key = key.read()?.0;
    let bound = key
        .map(|key| idempotency::bind(&state.app, actor.sender_id, key, "undo_subject_merge", &[kept, merge_id], b""));
    let merge = merges::undo(&state.app, &actor, SubjectId(kept), MergeId(merge_id), bound.as_ref()).await?;
    Ok(answer(merge))
}

fn answer(Once { result, replayed }: Once<SubjectMerge>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    mark_replayed(&mut response, replayed);
    response.json(SubjectMergeBody::from(result))
}

/// Returns the subject to merge, which must differ from `kept`.
fn merged(kept: SubjectId, named: Option<Uuid>, mut faults: Vec<Fault>) -> Result<SubjectId, Problem> {
    if named == Some(kept.0) {
        faults.push(Fault::new(
            "/merged",
            FaultCode::NotAllowed,
            Sentence::new("must differ from the subject of the path", "debe ser distinto del sujeto de la ruta"),
        ));
    } else if named.is_none() && faults.is_empty() {
        faults.push(Fault::new(
            "/merged",
            FaultCode::Required,
            Sentence::new("give the subject to merge", "indique el sujeto que se fusiona"),
        ));
    }
    faultless(named.map(SubjectId), faults)
}
