//! The JSON API: a folder for each subject, and what several of these folders use.

pub(super) mod access;
pub(super) mod audit;
pub(super) mod clinics;
mod contact;
pub(super) mod follow_ups;
mod input;
pub mod screening;
pub(super) mod subjects;
mod submission_summary;
pub mod submissions;
pub(super) mod webhooks;

use actix_web::HttpResponse;

use crate::http::kernel::problem::Problem;

/// What a handler returns.
type HttpResult = Result<HttpResponse, Problem>;
