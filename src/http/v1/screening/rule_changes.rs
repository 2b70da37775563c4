//! What changed from one version of the rule table to another.

use actix_web::http::header::CONTENT_LANGUAGE;
use actix_web::{HttpRequest, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::rules::{IMMUTABLE, cached};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::language::Language;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::table_changes::{EntryChange, FieldChange, changes};
use crate::domain::screening::words::{Phrase, Words};
use crate::http::kernel::extract::{AcceptedLanguages, Later, Query};
use crate::http::kernel::fixed::{JSON, json};
use crate::http::kernel::names::{EntryChangeKindName, FieldName, LanguageName, SectionName};
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;
use crate::http::kernel::text::plain;
use crate::http::kernel::wording::SOURCES;
use crate::http::v1::HttpResult;

/// Anyone may send the query, so a long one is refused before it is read.
const QUERY_LIMIT: usize = 200;
const MISSING: Sentence =
    Sentence::new("give a version, for example 2026.2", "indique una versión, por ejemplo 2026.2");
const UNKNOWN: Sentence = Sentence::new(
    "there is no such version; GET /v1/rule-tables lists all",
    "esta versión no existe; GET /v1/rule-tables las enumera todas",
);

/// The version to compare with.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RuleTableChangesQuery {
    /// The version to compare with, usually the one before.
    #[validate(length(min = 1, max = 20), custom(function = "plain"))]
    #[param(
        required,
        value_type = String,
        min_length = 1,
        max_length = 20,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
        example = "2026.2"
    )]
    pub from: Option<String>,
}

/// The differences between two versions of the rule table, in words.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableChanges)]
pub struct RuleTableChangesBody {
    /// The version to compare with.
    #[schema(example = "2026.2")]
    pub before: String,
    /// The version of the path.
    #[schema(example = "2026.3")]
    pub after: String,
    /// The language of the words.
    pub language: LanguageName,
    /// The language of citations, of what sources say, of notes and of licences.
    pub sources_language: LanguageName,
    /// The entries that were added, removed or changed, section by section; in a section in the order of the later version, then
    /// those that were removed.
    pub entries: Vec<EntryChangeBody>,
}

/// An entry of the rule table that differs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableEntryChange)]
pub struct EntryChangeBody {
    /// The section of the table.
    pub section: SectionName,
    /// Id of the entry in its section.
    pub id: String,
    /// What the entry is about, in the words of the later version that has it.
    pub title: String,
    /// What happened to it.
    pub change: EntryChangeKindName,
    /// Whether only texts differ: no result changes with it.
    pub only_wording: bool,
    /// The fields that differ; of an entry that was added or removed all that have a value.
    pub fields: Vec<FieldChangeBody>,
}

/// A field that differs. A value has one text, or one for each entry of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableFieldChange)]
pub struct FieldChangeBody {
    /// Name of the field.
    pub name: FieldName,
    /// The value before, in words; empty if there was none.
    pub before: Vec<String>,
    /// The value after, in words; empty if there is none.
    pub after: Vec<String>,
}

/// Get the changes of a rule table
///
/// What differs between two versions: each entry with its values before and after, in words. Conditions and figures are compared by
/// value, so a question in other words is a change of the question only.
#[utoipa::path(
    tag = "screening",
    params(
        ("version" = String, Path, description = "The version, such as 2026.3", example = "2026.3"),
        RuleTableChangesQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the response that the client has"),
    ),
    responses(
        (status = 200, description = "The differences", body = RuleTableChangesBody),
        (status = 304, description = "The client already has these differences"),
    ),
    security(())
)]
#[get("/v1/rule-tables/{version}/changes")]
pub async fn get_rule_table_changes(
    request: HttpRequest,
    state: web::Data<State>,
    version: web::Path<String>,
    query: Later<Query<RuleTableChangesQuery>>,
    accepted: AcceptedLanguages,
) -> HttpResult {
    if request.query_string().len() > QUERY_LIMIT {
        return Err(Problem::new(ProblemType::UriTooLong, format!("the query has at most {QUERY_LIMIT} bytes")));
    }
    let language = accepted.or(Language::default());
    let after = rule_tables::find(&state.app, &version).await?;
    let unknown = |code, sentence| Problem::parameters(vec![Fault::new("/from", code, sentence)]);
    let from = query.read()?.0.from.ok_or_else(|| unknown(FaultCode::Required, MISSING))?;
    let before = rule_tables::find(&state.app, &from).await.map_err(|error| match error {
        AppError::NotFound => unknown(FaultCode::NotFound, UNKNOWN),
        error => error.into(),
    })?;
    let mut response = cached(IMMUTABLE, "Accept-Language, Accept-Encoding");
    response.insert_header((CONTENT_LANGUAGE, language.as_str()));
    let versions = format!("{}..{}", before.table.version, after.table.version);
    let body = state.public.body("/v1/rule-tables/{version}/changes", &versions, language);
    body.answer(&request, response, JSON, || json(&RuleTableChangesBody::new(&before.table, &after.table, language)))
}

impl RuleTableChangesBody {
    pub fn new(before: &RuleTable, after: &RuleTable, language: Language) -> Self {
        let words = Words { table: after, language };
        let entries = changes(before, after, language).into_iter();
        Self {
            before: before.version.to_string(),
            after: after.version.to_string(),
            language: LanguageName(language),
            sources_language: SOURCES,
            entries: entries.map(|entry| EntryChangeBody::new(entry, words)).collect(),
        }
    }
}

impl EntryChangeBody {
    fn new(entry: EntryChange, words: Words<'_>) -> Self {
        let lines = |side: Option<Phrase>| side.map(|phrase| words.lines(&phrase)).unwrap_or_default();
        let field = |FieldChange { field, before, after }| FieldChangeBody {
            name: FieldName(field),
            before: lines(before),
            after: lines(after),
        };
        Self {
            section: SectionName(entry.section),
            change: EntryChangeKindName(entry.kind),
            only_wording: entry.is_wording(),
            id: entry.id,
            title: entry.title,
            fields: entry.fields.into_iter().map(field).collect(),
        }
    }
}
