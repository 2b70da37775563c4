//! Answers out of what a record system sends: those of a questionnaire response, and age and sex of the patient where the
//! response does not say.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::Deserialize as _;
use serde_json::Value;

use crate::domain::answers::Answers;
use crate::domain::fault::{Fault, FaultCode};
use crate::http::fhir::patient;
use crate::http::fhir::response_items::{Found, ItemInput, Places};

/// Places as JSON pointers.
const PLACES: Places = Places {
    item: |parent, index, _| format!("{parent}/item/{index}"),
    answer: |parent, index| format!("{parent}/answer/{index}"),
};

/// What a response says to our questions; `None` for one to another form, of which a record system holds many.
pub(super) fn of_response(response: &Value, at: &str) -> Option<Found> {
    let mut found = Found::default();
    let items = response.get("item").map_or_else(|| Ok(Vec::new()), Vec::<ItemInput>::deserialize);
    match items {
        Ok(items) => found.collect(&items, at, PLACES),
        Err(_) => found.faults.push(Fault::new(format!("{at}/item"), FaultCode::Type, "must be a list of items")),
    }
    (!found.raw.0.is_empty() || !found.faults.is_empty()).then_some(found)
}

/// The answers that are known, and every fault of those that cannot be read. An answer that cannot be read is never passed
/// over: it would count as unanswered.
pub(super) fn known(mut found: Found, patient: Option<&Value>, today: Date) -> (Answers, Vec<Fault>) {
    for (item, value, name) in patient.into_iter().flat_map(|patient| patient::answers(patient, today)) {
        // What somebody said goes before what is on record.
        if !found.raw.0.iter().any(|(answered, _)| answered == item.id()) {
            found.raw.0.push((Cow::Borrowed(item.id()), value));
            found.places.insert(item.id(), format!("/prefetch/patient/{name}"));
        }
    }
    let (answers, faults) = Answers::parse(&found.raw);
    let placed = faults.into_iter().map(|fault| {
        let item = fault.pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        let pointer = found.places.get(item).cloned().unwrap_or_default();
        Fault { pointer, ..fault }
    });
    let faults = found.faults.into_iter().chain(placed).collect();
    (answers, faults)
}
