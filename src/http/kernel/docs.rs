//! The OpenAPI document, derived from the routes, and the documentation pages.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, VARY};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use dashmap::DashMap;
use serde_json::{Map, Value};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Response, ResponseBuilder, Schema, ServerBuilder, tag,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::Config;

use super::fixed::{Body, Fixed, JSON};
use super::json_response::REPLAYED;
use super::problem::{Problem, ProblemBody, ProblemType};
use super::rate;
use super::request_id::REQUEST_ID;
use crate::app::error::AppError;
use crate::domain::access::actor::Role;
use crate::domain::audit::AuditAction;
use crate::domain::fault::FaultCode;

/// Example of a successful response for each operation id: responses of the server, shortened. A test compares them.
const EXAMPLES: &str = include_str!("../../../openapi/examples.json");

/// Pattern of an idempotency key: visible ASCII except quotes and backslash; bare, or entirely in double quotes.
const RETRY_KEY: &str = r#"^([!#-\[\]-~]{1,255}|"[!#-\[\]-~]{1,255}")$"#;
/// Pattern of an `ETag` of this service.
const VERSION: &str = r#"^"[0-9]{1,9}"$"#;

/// Parts of the document that the router's fallback and the audit middleware use.
pub(in crate::http) struct Served {
    pub(in crate::http) paths: Vec<KnownPath>,
    /// Audited actions by method and path template, such as `GET /v1/submissions/{id}`.
    pub(in crate::http) actions: HashMap<String, AuditAction>,
    /// Methods and path templates that web pages of every origin may call: those that need no key or a browser key.
    pub(in crate::http) open_to_pages: Vec<(&'static str, String)>,
}

/// A path of the document with its methods.
pub(in crate::http) struct KnownPath {
    pub(in crate::http) template: String,
    pub(in crate::http) methods: Vec<&'static str>,
}

/// The OpenAPI document as checked in, without the audit actions.
pub(in crate::http) fn text(mut api: OpenApi) -> String {
    for operation in api.paths.paths.values_mut().flat_map(operations_mut) {
        operation.extensions = None;
    }
    let mut text = api.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

impl Served {
    /// `actions` and `open_to_pages` are those of routes outside the document; those of the document are added.
    pub(in crate::http) fn new(
        api: &OpenApi,
        actions: impl Iterator<Item = (String, AuditAction)>,
        open_to_pages: impl Iterator<Item = (&'static str, String)>,
    ) -> Self {
        let mut served = Self { paths: Vec::new(), actions: actions.collect(), open_to_pages: open_to_pages.collect() };
        for (path, item) in &api.paths.paths {
            let mut methods = Vec::new();
            for (method, operation) in operations(item) {
                methods.push(method);
                if is_open_to_pages(operation) {
                    served.open_to_pages.push((method, path.clone()));
                }
                if let Some(action) = audit_action(operation) {
                    served.actions.insert(format!("{method} {path}"), action);
                }
            }
            served.paths.push(KnownPath { template: path.clone(), methods });
        }
        served
    }
}

fn is_open_to_pages(operation: &Operation) -> bool {
    let browser = SecurityRequirement::new("key", [Role::Browser.as_str()]);
    operation.security.iter().flatten().all(|needed| *needed == browser || *needed == SecurityRequirement::default())
}

/// The audit action that a handler declares; `None` if it is not audited.
fn audit_action(operation: &Operation) -> Option<AuditAction> {
    AuditAction::parse(operation.extensions.as_ref()?.get("x-audit-action")?.as_str()?)
}

/// The pages and the document, for [`Served::open_to_pages`].
pub(in crate::http) const PAGES: [&str; 3] = ["/openapi.json", "/docs/", "/docs/{file}"];

/// Documentation pages: the document, its rendering, and the list of problems. They load nothing from other origins.
pub(in crate::http) fn pages(config: &mut web::ServiceConfig, document: fn() -> String) {
    config
        .route("/openapi.json", web::get().to(move |request: HttpRequest| ready(get_document(&request, document))))
        .route("/docs", web::get().to(get_docs))
        .route("/docs/problems", web::get().to(get_problems))
        .route("/docs/{file:.*}", web::get().to(get_page));
}

/// Describes the operations that `routes` registers.
pub(in crate::http) fn openapi(routes: fn(&mut ServiceConfig<'_>)) -> OpenApi {
    let app = actix_web::App::new().into_utoipa_app().openapi(outline()).configure(routes);
    let (_, mut api) = app.split_for_parts();
    let components = api.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.responses.insert("Problem".to_owned(), RefOr::T(problem_response()));
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.security_schemes.insert("key".to_owned(), RefOr::T(scheme));
    // A test checks that the file is valid JSON.
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for item in api.paths.paths.values_mut() {
        for operation in operations_mut(item) {
            describe_headers(operation);
            describe_response_headers(operation);
            add_example(operation, &examples);
            add_problems(operation);
        }
    }
    api
}

fn outline() -> OpenApi {
    let info = InfoBuilder::new()
        .title("sarcoscreen")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Sarcopenia risk screening: answers in, a sourced and bounded assessment out. The own total is not validated \
             and is reported beside validated instruments; a negative screen does not rule out muscle loss. Roles in \
             `security` are the lowest role that an operation requires: browser, intake, staff, admin.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let tags = [
        ("screening", "Questionnaire, rule tables, scores and submissions"),
        ("staff", "Operations for clinic staff"),
        ("admin", "Operations for a clinic's admins"),
        ("health", "Liveness and readiness"),
    ];
    let tag = |(name, text): (&str, &str)| tag::TagBuilder::new().name(name).description(Some(text)).build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").description(Some("This service")).build()]))
        .tags(Some(tags.map(tag)))
        .build()
}

fn problem_response() -> Response {
    let schema = Ref::from_schema_name(ProblemBody::name());
    let (_, status, title) = ProblemType::InvalidContent.row();
    let example = serde_json::json!({
        "type": ProblemType::InvalidContent.uri(), "title": title, "status": status,
        "detail": "one fault, listed in errors", "request_id": "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "errors": [{"pointer": "/answers/age", "code": "out_of_range", "detail": "must be from 18 to 120",
            "params": {"minimum": 18, "maximum": 120}}],
    });
    ResponseBuilder::new()
        .description("A problem; `type` is one of those listed at /docs/problems")
        .content("application/problem+json", ContentBuilder::new().schema(Some(schema)).example(Some(example)).build())
        .build()
}

/// Adds the schema of the headers that many operations take, as `extract.rs` reads them.
fn describe_headers(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let (pattern, example) = match &*parameter.name {
            "Idempotency-Key" => (RETRY_KEY, "3f0c7a52-5d0e-4a6b-9c54-0a1d2f3e4b5c"),
            "If-Match" => (VERSION, "\"1\""),
            _ => continue,
        };
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build();
        let builder = ParameterBuilder::from(std::mem::take(parameter)).schema(Some(Schema::Object(schema)));
        *parameter = builder.example(Some(example.into())).build();
    }
}

/// Adds the headers that successful responses of several operations have.
fn describe_response_headers(operation: &mut Operation) {
    let secured = is_secured(operation);
    let has = |name: &str| {
        let named = |one: &RefOr<Parameter>| matches!(one, RefOr::T(one) if one.name == name);
        operation.parameters.iter().flatten().any(named)
    };
    let retried = has("Idempotency-Key");
    let headers = [
        (true, REQUEST_ID, "Identifies the request in the service's log; that of the request, if it had a UUID there"),
        (has("Accept-Language"), "content-language", "The language of the texts"),
        (secured, rate::POLICY, "The limits of the caller: requests and seconds"),
        (secured, rate::LEFT, "What is left of the limits, and the seconds until they are full again"),
        (
            retried,
            REPLAYED,
            "true if an earlier request with the same Idempotency-Key had the effect; otherwise absent",
        ),
    ];
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        for (_, name, text) in headers.iter().filter(|(applies, ..)| *applies && status.starts_with('2')) {
            if *name == REPLAYED && status == "204" {
                continue;
            }
            let header = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String)));
            response.headers.insert(canonical(name), RefOr::T(header.description(Some(*text)).build()));
        }
    }
}

