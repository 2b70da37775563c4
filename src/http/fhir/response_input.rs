//! `QuestionnaireResponse` as input, which becomes the draft of a submission. Other elements are allowed and ignored.

use std::collections::HashMap;

use actix_web::HttpRequest;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use validator::Validate;

use super::dates::period;
use super::element::{given, reference};
use super::forms::Form;
use super::names::{IMPORTED, RESULTS, SUBJECT, SUPERSEDES, TEST};
use super::people::local_id;
use super::response_items::{Found, ItemInput, Places};
use crate::app::error::AppError;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::ids::SubmissionId;
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::subjects;
use crate::domain::subjects::SubjectDraft;
use crate::domain::submissions::{Draft, ExternalSource, Stated};

const RESPONSE: &str = "QuestionnaireResponse";
/// The place of the reference to the corrected response.
pub(super) const CORRECTION: &str = "extension.where(url='urn:sarcoscreen:supersedes').valueReference";

#[derive(Clone, Default, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseInput {
    resource_type: Option<String>,
    id: Option<String>,
    meta: Option<MetaInput>,
    identifier: Option<IdentifierInput>,
    questionnaire: Option<String>,
    status: Option<String>,
    subject: Option<ReferenceInput>,
    authored: Option<String>,
    #[serde(default)]
    extension: Vec<ExtensionInput>,
    #[serde(default)]
    item: Vec<ItemInput>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionInput {
    url: Option<String>,
    value_reference: Option<ReferenceInput>,
}

#[derive(Clone, Deserialize)]
struct MetaInput {
    #[serde(default)]
    tag: Vec<CodeInput>,
}

