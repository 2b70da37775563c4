//! Search parameters of resources made of submissions: `QuestionnaireResponse`, `RiskAssessment`, `Observation`.

use uuid::Uuid;

use super::dates::span;
use super::forms::Form;
use super::names::SUBJECT;
use super::response_input::form_and_version;
use super::search::{Parameters, any, token};
use crate::domain::fault::{FaultCode, Sentence};
use crate::domain::ids::{SubjectId, SubmissionId};
use crate::domain::page::PageRequest;
use crate::domain::submissions::ExternalSource;
use crate::domain::submissions::record::{RecordFilter, Standing};
use crate::http::kernel::problem::Problem;

/// Default and maximum page size.
const PAGE: (u16, u16) = (50, 200);

pub(super) struct RecordSearch {
    pub(super) filter: RecordFilter,
    pub(super) page: PageRequest,
    /// Whether the filter can match anything.
    pub(super) possible: bool,
    pub(super) codes: Vec<String>,
    /// Number of resources of the first submission that earlier pages have returned.
    pub(super) shown: usize,
    /// Whether the search is by identifier, which must not appear in a URL.
    pub(super) by_identifier: bool,
}

/// Differences between the resource types.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The status of a resource.
    pub(super) status: fn(Standing) -> &'static str,
    /// Name of the parameter for the time of answering.
    pub(super) date: &'static str,
    /// Whether the type is `QuestionnaireResponse`, which has an identifier and a form.
    pub(super) form: bool,
    pub(super) coded: bool,
}

impl RecordSearch {
    /// Reads the parameters, which may be `posted` as a form. The caller reads the part of an observation's id after the
    /// submission id.
    pub(super) fn read(mut parameters: Parameters, posted: bool, kind: Kind) -> Result<Self, Problem> {
        let statuses = parameters.all("status");
        let mut filter = RecordFilter::default();
        let mut possible = true;
        if !statuses.is_empty() {
            let standings = Standing::ALL.into_iter().filter(|standing| any(&statuses, (kind.status)(*standing)));
            let standings: Vec<_> = standings.collect();
            possible = !standings.is_empty();
            filter.standings = Some(standings);
        }
        (filter.updated_from, filter.updated_to) = span(&mut parameters, "_lastUpdated");
        (filter.answered_from, filter.answered_to) = span(&mut parameters, kind.date);
        filter.subject_id = subject(&mut parameters).map(SubjectId);
        if let Some(id) = parameters.one("_id") {
            filter.submission_id = id.get(..36).and_then(|id| Uuid::try_parse(id).ok()).map(SubmissionId);
            possible &= filter.submission_id.is_some();
        }
        let mut by_identifier = false;
        if kind.form {
            possible &= form_asked(&mut parameters, &mut filter);
            filter.source = identifier(&mut parameters, posted);
            by_identifier = filter.source.is_some();
        }
        let codes = if kind.coded { parameters.all("code") } else { Vec::new() };
        let shown = parameters.one("_shown").and_then(|text| text.parse().ok()).unwrap_or_default();
        let page = page(&mut parameters);
        parameters.end()?;
        Ok(Self { filter, page, possible, codes, shown, by_identifier })
    }
}

pub(super) fn page(parameters: &mut Parameters) -> PageRequest {
    let limit = match parameters.one("_count").map(|text| text.parse::<u16>()) {
        None => PAGE.0,
        Some(Ok(count @ 1..)) => count.min(PAGE.1),
        Some(_) => {
            parameters.refuse(
                "_count",
                FaultCode::OutOfRange,
                Sentence::new(
                    "must be 1 or more; a page has at most 200",
                    "debe ser 1 o más; una página tiene como máximo 200",
                ),
            );
            PAGE.0
        }
    };
    PageRequest { limit, cursor: parameters.one("_cursor") }
}

/// The subject by its id in this service: bare, as a reference, or as an identifier of this service.
pub(super) fn subject(parameters: &mut Parameters) -> Option<Uuid> {
    let mut found = None;
    for name in ["subject", "patient", "subject:identifier", "patient:identifier"] {
        let Some(value) = parameters.one(name) else { continue };
        let identifier = || token(&value).filter(|(system, _)| *system == SUBJECT).map(|(_, id)| id);
        let id = value.strip_prefix("Patient/").or_else(identifier);
        match Uuid::try_parse(id.unwrap_or(&value)) {
            Ok(id) if found.is_none_or(|other| other == id) => found = Some(id),
            _ => parameters.refuse(
                name,
                FaultCode::Format,
                Sentence::new(
                    "must be one subject id of this service",
                    "debe ser un único id de sujeto de este servicio",
                ),
            ),
        }
    }
    found
}

fn form_asked(parameters: &mut Parameters, filter: &mut RecordFilter) -> bool {
    let Some(canonical) = parameters.one("questionnaire") else { return true };
    let (url, version) = form_and_version(&canonical);
    filter.rule_table = version.map(str::to_owned);
    // A stored response is one to the whole form.
    Form::of_url(url) == Some(Form::Whole)
}

/// A record identifier may identify a person, so it is accepted only in a form.
fn identifier(parameters: &mut Parameters, posted: bool) -> Option<ExternalSource> {
    let identifier = parameters.one("identifier")?;
    if !posted {
        parameters.refuse(
            "identifier",
            FaultCode::NotAllowed,
            Sentence::new("send it by POST to _search, not in a URL", "envíelo por POST a _search, no en una URL"),
        );
        return None;
    }
    let Some((system, id)) = token(&identifier) else {
        parameters.refuse(
            "identifier",
            FaultCode::Format,
            Sentence::new("must be system|value", "debe ser sistema|valor"),
        );
        return None;
    };
    Some(ExternalSource { system: system.to_owned(), id: id.to_owned() })
}
