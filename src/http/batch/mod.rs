//! Batches of submissions. Each item is handled as a request of its own would be, so one that is wrong harms no other; what
//! many items want written shares transactions, as ever.

mod item;
mod lines;
mod spool;

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, post, web};
use futures_util::stream::{self, Stream, StreamExt as _};

use super::State;
use super::auth::Intake;
use super::extract::{Accepted, Body, Incoming, declared_as};
use super::middleware::{in_request, request_id};
use super::problem::Problem;
use super::waiting::Share;
use super::wire::batch::{BatchBody, BatchInput, FaultyBatch, MOST_ITEMS};
use item::Items;
use lines::{LINES, lines};

/// Largest body of a batch, bytes.
pub(super) const BATCH_LIMIT: usize = 8 * 1024 * 1024;
/// Items of one batch that are under way at once: enough to fill a transaction of the writer, and far fewer than may wait
/// for it, so that no batch keeps others from being stored.
const UNDER_WAY: usize = 256;
/// What lines are sent as.
const NDJSON: &str = "application/x-ndjson";

/// Create submissions in a batch
///
/// Stores up to 1,000 submissions; as `application/x-ndjson`, up to 100,000, one a line, which are taken as they arrive. The
/// answer has a result for each, in their order, with the status that a request of its own would have been answered
/// with; one that is wrong harms no other. What has a result with 201 is stored, on disk, also when the answer breaks
/// off. Send a batch again with the same `idempotency_key`s, and what is stored already is not stored twice.
///
/// Results of lines have no `assessment`, unless asked for with `Prefer: return=representation`; those of JSON have it,
/// unless `Prefer: return=minimal` is sent. A batch counts as one request against the limits.
#[utoipa::path(
    tag = "screening",
    operation_id = "create_submission_batch",
    params(
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; en or es is answered"),
        ("Prefer" = Option<String>, Header,
            description = "return=minimal leaves assessments out, return=representation puts them in"),
    ),
    request_body(description = "The submissions", content(
        (BatchInput = "application/json", example = json!({"items": [
            {"idempotency_key": "visit-1", "submission": {"answers": {"age": 82, "activity": "inactive",
                "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable", "medications": ["systemic_corticosteroid"]},
                "subject": {"reference": "MRN-1"}}}
        ]})),
        (String = "application/x-ndjson"),
    )),
    responses((status = 200, description = "A result for each", content(
        (BatchBody = "application/json"),
        (String = "application/x-ndjson"),
    ))),
    security(("key" = ["intake"]))
)]
#[post("/v1/submissions/batch")]
pub async fn create_submission_batch(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    accepted: Accepted,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let share = state.waiting.share(caller.actor().credential_id);
    let by_line = request.content_type().eq_ignore_ascii_case(NDJSON);
    let items = Items {
        actor: caller.actor(),
        language: accepted.of(caller.clinic()),
        clinic: caller.clinic().clone(),
        short: short(&request).unwrap_or(by_line),
        state,
    };
    if by_line {
        declared_as(&request, NDJSON)?;
        let (payload, deadline) = incoming.into_parts();
        let work = lines(payload, deadline).map(move |(number, line)| items.clone().line(number, line));
        return Ok(HttpResponse::Ok().content_type(NDJSON).streaming(results(share, work)));
    }
    let bytes = incoming.read_json_bytes(BATCH_LIMIT).await?.freeze();
    let parts = parts(&bytes)?;
    let first = stream::once(async { Bytes::from_static(b"{\"items\":[") });
    let work = stream::iter(parts.into_iter().enumerate()).map(move |(index, part)| items.clone().part(index, part));
    let last = stream::once(async { Bytes::from_static(b"]}") });
    let whole = first.map(Ok).chain(results(share, work)).chain(last.map(Ok));
    Ok(HttpResponse::Ok().content_type(ContentType::json()).streaming(whole))
}

/// Does the work in the background, some of it at once, and hands on what comes of it in its order.
fn results<F>(share: Share, work: impl Stream<Item = F> + 'static) -> impl Stream<Item = Result<Bytes, std::io::Error>>
where
    F: Future<Output = Vec<u8>> + 'static,
{
    let (mut spool, spooled) = spool::new(share);
    let working = async move {
        let mut done = std::pin::pin!(work.buffered(UNDER_WAY));
        while let Some(result) = done.next().await {
            if spool.put(result.into()).await.is_err() {
                // Nobody reads any more; what is under way is written all the same.
                return;
            }
        }
    };
    actix_web::rt::spawn(in_request(request_id().unwrap_or_default(), working));
    spooled.map(Ok)
}

/// The items of a batch, each where it lies in the body.
fn parts(bytes: &Bytes) -> Result<Vec<Bytes>, Problem> {
    let read = serde_json::from_slice::<BatchInput<'_>>(bytes);
    let fit = read.ok().filter(|batch| (1..=MOST_ITEMS).contains(&batch.items.len()));
    if let Some(batch) = fit {
        return Ok(batch.items.iter().map(|item| bytes.slice_ref(item.get().as_bytes())).collect());
    }
    let faults = Body::<FaultyBatch>::of(bytes[..].into())?.faults;
    Err(Problem::content(faults, None))
}

/// Whether short results are asked for; `None` where the request says nothing of it.
fn short(request: &HttpRequest) -> Option<bool> {
    let preferences = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    let mut asked = preferences.flat_map(|value| value.split([',', ';'])).map(str::trim);
    asked.find_map(|one| match one {
        "return=minimal" => Some(true),
        "return=representation" => Some(false),
        _ => None,
    })
}

const _: () = assert!(LINES == 100_000, "the description of the operation says so");
