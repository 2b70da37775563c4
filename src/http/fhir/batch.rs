//! `POST /fhir`: a bundle of requests. Each entry is handled like a single request, with the same routes, authentication,
//! limits and audit log, so a refused entry does not affect the others.

use std::cell::Cell;

use actix_http::Request;
use actix_service::{IntoServiceFactory as _, Service, ServiceFactory as _};
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{AppConfig, Payload, ServiceResponse};
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, LOCATION};
use actix_web::http::{Method, Uri};
use actix_web::middleware::from_fn;
use actix_web::web::Bytes;
use actix_web::{App, HttpRequest, HttpResponse, ResponseError as _, web};
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::bundle::{Bundle, Entry};
use super::element::element;
use super::negotiation::outcomes;
use super::outcome::outcome;
use super::{MEDIA_TYPE, PATH, reply, routes};
use crate::app::error::AppError;
use crate::domain::fault::{Fault, FaultCode, Params, Sentence, keep_first_of_each_place};
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::{Incoming, not_json};
use crate::http::kernel::bounds;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::room::LARGEST_BODY;
use crate::http::kernel::slices::{NoList, entries, fields, is_object};
use crate::http::kernel::state::State;
use crate::http::kernel::trail::record_refusals;

const ENTRIES: usize = 200;
const AT_ONCE: usize = 16;
/// Maximum bytes of all responses together; otherwise a small bundle of searches could have a very large response.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// Headers that are set for each entry instead of copied from the bundle's request.
const OWN: [&str; 8] = [
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-exist",
    "transfer-encoding",
];

/// Handles a bundle of the type `batch`. Fails when the body is not a batch, has too many entries, or the clinic has too many
/// in progress. Errors of an entry are its response.
pub(super) async fn take_batch(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let _place = state.app.under_way.batch_place(&caller.actor()).await?;
    let bytes = incoming.read_json_bytes(LARGEST_BODY).await?;
    let entries = &entries_of(&bytes)?;
    let app = App::new()
        .app_data(state)
        .service(routes())
        .wrap(from_fn(record_refusals))
        .wrap(from_fn(bounds::check))
        .wrap(from_fn(outcomes));
    let service = app.into_factory().new_service(AppConfig::default()).await;
    let service = &service.map_err(|()| AppError::Internal("the routes of a batch cannot be built".into()))?;
    let (request, bytes, left) = (&request, &bytes, &Cell::new(ANSWER_LIMIT));
    let answered = stream::iter(entries.iter().enumerate()).map(|(index, entry)| async move {
        let place = format!("Bundle.entry[{index}].request");
        let Some(part) = read(request, bytes, entry) else {
            return refused(Fault::new(place, FaultCode::Format, SHAPE));
        };
        if left.get() == 0 {
            let detail = Sentence::new(
                "is not processed: the response is already too large; send it in another batch",
                "no se procesa: la respuesta ya es demasiado grande; envíela en otro lote",
            );
            return refused(Fault::new(place, FaultCode::OutOfRange, detail));
        }
        let (answer, bytes) = answer(service, part).await;
        left.set(left.get().saturating_sub(bytes));
        answer
    });
    let entries = answered.buffered(AT_ONCE).collect().await;
    Ok(reply::resource(HttpResponse::Ok(), &Bundle::new("batch-response", Vec::new(), entries)))
}

