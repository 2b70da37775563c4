//! Exports of submissions and follow-ups, streamed while they are read.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::PartialSchema;

use super::csv;
use super::export_rows::{
    ExportEndBody, ExportFormat, ExportedFollowUpBody, ExportedSubmissionBody, FollowUpExportQuery,
    SubmissionExportQuery,
};
use crate::app::error::AppError;
use crate::app::submissions::exports;
use crate::domain::audit::AuditAction;
use crate::domain::causes::with_causes;
use crate::domain::submissions::export::Exported;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::extract::{Later, Query};
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;

/// Get an export of follow-ups
///
/// All follow-ups that were flagged before the request and match the filters, oldest first, without contact data and notes;
/// without a state, closed ones are included. The response is streamed while it is read, so it is not a consistent snapshot.
///
/// Completeness: the last line of NDJSON is an object with `end` and the number of rows; CSV is complete when the HTTP message
/// ends properly. If reading fails, the connection is aborted. Every row has a `cursor`; pass the last one received as
/// `after`, with the same filters, to get the following rows. A follow-up that is being stored at the time of the request may
/// be missing: to continue on another day, use the cursor of a row that is older than a minute.
///
/// In CSV, a list is one cell with values separated by spaces. A text that begins like a formula, or with an apostrophe, is
/// prefixed with an apostrophe; remove one leading apostrophe to get the text. Control characters become U+FFFD. An export has
/// one audit entry, which names no subject; it covers all subjects of the clinic.
///
/// A clinic can run four exports at a time. A fifth is refused with 429 unless one of the four ends within a second.
#[utoipa::path(
    tag = "staff",
    params(FollowUpExportQuery),
    responses((status = 200, description = "The rows; the last line of NDJSON is an `ExportEnd`", content(
        (ExportedFollowUpBody = "application/x-ndjson"),
        (String = "text/csv"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpsExported))),
    security(("key" = ["staff"]))
)]
#[get("/v1/exports/follow-ups")]
pub async fn get_follow_up_export(
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<FollowUpExportQuery>>,
) -> HttpResult {
    let query = query.read()?.0;
    let (format, after) = (query.format.unwrap_or_default(), query.after.clone());
    let chunks = exports::follow_ups(&state.app, &caller.actor(), query.filter(), after).await?;
    Ok(answer::<_, ExportedFollowUpBody>("follow-ups", format, chunks))
}

/// Get an export of submissions
///
/// All submissions that were received before the request and match the filters, oldest first, without contact data and
/// answers. Otherwise the same as the export of follow-ups.
#[utoipa::path(
    tag = "staff",
    params(SubmissionExportQuery),
    responses((status = 200, description = "The rows; the last line of NDJSON is an `ExportEnd`", content(
        (ExportedSubmissionBody = "application/x-ndjson"),
        (String = "text/csv"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionsExported))),
    security(("key" = ["staff"]))
)]
#[get("/v1/exports/submissions")]
pub async fn get_submission_export(
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<SubmissionExportQuery>>,
) -> HttpResult {
    let query = query.read()?.0;
    let (format, after) = (query.format.unwrap_or_default(), query.after.clone());
    let chunks = exports::submissions(&state.app, &caller.actor(), query.filter(), after).await?;
    Ok(answer::<_, ExportedSubmissionBody>("submissions", format, chunks))
}

/// Streams the chunks as they are read. An error in the stream makes the server drop the connection.
pub(in crate::http) fn answer<T: 'static, B: From<Exported<T>> + Serialize + PartialSchema + 'static>(
    name: &str,
    format: ExportFormat,
    chunks: impl Stream<Item = Result<Vec<Exported<T>>, AppError>> + 'static,
) -> HttpResponse {
    let chunks = chunks.inspect_err(|error| tracing::error!(error = %with_causes(error), "an export was aborted"));
    let chunks = chunks.map_ok(|chunk| chunk.into_iter().map(B::from).collect::<Vec<_>>());
    let file = |ending: &str| (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\""));
    let mut response = HttpResponse::Ok();
    match format {
        ExportFormat::Ndjson => {
            response.content_type("application/x-ndjson").insert_header(file("ndjson")).streaming(ndjson(chunks))
        }
        ExportFormat::Csv => {
            let kind = "text/csv; charset=utf-8; header=present";
            response.content_type(kind).insert_header(file("csv")).streaming(csv(chunks))
        }
    }
}

/// One JSON object per line; the last line has the number of rows.
fn ndjson<B: Serialize>(
    chunks: impl Stream<Item = Result<Vec<B>, AppError>>,
) -> impl Stream<Item = Result<Bytes, AppError>> {
    let ended = chunks.map_ok(Some).chain(stream::once(async { Ok(None) }));
    ended.scan(0, |rows, chunk| {
        let lines = chunk.and_then(|chunk| match chunk {
            Some(chunk) => {
                *rows += chunk.len() as u64;
                lines(&chunk)
            }
            None => lines(&[ExportEndBody { end: true, rows: *rows }]),
        });
        std::future::ready(Some(lines))
    })
}

fn lines<B: Serialize>(rows: &[B]) -> Result<Bytes, AppError> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row).map_err(|error| AppError::Internal(error.into()))?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}

/// A header line, then one record per row.
fn csv<B: Serialize + PartialSchema>(
    chunks: impl Stream<Item = Result<Vec<B>, AppError>>,
) -> impl Stream<Item = Result<Bytes, AppError>> {
    let header = stream::once(async { csv::header::<B>() });
    header.chain(chunks.map(|chunk| csv::lines(&chunk?))).map_ok(Bytes::from)
}
