//! Lists in pages: the parameters, the body, and the URL of the next page in `Link`.

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use validator::Validate;

use crate::domain::page::{Page, PageRequest};

/// Default page size.
pub(in crate::http) const DEFAULT_LIMIT: u16 = 50;

/// Page of a list.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Maximum number of items; 50 by default.
    #[validate(range(min = 1, max = 200))]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the previous page.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub cursor: Option<String>,
}

impl From<PageQuery> for PageRequest {
    fn from(query: PageQuery) -> Self {
        Self { limit: query.limit.unwrap_or(DEFAULT_LIMIT), cursor: query.cursor }
    }
}

/// A page of a list in the API.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident of $item:ty, from $row:ty) => {
        $(#[$doc])*
        #[derive(Clone, serde::Serialize, utoipa::ToSchema)]
        pub struct $name {
            /// The items, in the list's order.
            pub items: Vec<$item>,
            /// Pass it as `cursor` to get the next page; null on the last page.
            #[schema(required)]
            pub next_cursor: Option<String>,
        }

        impl $name {
            pub(in crate::http) fn new(items: Vec<$row>, next_cursor: Option<String>) -> Self {
                Self { items: items.into_iter().map(<$item>::from).collect(), next_cursor }
            }
        }
    };
}

pub(in crate::http) use page;

/// Answers with a page, rendered from its items and cursor.
pub(in crate::http) fn answer<T, B: Serialize>(
    request: &HttpRequest,
    page: Page<T>,
    body: impl FnOnce(Vec<T>, Option<String>) -> B,
) -> HttpResponse {
    let next = page.next_cursor.clone();
    respond(request, next.as_deref(), body(page.items, page.next_cursor))
}

/// Answers with a page that is already rendered.
pub(in crate::http) fn respond(request: &HttpRequest, next_cursor: Option<&str>, body: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next_cursor {
        response.insert_header(("link", next_link(request, cursor)));
    }
    response.json(body)
}

/// `Link` header of the next page.
fn next_link(request: &HttpRequest, cursor: &str) -> String {
    let others = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name != "cursor");
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).append_pair("cursor", cursor);
    format!("<{}?{}>; rel=\"next\"", request.path(), query.finish())
}
