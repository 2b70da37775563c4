//! How much of an assessment a response has.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::http::kernel::extract::{Parameter, Query, preferred};
use crate::http::kernel::problem::Problem;

/// The parts of an assessment in a response: `summary` has what a preview or an intake system needs; `person` everything that a
/// person or a nurse reads; `full` adds sources, all accuracy rows, licences and explanations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = View)]
pub enum AssessmentView {
    Summary,
    #[default]
    Person,
    Full,
}

/// The view in a query.
#[derive(Clone, Copy, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ViewQuery {
    /// The parts of the assessment in the response: `summary`, `person` or `full`; by default `person`, in a batch `summary`.
    #[param(inline)]
    pub view: Option<AssessmentView>,
}

const MINIMAL: [(&str, AssessmentView); 1] = [("return=minimal", AssessmentView::Summary)];

impl AssessmentView {
    pub const fn has_evidence(self) -> bool {
        matches!(self, Self::Full)
    }

    /// The view that a request selects, by its query or else by `Prefer: return=minimal`.
    pub(in crate::http) fn selected(in_query: Option<Self>, headers: &HeaderMap) -> Self {
        in_query.or_else(|| preferred(headers, &MINIMAL)).unwrap_or_default()
    }
}

impl Parameter for AssessmentView {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let ViewQuery { view } = Query::read(request)?.0;
        Ok(Self::selected(view, request.headers()))
    }
}