/// A header's name in its usual spelling.
fn canonical(name: &str) -> String {
    let upper = |part: &str| part[..1].to_uppercase() + &part[1..];
    name.split('-').map(upper).collect::<Vec<_>>().join("-").replace("Ratelimit", "RateLimit")
}

fn is_secured(operation: &Operation) -> bool {
    operation.security.iter().flatten().any(|needed| *needed != SecurityRequirement::default())
}

fn add_example(operation: &mut Operation, examples: &Map<String, Value>) {
    let Some(example) = operation.operation_id.as_deref().and_then(|id| examples.get(id)) else { return };
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
            && let Some(RefOr::T(content)) = response.content.get_mut("application/json")
        {
            content.example = Some(example.clone());
        }
    }
}

/// Adds the problems of an operation, derived from its parameters, body and security.
fn add_problems(operation: &mut Operation) {
    let secured = is_secured(operation);
    let has = |fits: &dyn Fn(&Parameter) -> bool| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if fits(parameter)))
    };
    let path = has(&|parameter| parameter.parameter_in == ParameterIn::Path);
    let query = has(&|parameter| parameter.parameter_in == ParameterIn::Query);
    let named = |name: &str| has(&|parameter| parameter.name == name);
    let body = operation.request_body.is_some();
    // A change of an existing resource: its version and state may differ from those that the client read.
    let (versioned, key) = (named("If-Match"), named("Idempotency-Key"));
    let retried = path && key;
    let statuses = [
        (body || query || key || versioned, 400),
        (secured, 401),
        (secured, 403),
        (path, 404),
        (body, 408),
        (versioned || retried, 409),
        (versioned, 412),
        (body, 413),
        (true, 414),
        (body, 415),
        (body || key, 422),
        (versioned, 428),
        (secured, 429),
        (true, 431),
        (true, 500),
        (secured, 503),
    ];
    for (_, status) in statuses.into_iter().filter(|(applies, _)| *applies) {
        let problem = RefOr::Ref(Ref::from_response_name("Problem"));
        operation.responses.responses.entry(status.to_string()).or_insert(problem);
    }
}

fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let operations = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
    methods.into_iter().zip(operations).filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn get_document(request: &HttpRequest, document: fn() -> String) -> Result<HttpResponse, Problem> {
    static BODY: Fixed = Fixed::new();
    BODY.answer(request, checked_each_time(), JSON, || Ok(document().into_bytes()))
}

async fn get_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

async fn get_problems(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static BODY: Fixed = Fixed::new();
    BODY.answer(&request, checked_each_time(), "text/html; charset=utf-8", || Ok(problems().into_bytes()))
}

fn problems() -> String {
    let row = |kind: ProblemType| {
        let (name, status, title) = kind.row();
        format!("<tr id=\"{name}\"><td><code>{name}</code></td><td>{status}</td><td>{title}</td></tr>")
    };
    let rows: String = ProblemType::ALL.into_iter().map(row).collect();
    let fault = |code: FaultCode| {
        let (name, meaning) = (code.as_str(), code.meaning());
        format!("<tr id=\"fault-{name}\"><td><code>{name}</code></td><td>{meaning}</td></tr>")
    };
    let faults: String = FaultCode::ALL.into_iter().map(fault).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title><h1>Problems</h1>\
         <p>Every error under /v1 is application/problem+json (RFC 9457). Its type is one of these.</p>\
         <table><thead><tr><th>type</th><th>status</th><th>meaning</th></tr></thead><tbody>{rows}</tbody></table>\
         <h2>Faults</h2><p>A problem lists its faults in <code>errors</code>. The code of a fault is one of these.</p>\
         <table><thead><tr><th>code</th><th>meaning</th></tr></thead><tbody>{faults}</tbody></table></html>"
    )
}

/// Starts a response that clients may cache but must revalidate.
fn checked_each_time() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache")).insert_header((VARY, "Accept-Encoding"));
    response
}

/// Serves a file of the pages. They may run their own scripts and styles, and none from other origins.
async fn get_page(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    static FILES: LazyLock<DashMap<String, Arc<Page>>> = LazyLock::new(DashMap::new);
    let name = if file.is_empty() { "index.html" } else { &*file };
    let known = FILES.get(name).map(|page| Arc::clone(&page));
    let page = if let Some(page) = known {
        page
    } else {
        let page = Arc::new(Page::find(name)?);
        Arc::clone(&FILES.entry(name.to_owned()).or_insert(page))
    };
    let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
    let mut response = checked_each_time();
    response.insert_header((CONTENT_SECURITY_POLICY, policy));
    Ok(page.body.answer(&request, response, &page.media_type))
}

struct Page {
    media_type: String,
    body: Body,
}

impl Page {
    fn find(name: &str) -> Result<Self, Problem> {
        let config = Arc::new(Config::from("/openapi.json").validator_url("none"));
        let found = utoipa_swagger_ui::serve(name, config);
        let found = found.map_err(|error| AppError::Internal(error.to_string().into()))?;
        let file = found.ok_or_else(|| Problem::new(ProblemType::NotFound, "unknown page"))?;
        let bytes = match file.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let body = if file.gzpipped { Body::compressed(bytes) } else { Body::new(bytes) };
        Ok(Self { media_type: file.content_type, body })
    }
}
