//! Parts of responses: the JSON of an assessment, and the header of a repeated response.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::problem::Problem;
use crate::app::error::AppError;

/// Buffer size that fits nearly every assessment, bytes.
const ROOM: usize = 64 * 1024;

/// Set to `true` on a response that repeats the effect of an earlier request with the same idempotency key.
pub(in crate::http) const REPLAYED: &str = "idempotent-replayed";

pub(in crate::http) fn mark_replayed(response: &mut HttpResponseBuilder, replayed: bool) {
    if replayed {
        response.insert_header((REPLAYED, "true"));
    }
}

/// Writes the JSON of an assessment. Most of it is preserialized, so growing the buffer would be much of the work.
pub(in crate::http) fn json_response(
    response: &mut HttpResponseBuilder,
    body: &impl Serialize,
) -> Result<HttpResponse, Problem> {
    let mut json = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut json, body).map_err(|error| AppError::Internal(error.into()))?;
    Ok(response.content_type(ContentType::json()).body(json))
}
