//! A call of a service: what is read of it. It may carry more, which is passed over, as the specification allows.

use jiff::civil::Date;
use serde_json::Value;
use uuid::Uuid;

use super::HOOK;
use super::answers::of_response;
use crate::domain::fault::{Fault, FaultCode};
use crate::http::fhir::dates::instant;
use crate::http::fhir::response_items::Found;
use crate::http::problem::{Problem, ProblemType};

/// A call with what was prefetched for it.
pub(super) struct HookCall {
    /// The id of the patient in the record system.
    pub(super) patient_id: String,
    /// The patient, if sent.
    pub(super) patient: Option<Value>,
    /// The newest response.
    pub(super) response: Option<Response>,
}

/// A response to our questions.
pub(super) struct Response {
    /// The day that it is of, as far as it says.
    pub(super) day: Option<Date>,
    /// What it says.
    pub(super) found: Found,
}

impl HookCall {
    /// Reads a call.
    ///
    /// # Errors
    /// When it is none of this hook, or nothing was prefetched that could be looked at.
    pub(super) fn parse(body: &Value) -> Result<Self, Problem> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let id = |text: &str| {
            let fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            (1..=64).contains(&text.len()) && text.chars().all(fit)
        };
        let checks = [
            (text("/hook") == HOOK, "/hook", FaultCode::UnknownOption, "must be patient-view"),
            (Uuid::try_parse(text("/hookInstance")).is_ok(), "/hookInstance", FaultCode::Format, "must be a UUID"),
            (id(text("/context/patientId")), "/context/patientId", FaultCode::Format, "must be the id of a patient"),
        ];
        let faults = checks.into_iter().filter(|(fit, ..)| !fit);
        let faults: Vec<_> = faults.map(|(_, at, code, detail)| Fault::new(at, code, detail)).collect();
        if !faults.is_empty() {
            return Err(Problem::content(faults, None));
        }
        let (patient, responses) = (body.pointer("/prefetch/patient"), body.pointer("/prefetch/responses"));
        let of_kind = |value: &&Value, kind: &str| value["resourceType"] == kind;
        let patient = patient.filter(|patient| of_kind(patient, "Patient")).cloned();
        let Some(responses) = responses.filter(|value| !of_kind(value, "OperationOutcome")) else {
            let detail = "send the patient's responses as prefetch.responses; null says that there are none";
            return Err(Problem::new(ProblemType::NotPrefetched, detail));
        };
        Ok(Self { patient_id: text("/context/patientId").to_owned(), patient, response: newest(responses) })
    }
}

/// The newest complete response to a form of ours, among those of a bundle or by itself.
fn newest(responses: &Value) -> Option<Response> {
    let single = [("/prefetch/responses".to_owned(), responses)];
    let entries = responses["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let entries = entries.iter().enumerate();
    let listed =
        entries.map(|(index, entry)| (format!("/prefetch/responses/entry/{index}/resource"), &entry["resource"]));
    let read = |(at, resource): (String, &Value)| {
        let done = ["completed", "amended"].iter().any(|status| resource["status"] == *status);
        let fit = resource["resourceType"] == "QuestionnaireResponse" && done;
        let found = fit.then(|| of_response(resource, &at)).flatten()?;
        let authored = resource["authored"].as_str().unwrap_or_default();
        let day = authored.get(..10).and_then(|day| day.parse::<Date>().ok());
        Some((instant(authored), Response { day, found }))
    };
    single.into_iter().chain(listed).filter_map(read).max_by_key(|(at, _)| *at).map(|(_, response)| response)
}
