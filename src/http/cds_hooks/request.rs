//! The parts of a call that are read. It may contain more, which is ignored, as the specification allows.

use jiff::civil::Date;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::HOOK;
use super::answers::of_response;
use crate::domain::fault::{Fault, FaultCode, Params, Sentence};
use crate::http::fhir::dates::instant;
use crate::http::fhir::forms::Form;
use crate::http::fhir::response_items::Found;
use crate::http::kernel::body::not_json;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::slices::{NoList, entries, fields};

/// Maximum number of entries in a bundle of responses.
const ENTRIES: usize = 1_000;

/// A call with its prefetched data.
pub(super) struct HookCall {
    /// The id of the patient in the record system.
    pub(super) patient_id: String,
    pub(super) patient: Option<Value>,
    /// The newest response.
    pub(super) response: Option<Response>,
}

/// A response to the form.
pub(super) struct Response {
    /// The day it was answered, if given.
    pub(super) day: Option<Date>,
    /// The version of the form, if given.
    pub(super) version: Option<String>,
    pub(super) found: Found,
}

impl HookCall {
    /// # Errors
    /// Fails when the call is not for this hook, or has no usable prefetch data.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let whole: &RawValue = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
        let [hook, instance, context, prefetch] = members(Some(whole), ["hook", "hookInstance", "context", "prefetch"]);
        let [patient_id] = members(context, ["patientId"]).map(text);
        let id = |text: &str| {
            let fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            (1..=64).contains(&text.len()) && text.chars().all(fit)
        };
        let only = Sentence::new("must be {allowed}", "debe ser {allowed}");
        let checks = [
            (text(hook) == HOOK, "/hook", FaultCode::UnknownOption, only),
            (
                Uuid::try_parse(&text(instance)).is_ok(),
                "/hookInstance",
                FaultCode::Format,
                Sentence::new("must be a UUID", "debe ser un UUID"),
            ),
            (
                id(&patient_id),
                "/context/patientId",
                FaultCode::Format,
                Sentence::new("must be the id of a patient", "debe ser el id de un paciente"),
            ),
        ];
        let faults = checks.into_iter().filter(|(fit, ..)| !fit);
        let faults = faults.map(|(_, at, code, sentence)| {
            let allowed = (code == FaultCode::UnknownOption).then_some(HOOK);
            Fault::new(at, code, sentence).with(Params::allowed(allowed))
        });
        let faults: Vec<_> = faults.collect();
        if !faults.is_empty() {
            return Err(Problem::content(faults, None));
        }
        let [patient, responses] = members(prefetch, ["patient", "responses"]);
        let Some(responses) = responses.filter(|value| kind_of(value) != "OperationOutcome") else {
            let detail = "send the patient's responses as prefetch.responses; null if there are none";
            return Err(Problem::new(ProblemType::NotPrefetched, detail));
        };
        let patient = patient.filter(|patient| kind_of(patient) == "Patient");
        // Data of another patient must not end up on this chart.
        let own = patient.filter(|patient| {
            let [id] = members(Some(patient), ["id"]).map(text);
            id.is_empty() || id == patient_id
        });
        let about = About { id: &patient_id, identifiers: patient.map(|_| own.map(identifiers).unwrap_or_default()) };
        let response = newest(responses, &about)?;
        Ok(Self { patient: own.map(known_of), response, patient_id })
    }
}

/// The values of members of an object; if a member occurs twice, the last one.
fn members<'a, const N: usize>(object: Option<&'a RawValue>, names: [&str; N]) -> [Option<&'a RawValue>; N] {
    let mut found = [None; N];
    if let Some(object) = object {
        fields(object, |name, value| {
            if let Some(place) = names.iter().position(|known| *known == name) {
                found[place] = Some(value);
            }
        });
    }
    found
}

