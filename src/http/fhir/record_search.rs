//! Search parameters of resources made of submissions: `QuestionnaireResponse`, `RiskAssessment`, `Observation`.

use actix_web::HttpRequest;
use uuid::Uuid;

use super::dates::times;
use super::forms::Form;
use super::parameters::FORM_OF_RESPONSE;
use super::people::{self, local_id};
use super::presentation::Presentation;
use super::search::{Parameters, any_code, common};
use crate::domain::access::actor::Actor;
use crate::domain::clinics::Clinic;
use crate::domain::ids::SubmissionId;
use crate::domain::submissions::record::{RecordFilter, RecordOrder, SourceName, Standing};
use crate::domain::times::Times;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// Length of the text of an id of a submission, with which the id of an observation begins.
const ID: usize = 36;

pub(super) struct RecordSearch {
    pub(super) filter: RecordFilter,
    pub(super) order: RecordOrder,
    pub(super) presentation: Presentation,
    /// The codes and categories of observations that are asked for, as tokens.
    pub(super) codes: Vec<Vec<String>>,
    pub(super) categories: Vec<Vec<String>>,
    /// The ids of observations that are asked for; `None` for all.
    pub(super) ids: Option<Vec<String>>,
    /// Whether the result has the forms that the responses answer.
    pub(super) with_forms: bool,
}

/// Differences between the resource types.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The status of a resource, and its code system.
    pub(super) status: fn(Standing) -> &'static str,
    pub(super) statuses: &'static str,
    /// Name of the parameter for the time of answering.
    pub(super) date: &'static str,
    /// Whether the type is `QuestionnaireResponse`, which has an identifier and a form.
    pub(super) form: bool,
    /// Whether the type is `Observation`.
    pub(super) coded: bool,
}

/// The parameters of a search, as far as they can be read without the database.
struct Read {
    search: RecordSearch,
    subjects: people::Asked,
    /// Whether the identifier of a record is given, which may identify a person and must not appear in the links of a page.
    by_identifier: bool,
}

impl RecordSearch {
    /// Reads the parameters of a search and finds the subjects that they name.
    pub(super) async fn of(
        request: &HttpRequest,
        (state, actor, clinic): (&State, &Actor, &Clinic),
        (mut parameters, query): (Parameters, String),
        kind: Kind,
    ) -> Result<Self, Problem> {
        let Read { mut search, subjects, by_identifier } = Self::read(request, &mut parameters, kind);
        parameters.end()?;
        let (subject_ids, query) = subjects.resolve((state, actor, clinic), "subject", query).await?;
        search.filter.subject_ids = subject_ids;
        let query = (!by_identifier).then_some(query);
        let by_answers = search.presentation.sort.first().is_some_and(|first| *first == format!("-{}", kind.date));
        if by_answers && search.filter.subject_ids.is_some() {
            search.order = RecordOrder::Answered;
        } else if by_answers {
            parameters.ignore("_sort", "the order by the time of the answers needs the parameter patient or subject");
        } else {
            search.presentation.check_order(&mut parameters, &["-_lastUpdated"]);
        }
        search.presentation = search.presentation.end(parameters, query);
        Ok(search)
    }

