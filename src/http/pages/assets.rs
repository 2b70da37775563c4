//! The files that pages load. A name contains the digest of the content, so a client may keep a file for a year, and a new
//! content has a new name.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, VARY};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::kernel::fixed::Body;
use crate::http::kernel::problem::{Problem, ProblemType};

const A_YEAR: &str = "public, max-age=31536000, immutable";

pub(super) struct Asset {
    pub address: String,
    media_type: &'static str,
    body: Body,
}

pub(super) static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("pages", "css", "text/css; charset=utf-8", include_bytes!("assets/pages.css")));

pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg")));

/// The module of the page of a rule table.
pub(super) static RULES_MODULE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("rules", "js", "text/javascript; charset=utf-8", include_bytes!("assets/rules.js")));

/// The module of the screening form. Its parts are one file, so that the first page needs few requests.
pub(super) static SCREENING_MODULE: LazyLock<Asset> = LazyLock::new(|| {
    let parts = concat!(
        include_str!("assets/screening_tab.js"),
        include_str!("assets/screening_fields.js"),
        include_str!("assets/screening.js")
    );
    Asset::new("screening", "js", "text/javascript; charset=utf-8", parts.as_bytes())
});

/// The element that shows a screening form on another site. Its address stays the same, because sites name it.
pub(super) static SCREENING_ELEMENT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_bytes!("assets/sarco_screen.js");
    Asset::new("sarco-screen", "js", "text/javascript; charset=utf-8", content)
});

/// The module of the pages of staff.
pub(super) static STAFF_MODULE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("staff", "js", "text/javascript; charset=utf-8", include_bytes!("assets/staff.js")));

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static [u8]) -> Self {
        let body = Body::new(Bytes::from_static(content));
        Self { address: format!("/assets/{stem}.{}.{extension}", body.digest()), media_type, body }
    }
}

pub(super) async fn get_asset(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let all = [&STYLESHEET, &ICON, &RULES_MODULE, &SCREENING_MODULE, &STAFF_MODULE];
    let asset = all.into_iter().find(|asset| asset.address == request.path());
    let asset = asset.ok_or_else(|| Problem::new(ProblemType::NotFound, "no file has this name"))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, A_YEAR)).insert_header((VARY, "Accept-Encoding"));
    Ok(asset.body.answer(&request, response, asset.media_type))
}

/// The element of the screening form. A client checks each time that its copy is current.
pub(super) async fn get_screening_element(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache")).insert_header((VARY, "Accept-Encoding"));
    SCREENING_ELEMENT.body.answer(&request, response, SCREENING_ELEMENT.media_type)
}