/// A string; empty if the value is not a string.
fn text(value: Option<&RawValue>) -> String {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

fn kind_of(resource: &RawValue) -> String {
    let [kind] = members(Some(resource), ["resourceType"]);
    text(kind)
}

/// The elements of a patient that are used; the full resource may be large.
fn known_of(patient: &RawValue) -> Value {
    let [born, gender, active, deceased, died] =
        members(Some(patient), ["birthDate", "gender", "active", "deceasedBoolean", "deceasedDateTime"]);
    let is = |value: Option<&RawValue>, known: &str| value.is_some_and(|value| value.get() == known);
    json!({
        "birthDate": text(born),
        "gender": text(gender),
        "active": !is(active, "false"),
        "deceased": is(deceased, "true") || died.is_some_and(|died| died.get() != "null"),
    })
}

/// The patient of the call.
struct About<'a> {
    id: &'a str,
    /// The patient's identifiers: empty if another patient was sent, `None` if no patient was sent.
    identifiers: Option<Vec<(String, String)>>,
}

/// The identifiers of a patient that have a value.
fn identifiers(patient: &RawValue) -> Vec<(String, String)> {
    let [listed] = members(Some(patient), ["identifier"]);
    let listed = listed.and_then(|list| entries(list, ENTRIES).ok()).unwrap_or_default();
    listed.into_iter().map(identity).filter(|(_, value)| !value.is_empty()).collect()
}

/// The system and the value of an identifier.
fn identity(identifier: &RawValue) -> (String, String) {
    let [system, value] = members(Some(identifier), ["system", "value"]).map(text);
    (system, value)
}

impl About<'_> {
    /// Whether the subject of a response is this patient: by the id of a reference, else by an identifier that the patient
    /// has. A response without a subject is about this patient, because the record system selected it for the call.
    fn is_subject(&self, subject: Option<&RawValue>) -> bool {
        let [reference, identifier] = members(subject, ["reference", "identifier"]);
        let reference = text(reference);
        if !reference.is_empty() {
            let id = reference.rsplit_once("Patient/").map_or(&*reference, |(_, id)| id);
            return id.split('/').next() == Some(self.id);
        }
        let Some((identifier, known)) = identifier.zip(self.identifiers.as_ref()) else { return true };
        known.contains(&identity(identifier))
    }
}

/// Whether a response answers this service's form. Without a canonical address, it does if it answers questions of the form and
/// no others.
fn is_of_the_form(canonical: &str, found: &Found) -> bool {
    let form = canonical.split('|').next().unwrap_or_default();
    if form.is_empty() { !found.foreign_answers } else { Form::of_url(form).is_some() }
}

/// The newest complete response of the patient to the form, from a bundle or a single resource. Responses are read one by one,
/// so that a large call is never in memory as a tree.
fn newest(responses: &RawValue, about: &About<'_>) -> Result<Option<Response>, Problem> {
    let [entry] = members(Some(responses), ["entry"]);
    let listed = match entry.map(|entry| entries(entry, ENTRIES)) {
        Some(Err(NoList::TooLong)) => {
            let many = Sentence::new("at most {maximum} entries", "como máximo {maximum} entradas");
            let fault =
                Fault::new("/prefetch/responses/entry", FaultCode::OutOfRange, many).with(Params::at_most(ENTRIES));
            return Err(Problem::content(vec![fault], None));
        }
        listed => listed.and_then(Result::ok).unwrap_or_default(),
    };
    let read = |at: String, resource: &RawValue| {
        let [kind, status, authored, item, canonical, subject] =
            members(Some(resource), ["resourceType", "status", "authored", "item", "questionnaire", "subject"]);
        let canonical = text(canonical);
        let done = ["completed", "amended"].contains(&&*text(status));
        let found = (done && text(kind) == "QuestionnaireResponse").then(|| of_response(item, &at)).flatten()?;
        if !is_of_the_form(&canonical, &found) || !about.is_subject(subject) {
            return None;
        }
        let version = canonical.split_once('|').map(|(_, version)| version.to_owned());
        let authored = text(authored);
        let day = authored.get(..10).and_then(|day| day.parse::<Date>().ok());
        Some((instant(&authored), Response { day, version, found }))
    };
    let listed = listed.into_iter().enumerate().filter_map(|(index, entry)| {
        let [resource] = members(Some(entry), ["resource"]);
        read(format!("/prefetch/responses/entry/{index}/resource"), resource?)
    });
    let single = read("/prefetch/responses".to_owned(), responses);
    Ok(single.into_iter().chain(listed).max_by_key(|(at, _)| *at).map(|(_, response)| response))
}
