//! Batches of submissions. Each item is handled like a single request, so a faulty one does not affect the others. Items that
//! are stored at the same time share transactions.

pub mod body;
mod item;
mod lines;

use std::sync::Arc;

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, post, web};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::value::RawValue;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::app::under_way::Place;
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, Params, Sentence, keep_first_of_each_place, pointer_token};
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::{Incoming, declared_as, not_json};
use crate::http::kernel::extract::{AcceptedLanguages, Later, Query};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::request_id::{current, in_request};
use crate::http::kernel::room::LARGEST_BODY;
use crate::http::kernel::slices::{NoList, entries, fields};
use crate::http::kernel::state::State;
use crate::http::kernel::waiting::{Held, Share};
use crate::http::v1::HttpResult;
use crate::http::v1::screening::fragments::AllFragments;
use crate::http::v1::screening::view::AssessmentView;
use crate::http::v1::submissions::body::IntakeQuery;
use body::{BatchBody, BatchInput, MOST_ITEMS};
use item::Items;
use lines::{LINES, UNDER_WAY_BYTES, lines};

/// Maximum number of items of one batch in progress. All batches that a clinic may have in progress fill two transactions of the
/// writers, and far fewer places than the queue has.
const UNDER_WAY: usize = 128;
/// Media type of line-delimited batches.
const NDJSON: &str = "application/x-ndjson";

