//! What changed from one version of the rule table to another.

use actix_web::http::header::CONTENT_LANGUAGE;
use actix_web::{HttpRequest, get, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::rules::{IMMUTABLE, cached};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::language::Language;
use crate::domain::screening::rule_diff::{EntryDiff, FieldDiff, RuleDiff, TextDiff};
use crate::http::kernel::extract::{AcceptedLanguages, Later, Query};
use crate::http::kernel::fixed::{JSON, json};
use crate::http::kernel::names::{DiffKindName, LanguageName};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::kernel::text::plain;
use crate::http::kernel::wording::Wording;
use crate::http::v1::HttpResult;

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

/// The differences between two versions of the rule table.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableChanges)]
pub struct RuleTableChangesBody {
    /// The version to compare with.
    #[schema(example = "2026.2")]
    pub before: String,
    /// The version of the path.
    #[schema(example = "2026.3")]
    pub after: String,
    /// The language of the texts and of conditions in words.
    pub language: LanguageName,
    /// Entries of the table that were added, removed or changed: bands first, then the form, rules, groups, red flags, instruments,
    /// pathways, risks, next screens, recommendations and sources.
    pub entries: Vec<EntryChangeBody>,
    /// Texts in this language that were added, removed or changed.
    pub texts: Vec<TextChangeBody>,
}

/// An entry of the rule table that differs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableEntryChange)]
pub struct EntryChangeBody {
    /// The section of the table.
    #[schema(example = "rules")]
    pub section: &'static str,
    /// Id of the entry.
    pub id: String,
    /// What happened to it.
    pub change: DiffKindName,
    /// The fields that differ; all fields of an entry that was added or removed.
    pub fields: Vec<FieldChangeBody>,
}

/// A field that differs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableFieldChange)]
pub struct FieldChangeBody {
    /// Name of the field.
    pub name: String,
    /// The value before, in the rule table's notation; null if the field is new.
    pub before: Value,
    /// The value after; null if the field was removed.
    pub after: Value,
    /// The condition of a rule or a red flag before, in words; null for other fields.
    pub before_text: Option<String>,
    /// The condition of a rule or a red flag after, in words; null for other fields.
    pub after_text: Option<String>,
}

/// A text that differs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RuleTableTextChange)]
pub struct TextChangeBody {
    /// Path of the text.
    #[schema(example = "items.age.label")]
    pub id: String,
    /// What happened to it.
    pub change: DiffKindName,
    /// The text before.
    pub before: Option<String>,
    /// The text after.
    pub after: Option<String>,
}

/// Get the changes of a rule table
///
/// What differs between two versions: each entry with its values before and after, conditions also in words, and the texts of the
/// language.
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
    body.answer(&request, response, JSON, || {
        let wording = [&before, &after].map(|release| Wording { table: &release.table, language });
        json(&RuleTableChangesBody::new(rule_tables::differences(&before, &after)?, wording))
    })
}

impl RuleTableChangesBody {
    /// `wording` is that of the version before and of the version after.
    fn new(diff: RuleDiff, wording: [Wording<'_>; 2]) -> Self {
        let language = wording[1].language;
        let file = format!("texts.{}.toml", language.as_str());
        Self {
            before: diff.before,
            after: diff.after,
            language: LanguageName(language),
            entries: diff.entries.into_iter().map(|entry| EntryChangeBody::new(entry, wording)).collect(),
            texts: diff.texts.into_iter().filter(|text| text.file == file).map(TextChangeBody::from).collect(),
        }
    }
}

impl EntryChangeBody {
    fn new(entry: EntryDiff, wording: [Wording<'_>; 2]) -> Self {
        let EntryDiff { section, id, change, fields, .. } = entry;
        let field = |FieldDiff { name, before, after }: FieldDiff| {
            let words = |of: Wording<'_>| if name == "when" { condition(of, section, &id) } else { None };
            let [before_text, after_text] = wording.map(words);
            FieldChangeBody { name, before: plain_json(before), after: plain_json(after), before_text, after_text }
        };
        let fields = fields.into_iter().map(field).collect();
        Self { section, change: DiffKindName(change), fields, id }
    }
}

/// The condition of a rule or a red flag, in words; `None` if the version does not have it.
fn condition(wording: Wording<'_>, section: &str, id: &str) -> Option<String> {
    let when = match section {
        "rules" => &wording.table.rule(id)?.when,
        "red_flags" => &wording.table.red_flag(id)?.when,
        _ => return None,
    };
    Some(wording.condition(when))
}

/// A value of the table as JSON. Every value of a table has a JSON form.
fn plain_json(value: Option<impl Serialize>) -> Value {
    value.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default()
}

impl From<TextDiff> for TextChangeBody {
    fn from(text: TextDiff) -> Self {
        let words = |value: Option<toml::Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        Self { id: text.id, change: DiffKindName(text.change), before: words(text.before), after: words(text.after) }
    }
}
