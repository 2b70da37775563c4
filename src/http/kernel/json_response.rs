//! Writes the JSON of an assessment. Most of it is preserialized, so growing the buffer would be much of the work.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::problem::Problem;
use crate::app::error::AppError;

/// Buffer size that fits nearly every assessment, bytes.
const ROOM: usize = 64 * 1024;

pub(in crate::http) fn json_response(
    response: &mut HttpResponseBuilder,
    body: &impl Serialize,
) -> Result<HttpResponse, Problem> {
    let mut json = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut json, body).map_err(|error| AppError::Internal(error.into()))?;
    Ok(response.content_type(ContentType::json()).body(json))
}
