//! Answers from the data that a record system sends: from a questionnaire response, and age and sex from the patient if the
//! response lacks them.

use std::borrow::Cow;

use jiff::civil::Date;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::screening::answers::Answers;
use crate::domain::screening::questionnaire::Item;
use crate::http::fhir::patient;
use crate::http::fhir::response_items::{Found, ItemInput, Places};

/// Maximum bytes of the items of a response; parsed values are many times larger.
const ITEMS_LIMIT: usize = 256 * 1024;

/// Places as JSON pointers.
const PLACES: Places = Places {
    item: |parent, index, _| format!("{parent}/item/{index}"),
    answer: |parent, index| format!("{parent}/answer/{index}"),
};

/// The answers in the items of a response; `None` if it belongs to a different form, of which a record system has many.
pub(super) fn of_response(items: Option<&RawValue>, at: &str) -> Option<Found> {
    let mut found = Found::default();
    let read = |items: &RawValue| {
        let fits = items.get().len() <= ITEMS_LIMIT;
        let limit = (FaultCode::OutOfRange, Sentence::new("at most 256 KiB", "como máximo 256 KiB"));
        let list = fits.then(|| serde_json::from_str::<Vec<ItemInput>>(items.get())).ok_or(limit)?;
        list.map_err(|_| {
            (FaultCode::Type, Sentence::new("must be a list of items", "debe ser una lista de elementos item"))
        })
    };
    match items.map_or(Ok(Vec::new()), read) {
        Ok(items) => found.collect(&items, at, PLACES),
        Err((code, detail)) => found.faults.push(Fault::new(format!("{at}/item"), code, detail)),
    }
    (!found.raw.0.is_empty() || !found.faults.is_empty()).then_some(found)
}

/// The known answers, and the faults of unreadable ones. An unreadable answer is never ignored, because it would count as
/// unanswered.
pub(super) fn known(mut found: Found, patient: Option<&Value>, today: Date) -> (Answers, Vec<Fault>) {
    for (item, value, name) in patient.into_iter().flat_map(|patient| patient::answers(patient, today)) {
        // The person's answers take precedence over data of the record, except for the age: an old response has the age at its
        // time.
        let answered = found.raw.0.iter().position(|(answered, _)| answered == item.id());
        match answered {
            Some(place) if item == Item::Age => found.raw.0[place].1 = value,
            Some(_) => continue,
            None => found.raw.0.push((Cow::Borrowed(item.id()), value)),
        }
        found.places.insert(item.id(), format!("/prefetch/patient/{name}"));
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