/// The entries of a bundle, as slices of the body.
fn entries_of(bytes: &Bytes) -> Result<Vec<&RawValue>, Problem> {
    let whole: &RawValue = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
    let mut found: [Option<&RawValue>; 3] = [None; 3];
    let mut faults = Vec::new();
    let names = ["resourceType", "type", "entry"];
    fields(whole, |name, value| {
        let Some(place) = names.iter().position(|known| *known == name) else { return };
        if found[place].replace(value).is_some() {
            faults.push(Fault::new(
                format!("Bundle.{name}"),
                FaultCode::Duplicate,
                Sentence::new(
                    "the field occurs twice; send it once",
                    "el campo aparece dos veces; envíelo una sola vez",
                ),
            ));
        }
    });
    let says = |value: Option<&RawValue>, text: &str| value.is_some_and(|value| value.get() == text);
    let [resource_type, kind, entry] = found;
    let entry = entry.map_or(Ok(Vec::new()), |entry| entries(entry, ENTRIES));
    if !says(resource_type, "\"Bundle\"") {
        faults.push(Fault::new(
            "Bundle.resourceType",
            FaultCode::UnknownOption,
            Sentence::new("must be Bundle", "debe ser Bundle"),
        ));
    }
    if !says(kind, "\"batch\"") {
        let detail =
            Sentence::new("must be batch; transactions are not served", "debe ser batch; no se admiten transacciones");
        faults.push(Fault::new("Bundle.type", FaultCode::UnknownOption, detail));
    }
    if matches!(entry, Err(NoList::TooLong)) {
        let many = Sentence::new("at most {maximum} entries", "como máximo {maximum} entradas");
        faults.push(Fault::new("Bundle.entry", FaultCode::OutOfRange, many).with(Params::at_most(ENTRIES)));
    }
    keep_first_of_each_place(&mut faults);
    if faults.is_empty() { Ok(entry.unwrap_or_default()) } else { Err(Problem::content(faults, None)) }
}

/// The elements of an entry that are read.
#[derive(Deserialize)]
struct EntryInput<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    request: RequestInput,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestInput {
    method: String,
    url: String,
    if_match: Option<String>,
    if_none_exist: Option<String>,
}

fn read(outer: &HttpRequest, bundle: &Bytes, entry: &RawValue) -> Option<Request> {
    let EntryInput { resource, request: wanted } = serde_json::from_str(entry.get()).ok()?;
    let method = Method::from_bytes(wanted.method.as_bytes()).ok()?;
    let path = wanted.url.split('?').next().unwrap_or_default();
    let relative = path.starts_with(|first: char| first.is_ascii_alphabetic()) && !path.contains(':');
    let uri: Uri = format!("{PATH}/{}", wanted.url).parse().ok().filter(|_| relative)?;
    let resource = resource.filter(|resource| is_object(resource));
    let bytes = resource.map_or_else(Bytes::new, |resource| bundle.slice_ref(resource.get().as_bytes()));
    let mut request = Request::with_payload(Payload::from(bytes));
    let head = request.head_mut();
    (head.method, head.uri, head.peer_addr) = (method, uri, outer.peer_addr());
    let shared = outer.headers().iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    shared.for_each(|(name, value)| head.headers.append(name.clone(), value.clone()));
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    head.headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
    let conditions = [(wanted.if_match, IF_MATCH), (wanted.if_none_exist, HeaderName::from_static("if-none-exist"))];
    for (value, header) in conditions {
        if let Some(value) = value {
            head.headers.insert(header, HeaderValue::from_str(&value).ok()?);
        }
    }
    Some(request)
}

/// The response to a request, and the number of bytes of its body.
async fn answer<B>(
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: Request,
) -> (Entry, usize)
where
    B: MessageBody + 'static,
{
    let response = match service.call(request).await {
        Ok(response) => response.map_into_boxed_body().into_parts().1,
        Err(error) => error.error_response(),
    };
    let status = response.status();
    let text = |name: HeaderName| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let (location, etag) = (text(LOCATION), text(ETAG));
    let bytes = to_bytes(response.into_body()).await.unwrap_or_default();
    let body: Option<Box<RawValue>> = serde_json::from_slice(&bytes).ok();
    let (resource, outcome) = if status.is_success() { (body, None) } else { (None, body) };
    let response = json!({"status": status.as_str(), "location": location, "etag": etag, "outcome": outcome});
    (Entry { resource, response: Some(element(response)), ..Entry::default() }, bytes.len())
}

/// Required form of an entry.
const SHAPE: Sentence = Sentence::new(
    "must have a method and the relative URL of a resource type served here, such as Task?status=requested",
    "debe tener un método y la URL relativa de un tipo de recurso servido aquí, como Task?status=requested",
);

fn refused(fault: Fault) -> Entry {
    let problem = Problem::content(vec![fault], None);
    let response = json!({"status": problem.status_code().as_str(), "outcome": outcome(&problem)});
    Entry { response: Some(response), ..Entry::default() }
}