    fn read(request: &HttpRequest, parameters: &mut Parameters, kind: Kind) -> Read {
        let mut filter = RecordFilter::default();
        let statuses = parameters.choices("status");
        if !statuses.is_empty() {
            let asked = |standing: &Standing| any_code(&statuses, kind.statuses, (kind.status)(*standing));
            filter.standings = Some(Standing::ALL.into_iter().filter(asked).collect());
        }
        filter.updated = times(parameters, "_lastUpdated");
        filter.answered = times(parameters, kind.date);
        let subjects = people::Asked::read(request, parameters);
        let ids = parameters.choices("_id");
        let of_list = |list: &Vec<String>| list.iter().filter_map(|id| submission(id, kind)).collect();
        let mut responses: Vec<Vec<Uuid>> = ids.iter().map(of_list).collect();
        let (mut by_identifier, mut with_forms) = (false, false);
        if kind.form {
            let target = format!("{FORM_OF_RESPONSE}:Questionnaire");
            with_forms = parameters.take("_include", &[FORM_OF_RESPONSE, &target]);
            filter.forms = forms(parameters);
            filter.sources = sources(parameters);
            by_identifier = filter.sources.is_some();
        }
        let (mut codes, mut categories) = (Vec::new(), Vec::new());
        if kind.coded {
            (codes, categories) = (parameters.choices("code"), parameters.choices("category"));
            for name in ["derived-from", "derived-from:QuestionnaireResponse"] {
                let lists = parameters.choices(name);
                let known = |list: &Vec<String>| -> Vec<Uuid> {
                    list.iter().filter_map(|one| local_id(request, "QuestionnaireResponse", one)).collect()
                };
                responses.extend(lists.iter().map(known));
            }
        }
        filter.submission_ids = common(responses).map(|ids| ids.into_iter().map(SubmissionId).collect());
        let presentation = Presentation::read(parameters);
        let ids = if kind.coded { common(ids) } else { None };
        let order = RecordOrder::Received;
        let search = Self { filter, order, presentation, codes, categories, ids, with_forms };
        Read { search, subjects, by_identifier }
    }

    /// Maximum number of codes that the observations of a submission can have; a token of a system only allows any number.
    pub(super) fn most_codes(&self) -> usize {
        let exact = |codes: &&Vec<String>| codes.iter().all(|code| !code.ends_with('|'));
        self.codes.iter().filter(exact).map(Vec::len).min().unwrap_or(usize::MAX).max(1)
    }

    /// Whether the filter can match anything.
    pub(super) fn is_possible(&self) -> bool {
        let empty = |times: &Option<Times>| times.as_ref().is_some_and(Times::is_empty);
        let filter = &self.filter;
        !(filter.standings.as_ref().is_some_and(Vec::is_empty)
            || filter.submission_ids.as_ref().is_some_and(Vec::is_empty)
            || filter.subject_ids.as_ref().is_some_and(Vec::is_empty)
            || filter.sources.as_ref().is_some_and(Vec::is_empty)
            || filter.forms.as_ref().is_some_and(Vec::is_empty)
            || empty(&filter.answered)
            || empty(&filter.updated))
    }
}

/// The submission of a resource with an id. The id of an observation continues after that of the submission.
fn submission(id: &str, kind: Kind) -> Option<Uuid> {
    let (id, rest) = id.split_at_checked(ID)?;
    (kind.coded != rest.is_empty()).then(|| Uuid::try_parse(id).ok())?
}

/// The versions of the form that are asked for; all if a canonical names none. A stored response is one to the whole form.
fn forms(parameters: &mut Parameters) -> Option<Vec<String>> {
    let mut lists = Vec::new();
    for list in parameters.choices("questionnaire") {
        let ours = list.iter().filter_map(|canonical| Form::of_canonical(canonical));
        let ours = ours.filter(|(form, _)| *form == Form::Whole);
        let versions: Option<Vec<String>> = ours.map(|(_, version)| version.map(str::to_owned)).collect();
        lists.extend(versions);
    }
    common(lists)
}

/// The submissions of the record identifiers that are asked for.
fn sources(parameters: &mut Parameters) -> Option<Vec<SourceName>> {
    let lists = parameters.choices("identifier");
    let source = |text: &String| match text.split_once('|') {
        None => Some(SourceName { system: None, id: text.clone() }),
        Some((system, id)) if !system.is_empty() && !id.is_empty() => {
            Some(SourceName { system: Some(system.to_owned()), id: id.to_owned() })
        }
        // Every identifier has a system and a value.
        Some(_) => None,
    };
    common(lists.iter().map(|list| list.iter().filter_map(source).collect()).collect())
}