#[derive(Clone, Deserialize)]
pub(super) struct CodeInput {
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(super) struct IdentifierInput {
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
}

/// The subject of the answers.
#[derive(Clone, Deserialize)]
struct ReferenceInput {
    reference: Option<String>,
    identifier: Option<IdentifierInput>,
}

const OTHER_STATUS: Sentence = Sentence::new(
    "only a response with the status completed or amended can be scored and stored",
    "solo se puede puntuar y guardar una respuesta con el estado completed o amended",
);
const CORRECTED: Sentence = Sentence::new(
    "must be a reference to the QuestionnaireResponse that this one corrects",
    "debe ser una referencia a la QuestionnaireResponse que esta corrige",
);
const OTHER_FORM: Sentence = Sentence::new(
    "is not the form of this service in a known version",
    "no es el formulario de este servicio en una versión conocida",
);
const DATE: Sentence = Sentence::new(
    "must be a year, a month, a day, or a day with a time and an offset",
    "debe ser un año, un mes, un día, o un día con hora y desplazamiento horario",
);

/// Place of each question in the resource.
pub(super) struct QuestionPlaces(HashMap<&'static str, String>);

/// Places as `FHIRPath`.
const PLACES: Places = Places {
    item: |parent, _, link| link.map_or_else(|| format!("{parent}.item"), |link| question(parent, link)),
    answer: |parent, _| format!("{parent}.answer"),
};

impl MetaInput {
    /// Whether it has a tag of this service.
    fn has(&self, code: &str) -> bool {
        let own = |tag: &CodeInput| tag.system.as_deref() == Some(RESULTS) && tag.code.as_deref() == Some(code);
        self.tag.iter().any(own)
    }
}

impl ResponseInput {
    pub(super) fn about(&self) -> Option<Value> {
        let ReferenceInput { reference, identifier } = self.subject.as_ref()?;
        let identifier = identifier.as_ref().and_then(|one| Some((one.system.as_deref(), one.value.as_deref()?)));
        (reference.is_some() || identifier.is_some()).then(|| given(reference.as_deref(), identifier))
    }

    /// Reference to the resource in the system that it comes from, if it has an id.
    pub(super) fn address(&self) -> Option<Value> {
        self.id.as_ref().map(|id| reference(RESPONSE, id))
    }

    /// The id of the subject in this service, if the response names it so: as a Patient without an identifier of its own, or by the
    /// identifier that this service gave it.
    pub(super) fn subject(&self, request: &HttpRequest) -> Option<Uuid> {
        let ReferenceInput { reference, identifier } = self.subject.as_ref()?;
        let given = identifier.as_ref().and_then(|one| Some((one.system.as_deref(), one.value.as_deref()?)));
        match given {
            Some((Some(SUBJECT), id)) => Uuid::try_parse(id).ok(),
            Some(_) => None,
            None => {
                let reference = reference.as_deref().filter(|reference| reference.contains("Patient/"))?;
                local_id(request, "Patient", reference)
            }
        }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The response that this one corrects, as its extension names it.
    pub(super) fn supersedes(&self, request: &HttpRequest, faults: &mut Vec<Fault>) -> Option<SubmissionId> {
        let mut named = self.extension.iter().filter(|one| one.url.as_deref() == Some(SUPERSEDES));
        let named = named.next()?;
        let reference = named.value_reference.as_ref().and_then(|value| value.reference.as_deref());
        let id = reference.and_then(|reference| local_id(request, RESPONSE, reference));
        if id.is_none() {
            faults.push(at(CORRECTION, FaultCode::Format, CORRECTED));
        }
        id.map(SubmissionId)
    }

    /// Whether the response says that it corrects another.
    pub(super) fn is_amended(&self) -> bool {
        self.status.as_deref() == Some("amended")
    }

    /// The clinic's reference of the subject.
    pub(super) fn reference(&self, faults: &mut Vec<Fault>) -> Option<subjects::Reference> {
        let identifier = self.subject.as_ref()?.identifier.as_ref();
        let Some((identifier, value)) = identifier.and_then(|one| Some((one, one.value.as_deref()?))) else {
            let detail = Sentence::new(
                "give the reference of the person as subject.identifier.value",
                "indique la referencia de la persona en subject.identifier.value",
            );
            faults.push(at("subject", FaultCode::Required, detail));
            return None;
        };
        let system = identifier.system.as_deref().map(|system| (system, "subject.identifier.system"));
        let parsed = subjects::Reference::parse(system, (value, "subject.identifier.value"));
        let placed = |one: Fault| Fault { pointer: format!("{RESPONSE}.{}", one.pointer), ..one };
        let refused = |found: Vec<Fault>| faults.extend(found.into_iter().map(placed));
        parsed.map_err(refused).ok()
    }

    /// Reads the draft of a submission from the resource, as far as possible and without the subject and the corrected response;
    /// unknown versions of the form are rejected. `today` is the day at the clinic.
    pub(super) fn read(
        self,
        versions: &[String],
        language: Language,
        (today, zone): (Date, &TimeZone),
        faults: &mut Vec<Fault>,
    ) -> (Draft, QuestionPlaces) {
        let mut fault = |element: &str, code, sentence| faults.push(at(element, code, sentence));
        if self.resource_type.as_deref() != Some(RESPONSE) {
            fault(
                "resourceType",
                FaultCode::UnknownOption,
                Sentence::new("must be QuestionnaireResponse", "debe ser QuestionnaireResponse"),
            );
        }
        match self.status.as_deref() {
            Some("completed" | "amended") => {}
            None => fault("status", FaultCode::Required, Sentence::new("must be completed", "debe ser completed")),
            Some(_) => fault("status", FaultCode::Contradiction, OTHER_STATUS),
        }
        let form = self.questionnaire.as_deref();
        if form.is_some_and(|canonical| !known_form(canonical, versions)) {
            fault("questionnaire", FaultCode::NotFound, OTHER_FORM);
        }
        let form_version = form.and_then(|canonical| Form::of_canonical(canonical)?.1).map(str::to_owned);
        let (imported, test) = self.meta.map(|meta| (meta.has(IMPORTED), meta.has(TEST))).unwrap_or_default();
        let source = source(self.identifier, &mut fault);
        let answered = self.authored.and_then(|text| {
            let parsed = authored(&text, today, zone);
            if parsed.is_none() {
                fault("authored", FaultCode::Format, DATE);
            }
            parsed
        });
        let (answered_at, answered_on) = answered.unzip();
        let mut found = Found::default();
        found.collect(&self.item, RESPONSE, PLACES);
        faults.extend(found.foreign.into_iter().chain(found.faults));
        let (answers, wrong) = Answers::parse(&found.raw);
        faults.extend(wrong.into_iter().map(|one| one.under("/answers")));
        let draft = Draft {
            answers,
            subject: SubjectDraft::default(),
            warnings: Vec::new(),
            answered_at,
            stated: Stated { form_version, answered_on: answered_on.flatten() },
            source,
            pathway: None,
            supersedes: None,
            imported,
            test,
            language,
            idempotency: None,
        };
        (draft, QuestionPlaces(found.places))
    }
}

impl QuestionPlaces {
    /// The error with the places of its faults in the resource.
    pub(super) fn located(&self, error: AppError) -> AppError {
        let placed = |faults: Vec<Fault>| faults.into_iter().map(|fault| self.place(fault)).collect();
        match error {
            AppError::Refused { faults, alarm } => AppError::Refused { faults: placed(faults), alarm },
            AppError::Faulty(faults) => AppError::Faulty(placed(faults)),
            other => other,
        }
    }

    /// A fault with its place in the resource instead of the draft.
    fn place(&self, fault: Fault) -> Fault {
        let path = match &*fault.pointer {
            "/answered_at" => format!("{RESPONSE}.authored"),
            "/source" => format!("{RESPONSE}.identifier"),
            "/source/system" => format!("{RESPONSE}.identifier.system"),
            "/subject/reference" => format!("{RESPONSE}.subject.identifier"),
            "/subject/reference_system" => format!("{RESPONSE}.subject.identifier.system"),
            "/supersedes" => format!("{RESPONSE}.{CORRECTION}"),
            "/imported" => format!("{RESPONSE}.meta.tag"),
            other => match other.strip_prefix("/answers/").and_then(|rest| rest.split('/').next()) {
                Some(link) => self.0.get(link).cloned().unwrap_or_else(|| question(RESPONSE, link)),
                None => return fault,
            },
        };
        Fault { pointer: path, ..fault }
    }
}

fn at(element: &str, code: FaultCode, sentence: Sentence) -> Fault {
    Fault::new(format!("{RESPONSE}.{element}"), code, sentence)
}

fn question(parent: &str, link: &str) -> String {
    format!("{parent}.item.where(linkId='{link}')")
}

/// Whether a canonical URL is one of the forms in one of these versions.
pub(super) fn known_form(canonical: &str, versions: &[String]) -> bool {
    let known = |version: &str| versions.iter().any(|known| known == version);
    Form::of_canonical(canonical).is_some_and(|(_, version)| version.is_none_or(known))
}

/// The time of answers: an instant, or the beginning of a day, a month or a year at the clinic, with the date as it was stated. The
/// day of a client may begin before that of the clinic. `None` if it is no date.
fn authored(text: &str, today: Date, zone: &TimeZone) -> Option<(Timestamp, Option<String>)> {
    if text.contains('T') {
        let at: Timestamp = text.parse().ok()?;
        // The database has microseconds.
        return Some((at.round(Unit::Microsecond).unwrap_or(at), None));
    }
    period(text)?;
    let first: Date = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    }
    .parse()
    .ok()?;
    let first = if today.tomorrow().is_ok_and(|tomorrow| first == tomorrow) { today } else { first };
    Some((first.to_zoned(zone.clone()).ok()?.timestamp(), Some(text.to_owned())))
}

/// Whether text is allowed as the system or id of a record.
pub(super) fn plain(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn source(
    identifier: Option<IdentifierInput>,
    fault: &mut impl FnMut(&str, FaultCode, Sentence),
) -> Option<ExternalSource> {
    let IdentifierInput { system, value } = identifier?;
    for (part, name) in [(&system, "system"), (&value, "value")] {
        let element = format!("identifier.{name}");
        match part {
            None => fault(
                &element,
                FaultCode::Required,
                Sentence::new(
                    "an identifier must have a system and a value",
                    "un identificador debe tener system y value",
                ),
            ),
            Some(text) if !plain(text) => fault(
                &element,
                FaultCode::Text,
                Sentence::new("must be 1 to 200 visible characters", "debe tener de 1 a 200 caracteres visibles"),
            ),
            Some(_) => {}
        }
    }
    Some(ExternalSource { system: system?, id: value? })
}
