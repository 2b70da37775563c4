//! Reads a body and refuses its faults.

use serde::de::DeserializeOwned;
use validator::Validate;

use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::http::kernel::body::Incoming;
use crate::http::kernel::problem::Problem;

/// Reads a body; a fault of its form is a problem.
pub(super) async fn read<T: DeserializeOwned + Validate>(incoming: Incoming) -> Result<T, Problem> {
    let body = incoming.read::<T>().await?;
    faultless(Some(body.value), body.faults)
}

/// The parsed input, or the problem that lists the faults.
pub(super) fn faultless<T>(parsed: Option<T>, faults: Vec<Fault>) -> Result<T, Problem> {
    parsed.filter(|_| faults.is_empty()).ok_or_else(|| Problem::content(faults, None))
}

/// Adds a fault if a field is missing.
pub(super) fn required<T>(value: Option<T>, pointer: &str, faults: &mut Vec<Fault>) -> Option<T> {
    if value.is_none() {
        faults.push(Fault::new(pointer, FaultCode::Required, Sentence::new("must be given", "debe indicarse")));
    }
    value
}
