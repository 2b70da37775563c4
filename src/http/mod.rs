//! Ring 4: HTTP. JSON types are used only here; [`routes`] is the single list of routes, and the OpenAPI document is derived
//! from it.

mod cds_hooks;
pub mod fhir;
mod health;
pub mod kernel;
mod pages;
mod smart;
pub mod v1;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as WebApp, web};
use tokio::net::TcpStream;
use utoipa::ToSchema as _;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::domain::audit::AuditAction;

pub use kernel::listening::Listening;
pub use kernel::room::ROOM;
pub use kernel::state::Settings;

use kernel::answer::SLICE;
use kernel::connections::{Connections, Deadlines, Guarded};
use kernel::docs::Served;
use kernel::problem::ProblemBody;
use kernel::state::State;
use v1::screening::fragments::AllFragments;

/// Connections that the system may queue before the service accepts them; the system has its own limit too.
const BACKLOG: i32 = 4096;
/// How long a connection without a request stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the rest of a refused body is read, so that the client receives the response.
const LINGER: Duration = Duration::from_secs(1);

/// State shared by the applications of all workers.
#[derive(Clone)]
pub struct Shared {
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
}

impl Shared {
    pub fn new(app: App, settings: Settings) -> Self {
        let fragments = web::Data::new(AllFragments::new(&app));
        Self { state: web::Data::new(State::new(app, settings, served())), fragments }
    }

    /// Builds the application of one worker.
    pub fn application(
        &self,
    ) -> WebApp<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        let (app, _) = WebApp::new().into_utoipa_app().configure(routes).split_for_parts();
        app.app_data(self.state.clone())
            .app_data(self.fragments.clone())
            // Before the routes of FHIR, which include every path below theirs.
            .configure(smart::services)
            .service(fhir::routes())
            .configure(cds_hooks::services)
            .configure(|config| kernel::docs::pages(config, document))
            .configure(pages::routes)
            .default_service(web::to(kernel::fallback::fallback))
            .wrap(from_fn(kernel::trail::record_refusals))
            // Problems of handlers are rendered before they are compressed.
            .wrap(from_fn(fhir::outcomes))
            .wrap(from_fn(pages::error_pages))
            .wrap(Compress::default())
            .wrap(kernel::cors::layer(&self.state))
            .wrap(from_fn(kernel::cors::explain))
            .wrap(from_fn(kernel::bounds::check))
            .wrap(from_fn(kernel::middleware::problems))
            // Renders problems of the middleware between the two, and problems outside routes.
            .wrap(from_fn(fhir::outcomes))
            .wrap(from_fn(pages::error_pages))
            .wrap(from_fn(kernel::middleware::envelope))
    }
}

/// Serves on a listener until stopped; the caller awaits the returned server.
///
/// # Errors
/// Fails when the listener cannot be used.
pub fn serve(app: App, settings: Settings, listener: TcpListener) -> std::io::Result<(Server, Listening)> {
    let shared = Shared::new(app.clone(), settings.clone());
    let (workers, shutdown, most) = (settings.workers, settings.shutdown, settings.connections);
    socket2::SockRef::from(&listener).listen(BACKLOG)?;
    let (address, socket) = (listener.local_addr()?, listener.try_clone()?);
    let connections = Arc::new(Connections::new(most, settings.trusted_proxies.clone()));
    let open = Arc::clone(&connections);
    let builder = Server::build().workers(workers).shutdown_timeout(shutdown.as_secs()).disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let server = builder
        // The connection table refuses first; this limit would leave clients waiting.
        .max_concurrent_connections(most.saturating_add(workers))
        .listen("http", listener, move || {
            actix_web::rt::spawn(kernel::relay::run());
            let (settings, connections, stopping) = (&settings, Arc::clone(&connections), stopping.clone());
            let deadlines = Deadlines { head: settings.read_deadline, answer: settings.answer_deadline };
            let app = shared.application().into_factory().map_err(|error| error.error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(settings.read_deadline)
                .client_disconnect_timeout(LINGER)
                .h1_write_buffer_size(SLICE)
                .local_addr(address)
                .on_connect_ext(|io: &Guarded, data| {
                    data.insert(Arc::clone(io.connection()));
                })
                .finish(map_config(app, |()| AppConfig::default()));
            fn_service(move |io: TcpStream| {
                let admitted = admit(&connections, io, deadlines);
                async move { admitted.map_err(DispatchError::Io) }
            })
            .and_then(http)
        })?;
    let server = server.run();
    let listening = Listening::new(app, server.handle(), open, socket);
    Ok((server, listening))
}

/// Admits a connection to the table and applies its deadlines.
fn admit(
    connections: &Arc<Connections>,
    io: TcpStream,
    deadlines: Deadlines,
) -> std::io::Result<(Guarded, Protocol, Option<SocketAddr>)> {
    let peer = io.peer_addr()?;
    let seat = connections.admit(peer.ip()).ok_or(std::io::ErrorKind::ConnectionRefused)?;
    Ok((Guarded::new(io, seat, deadlines), Protocol::Http1, Some(peer)))
}

/// The OpenAPI document as checked in.
pub fn document() -> String {
    kernel::docs::text(openapi())
}

/// Audited actions by method and path template, such as `GET /v1/submissions/{id}`.
pub fn audit_actions() -> HashMap<String, AuditAction> {
    served().actions
}

fn served() -> Served {
    let others = kernel::docs::PAGES.into_iter().chain(["/cds-services", smart::CONFIGURATION, pages::ELEMENT]);
    let others = others.map(|path| ("GET", path.to_owned()));
    Served::new(&openapi(), fhir::actions().chain(pages::actions()), fhir::public().chain(others))
}

fn openapi() -> OpenApi {
    let mut api = kernel::docs::openapi(routes);
    v1::webhooks::events::describe(&mut api);
    for (name, schema) in api.components.iter_mut().flat_map(|components| &mut components.schemas) {
        // A problem has fields of red flags only if it refuses answers.
        if *name != ProblemBody::name() {
            require_nullable(schema);
        }
    }
    api
}

/// Makes the nullable properties of responses required, because a response has null for a missing value. Request bodies refuse
/// other properties, and may omit their nullable ones.
fn require_nullable(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_nullable),
        RefOr::T(Schema::Object(object)) if object.additional_properties.is_none() => {
            let properties = object.properties.iter();
            let required = properties.filter(|(name, schema)| object.required.contains(name) || is_nullable(schema));
            object.required = required.map(|(name, _)| name.clone()).collect();
        }
        _ => {}
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    let kind = match schema {
        RefOr::T(Schema::Object(object)) => &object.schema_type,
        RefOr::T(Schema::Array(array)) => &array.schema_type,
        RefOr::T(Schema::OneOf(options)) => return options.items.iter().any(is_nullable),
        _ => return false,
    };
    match kind {
        SchemaType::Type(kind) => *kind == Type::Null,
        SchemaType::Array(kinds) => kinds.contains(&Type::Null),
        SchemaType::AnyValue => false,
    }
}

