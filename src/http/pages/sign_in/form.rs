//! The form with a key. Its sender is not known yet, so it is small.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::http::kernel::body::declared_as;
use crate::http::kernel::problem::{Problem, ProblemType};

/// Maximum size of the form, bytes.
const LIMIT: usize = 2 * 1024;

pub(super) struct SignInForm {
    /// Without white space around it; empty if there is none.
    pub key: Zeroizing<String>,
    /// The page to return to, not checked yet.
    pub to: String,
}

impl SignInForm {
    /// Fails when the body is no form, too large or too slow.
    pub(super) async fn read(request: &HttpRequest, payload: Payload, deadline: Duration) -> Result<Self, Problem> {
        declared_as(request, "application/x-www-form-urlencoded")?;
        let late = |_| Problem::new(ProblemType::RequestTimeout, "the body did not arrive in time");
        let bytes = timeout(deadline, arrive(payload)).await.map_err(late)??;
        let mut form = Self { key: Zeroizing::default(), to: String::new() };
        for (name, value) in form_urlencoded::parse(&bytes) {
            match &*name {
                "key" => form.key = Zeroizing::new(value.trim().to_owned()),
                "to" => form.to = value.into_owned(),
                _ => {}
            }
        }
        Ok(form)
    }
}

async fn arrive(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ProblemType::MalformedRequest, "the body is incomplete"))?;
        if bytes.len() + chunk.len() > LIMIT {
            return Err(Problem::new(ProblemType::BodyTooLarge, format!("at most {LIMIT} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