/// Create submissions in a batch
///
/// Stores up to 1,000 submissions of at most 64 KiB each; as `application/x-ndjson`, up to 100,000, one per line, which are
/// processed as they arrive. The response has one result for each item, in order, with the status that a single request would
/// have got; a faulty item does not affect the others. An item whose result is 201 is stored on disk, even if the response is
/// cut off. Send the batch again with the same `idempotency_key`s; items that are already stored are not stored twice.
///
/// With `validate_only=true` each item is checked and scored in the same way, and nothing is stored: the result of an item that
/// would be stored is 200.
///
/// Results have the view `summary` by default. A batch counts as one request against the rate limits. A clinic can run four batches at a
/// time; a fifth is refused with 429 unless one of them ends within a second.
#[utoipa::path(
    tag = "screening",
    params(
        IntakeQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
    ),
    request_body(description = "The submissions", content(
        (BatchInput = "application/json", example = json!({"items": [
            {"idempotency_key": "visit-1", "submission": {"answers": {"age": 82, "activity": "inactive",
                "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable", "medications": ["systemic_corticosteroid_3_weeks"]},
                "subject": {"reference": "MRN-1"}}}
        ]})),
        (String = "application/x-ndjson"),
    )),
    responses((status = 200, description = "One result for each item", content(
        (BatchBody = "application/json"),
        (String = "application/x-ndjson"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionCreated))),
    security(("key" = ["intake"]))
)]
#[post("/v1/submissions/batch")]
pub async fn create_submission_batch(
    request: HttpRequest,
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
    caller: Intake,
    query: Later<Query<IntakeQuery>>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> HttpResult {
    let IntakeQuery { view, validate_only } = query.read()?.0;
    let place = Arc::new(state.app.under_way.batch_place(&caller.actor()).await?);
    let share = state.waiting.share(caller.actor().credential_id);
    let by_line = request.content_type().eq_ignore_ascii_case(NDJSON);
    let items = Items {
        actor: caller.actor(),
        language: accepted.for_clinic(caller.clinic()),
        clinic: caller.clinic().clone(),
        view: view.unwrap_or(AssessmentView::Summary),
        validate_only: validate_only.unwrap_or(false),
        state,
        fragments,
    };
    if by_line {
        declared_as(&request, NDJSON)?;
        let (payload, deadline, room) = incoming.into_parts(UNDER_WAY_BYTES)?;
        let work = lines(payload, deadline, room).map(move |(number, line)| items.clone().line(number, line));
        return Ok(HttpResponse::Ok().content_type(NDJSON).streaming(results(share, place, work)));
    }
    let bytes = incoming.read_json_bytes(LARGEST_BODY).await?;
    let parts = parts(&bytes)?;
    let first = stream::once(async { Bytes::from_static(b"{\"items\":[") });
    let work = stream::iter(parts.into_iter().enumerate()).map(move |(index, part)| items.clone().part(index, part));
    let last = stream::once(async { Bytes::from_static(b"]}") });
    let whole = first.map(Ok).chain(results(share, place, work)).chain(last.map(Ok));
    Ok(HttpResponse::Ok().content_type(ContentType::json()).streaming(whole))
}

/// Processes items in the background, several at once, and passes on the results in order. Many clients read nothing before
/// they have sent everything, so results are buffered here, up to the caller's share. The batch keeps its place until
/// processing and response are both complete.
fn results<F>(
    share: Share,
    place: Arc<Place>,
    work: impl Stream<Item = F> + 'static,
) -> impl Stream<Item = Result<Bytes, std::io::Error>>
where
    F: Future<Output = Vec<u8>> + 'static,
{
    let (results, spooled) = unbounded_channel();
    let until_answered = Arc::clone(&place);
    let working = async move {
        let _until_done = place;
        let mut done = std::pin::pin!(work.buffered(UNDER_WAY));
        while let Some(result) = done.next().await {
            let held = tokio::select! {
                held = share.room(result.len()) => held,
                // The client no longer reads the response; items in progress are still stored.
                () = results.closed() => return,
            };
            if results.send((result.into(), held)).is_err() {
                return;
            }
        }
    };
    actix_web::rt::spawn(in_request(current(), working));
    let spooled = stream::unfold(spooled, |mut spooled: UnboundedReceiver<(Bytes, Held)>| async {
        let (result, _held) = spooled.recv().await?;
        Some((result, spooled))
    });
    spooled.map(move |result| {
        let _ = &until_answered;
        Ok(result)
    })
}

/// The items of a batch, as slices of the body.
fn parts(bytes: &Bytes) -> Result<Vec<Bytes>, Problem> {
    let whole: &RawValue = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
    let mut faults = Vec::new();
    let mut found: Option<&RawValue> = None;
    let is_object = fields(whole, |name, value| {
        if name != "items" && faults.len() <= MOST_FAULTS {
            let pointer = format!("/{}", pointer_token(&name));
            faults.push(Fault::new(
                pointer,
                FaultCode::UnknownField,
                Sentence::new("unknown field; remove it", "campo desconocido; quítelo"),
            ));
        } else if name == "items" && found.replace(value).is_some() {
            faults.push(Fault::new(
                "/items",
                FaultCode::Duplicate,
                Sentence::new(
                    "the field occurs twice; send it once",
                    "el campo aparece dos veces; envíelo una sola vez",
                ),
            ));
        }
    });
    if !is_object {
        return Err(Problem::content(
            vec![Fault::new("", FaultCode::Type, Sentence::new("must be an object", "debe ser un objeto"))],
            None,
        ));
    }
    let items = found.filter(|items| items.get() != "null").map(|items| entries(items, MOST_ITEMS));
    let (code, sentence) = match items {
        Some(Ok(items)) if !items.is_empty() && faults.is_empty() => {
            return Ok(items.iter().map(|item| bytes.slice_ref(item.get().as_bytes())).collect());
        }
        Some(Ok(items)) if !items.is_empty() => return Err(Problem::content(faults, None)),
        None => (FaultCode::Required, Sentence::new("the items are missing", "faltan los elementos (items)")),
        Some(Err(NoList::OtherKind)) => (FaultCode::Type, Sentence::new("must be an array", "debe ser una lista")),
        Some(Ok(_) | Err(NoList::TooLong)) => (
            FaultCode::OutOfRange,
            Sentence::new("must hold {minimum} to {maximum} items", "debe contener de {minimum} a {maximum} elementos"),
        ),
    };
    let params = if code == FaultCode::OutOfRange { Params::range(1, MOST_ITEMS) } else { Params::default() };
    faults.push(Fault::new("/items", code, sentence).with(params));
    keep_first_of_each_place(&mut faults);
    Err(Problem::content(faults, None))
}

const _: () = assert!(LINES == 100_000, "the description of the operation states this number");