/// All operations of the OpenAPI document, one per line. The FHIR interactions are listed in [`fhir`].
fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(v1::screening::questionnaire::get_questionnaire)
        .service(v1::screening::rules::list_rule_tables)
        .service(v1::screening::rules::get_rule_table)
        .service(v1::screening::rule_changes::get_rule_table_changes)
        .service(v1::screening::rules::get_conformance)
        .service(v1::clinics::get_clinic)
        .service(v1::screening::scores::create_score)
        .service(v1::submissions::batch::create_submission_batch)
        .service(v1::submissions::create_submission)
        .service(v1::submissions::list_submissions)
        .service(v1::submissions::get_submission)
        .service(v1::submissions::delete_submission)
        .service(v1::submissions::get_submission_assessment)
        .service(v1::follow_ups::list_follow_ups)
        .service(v1::follow_ups::count_follow_up_changes)
        .service(v1::follow_ups::get_follow_up)
        .service(v1::follow_ups::list_follow_up_history)
        .service(v1::follow_ups::commands::take_next_follow_up)
        .service(v1::follow_ups::commands::claim_follow_up)
        .service(v1::follow_ups::commands::release_follow_up)
        .service(v1::follow_ups::commands::reassign_follow_up)
        .service(v1::follow_ups::commands::contact_follow_up)
        .service(v1::follow_ups::commands::book_follow_up)
        .service(v1::follow_ups::commands::unbook_follow_up)
        .service(v1::follow_ups::commands::mark_follow_up_not_attended)
        .service(v1::follow_ups::commands::close_follow_up)
        .service(v1::follow_ups::commands::close_self_reported_follow_ups)
        .service(v1::follow_ups::commands::reopen_follow_up)
        .service(v1::follow_ups::commands::note_follow_up)
        .service(v1::subjects::search_subjects)
        .service(v1::submissions::history::list_subject_submissions)
        .service(v1::submissions::exports::get_follow_up_export)
        .service(v1::submissions::exports::get_submission_export)
        .service(v1::submissions::statistics::get_statistics)
        .service(v1::audit::list_audit_entries)
        .service(v1::access::staff::get_me)
        .service(v1::access::staff::list_staff)
        .service(v1::access::create_credential)
        .service(v1::access::list_credentials)
        .service(v1::access::rotate_credential)
        .service(v1::access::revoke_credential);
    webhook_routes(config);
    subject_routes(config);
    config.service(health::get_liveness).service(health::get_readiness);
}

/// The operations on a subject.
fn subject_routes(config: &mut ServiceConfig<'_>) {
    config
        .service(v1::subjects::get_subject)
        .service(v1::subjects::replace_subject_contact)
        .service(v1::subjects::replace_subject_consent)
        .service(v1::subjects::list_subject_history)
        .service(v1::subjects::export_subject)
        .service(v1::subjects::delete_subject)
        .service(v1::subjects::merges::merge_subjects)
        .service(v1::subjects::merges::undo_subject_merge);
}

fn webhook_routes(config: &mut ServiceConfig<'_>) {
    config
        .service(v1::webhooks::create_webhook)
        .service(v1::webhooks::list_webhooks)
        .service(v1::webhooks::get_webhook)
        .service(v1::webhooks::update_webhook)
        .service(v1::webhooks::delete_webhook)
        .service(v1::webhooks::rotate_webhook_secret)
        .service(v1::webhooks::ping_webhook)
        .service(v1::webhooks::list_webhook_deliveries)
        .service(v1::webhooks::redeliver_webhook_deliveries);
}
