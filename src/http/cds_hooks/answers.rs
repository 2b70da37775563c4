//! Answers out of what a record system sends: those of a questionnaire response, and age and sex of the patient where the
//! response does not say.

use std::borrow::Cow;

use jiff::civil::Date;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::answers::Answers;
use crate::domain::fault::{Fault, FaultCode};
use crate::http::fhir::patient;
use crate::http::fhir::response_items::{Found, ItemInput, Places};

/// Bytes of the items of a response, at most: as values they are many times larger.
const ITEMS_LIMIT: usize = 256 * 1024;

/// Places as JSON pointers.
const PLACES: Places = Places {
    item: |parent, index, _| format!("{parent}/item/{index}"),
    answer: |parent, index| format!("{parent}/answer/{index}"),
};

/// What the items of a response say to our questions; `None` for one to another form, of which a record system holds many.
pub(super) fn of_response(items: Option<&RawValue>, at: &str) -> Option<Found> {
    let mut found = Found::default();
    let read = |items: &RawValue| {
        let fits = items.get().len() <= ITEMS_LIMIT;
        let limit = (FaultCode::OutOfRange, "at most 256 KiB");
        let list = fits.then(|| serde_json::from_str::<Vec<ItemInput>>(items.get())).ok_or(limit)?;
        list.map_err(|_| (FaultCode::Type, "must be a list of items"))
    };
    match items.map_or(Ok(Vec::new()), read) {
        Ok(items) => found.collect(&items, at, PLACES),
        Err((code, detail)) => found.faults.push(Fault::new(format!("{at}/item"), code, detail)),
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
