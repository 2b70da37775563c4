//! A world for each test: the real server on a free port with a database of its own, clinics and their users.

mod clock;
mod cluster;
mod people;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use sarcoscreen::app::ambient::Ambient;
use sarcoscreen::app::clinics::{self, NewClinic};
use sarcoscreen::app::{App, Policy};
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::clinics::{EmergencyNumber, Profile};
use sarcoscreen::domain::language::Language;
use sarcoscreen::http::{self, Settings};
use sarcoscreen::rules::Releases;
use sarcoscreen::store::LOGIN;
use sarcoscreen::store::database::keys::{Keys, MasterKey};
use sarcoscreen::store::database::schema;
use sarcoscreen::store::database::writer::Grouping;
use sarcoscreen::store::database::{Sizes, Store};
use sarcoscreen::store::writers::Writers;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use cluster::cluster;

pub(crate) use clock::Clock;
pub(crate) use people::{fit, frail};

/// The real server and its database.
pub(crate) struct World {
    /// The base URL of the server.
    pub(crate) base: String,
    /// The application of the server, for operators' tasks.
    pub(crate) app: App,
    /// The server's clock, which a test can move.
    pub(crate) clock: Arc<Clock>,
    /// Connection options of the owner of the database.
    pub(crate) database: PgConnectOptions,
    pub(crate) erasure_log: PathBuf,
    server: actix_web::dev::ServerHandle,
    name: String,
    http: reqwest::Client,
}

/// A clinic with one user of each role.
pub(crate) struct Clinic {
    pub(crate) id: uuid::Uuid,
    pub(crate) browser: User,
    pub(crate) intake: User,
    pub(crate) staff: User,
    pub(crate) admin: User,
}

/// A caller, with or without a key.
#[derive(Clone)]
pub(crate) struct User {
    base: String,
    pub(crate) key: Option<String>,
    http: reqwest::Client,
}

/// A complete response of the server.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl World {
    /// Starts a server with a new database.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::built(change, |app| app).await
    }

    /// Starts a server with changed settings and a changed application.
    pub(crate) async fn built(change: impl FnOnce(&mut Settings), build: impl FnOnce(App) -> App) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cluster = cluster().await;
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        cluster.create_from_template(&name).await;
        let database = cluster.options.clone().database(&name);
        let erasure_log = cluster.folder.join(format!("{name}.erasures"));
        Self::serving(database, name, erasure_log, change, build).await
    }

    /// Starts a server on an empty database of another cluster, and migrates it first.
    pub(crate) async fn over(database: &PgConnectOptions) -> Self {
        schema::migrate(database, LOGIN, None).await.unwrap();
        let name = database.get_database().unwrap().to_owned();
        // No test erases subjects there.
        Self::serving(database.clone(), name, PathBuf::from("/nowhere"), |_| {}, |app| app).await
    }

    async fn serving(
        database: PgConnectOptions,
        name: String,
        erasure_log: PathBuf,
        change: impl FnOnce(&mut Settings),
        build: impl FnOnce(App) -> App,
    ) -> Self {
        crate::schema::compile().await;
        let clock = Arc::new(Clock::default());
        let app = self::app(&database, Arc::clone(&clock) as Arc<dyn Ambient>, &[7], Some(erasure_log.clone()));
        let app = build(app);
        app.prepare().await.unwrap();
        let mut settings = settings();
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (server, _) = http::serve(app.clone(), settings, listener).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        Self { base, app, clock, database, erasure_log, server: handle, name, http: http() }
    }

    /// Adds a clinic with one user of each role.
    pub(crate) async fn clinic(&self, name: &str) -> Clinic {
        let id = clinics::create(&self.app, new_clinic(name)).await.unwrap().clinic_id.0;
        Clinic {
            id,
            browser: self.user(id, Role::Browser, None).await,
            intake: self.user(id, Role::Intake, None).await,
            staff: self.user(id, Role::Staff, None).await,
            admin: self.user(id, Role::Admin, None).await,
        }
    }

    pub(crate) async fn user(&self, clinic: uuid::Uuid, role: Role, expires_at: Option<Timestamp>) -> User {
        self.user_with_id(clinic, role, expires_at).await.0
    }

    /// Mints a key and returns it with its credential's id.
    pub(crate) async fn user_with_id(
        &self,
        clinic: uuid::Uuid,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> (User, uuid::Uuid) {
        let minted =
            sarcoscreen::app::access::credentials::mint(&self.app, clinic.into(), role, role.as_str(), expires_at);
        let (credential, key) = minted.await.unwrap();
        (self.holder(Some(&key)), credential.credential_id.0)
    }

    /// A caller with this text as a key, or without a key.
    pub(crate) fn holder(&self, key: Option<&str>) -> User {
        User { base: self.base.clone(), key: key.map(str::to_owned), http: self.http.clone() }
    }

    /// A connection as the owner of the database.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.database.connect().await.unwrap()
    }

    /// Suspends or resumes a clinic. Instances that have cached the clinic follow within five seconds.
    pub(crate) async fn suspend(&self, clinic: &Clinic, suspended: bool) {
        let all = sarcoscreen::app::clinics::list(&self.app).await.unwrap();
        let stored = all.into_iter().find(|one| one.clinic_id.0 == clinic.id).unwrap();
        let changed = sarcoscreen::domain::clinics::Clinic { suspended, ..stored };
        sarcoscreen::app::clinics::change(&self.app, &changed).await.unwrap();
    }

    /// A store on the server's database, with its keys.
    pub(crate) fn store(&self) -> Store {
        store(&self.database)
    }

    /// The single number that a query returns.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The server's threads end by themselves. A separate thread drops the database, because a test may end in a panic.
        let server = self.server.clone();
        let (options, name) = (self.database.clone().database("postgres"), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                drop(server.stop(false));
                let mut connection = options.connect().await?;
                let sql = format!("drop database if exists {name} with (force)");
                connection.execute(sqlx::AssertSqlSafe(sql)).await?;
                connection.close().await
            })
        });
        let _ = dropped.join();
    }
}

impl User {
    /// The same caller at another instance of the server.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path).json(body)).await
    }

    pub(crate) async fn submit(&self, body: &Value) -> Answer {
        self.post("/v1/submissions", body).await
    }

    /// Submits with an idempotency key.
    pub(crate) async fn submit_once(&self, key: &str, body: &Value) -> Answer {
        self.send(self.request("POST", "/v1/submissions").header("idempotency-key", key).json(body)).await
    }

    /// A request with this user's key.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends a request, reads the response and validates it.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, address) = (request.method().clone(), request.url().as_str().replacen(&self.base, "", 1));
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, text: response.text().await.unwrap() };
        answer.check_problem();
        // NDJSON is not one document; tests that request it check each line.
        if !answer.header("content-type").contains("ndjson") {
            crate::schema::check(method.as_str(), &address, status, &answer.text);
        }
        answer
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body, after checking the status.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The text of a header; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The pointers of a problem's faults, in order.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    /// Checks that an error has the common shape, is on the published list, and contains its request id.
    pub(crate) fn check_problem(&self) {
        if self.status < 400 || self.header("content-type").starts_with("text/html") {
            return;
        }
        let body = self.json();
        if body["resourceType"] == "OperationOutcome" {
            assert!(self.header("content-type").starts_with("application/"), "{}", self.text);
            assert!(body["issue"].as_array().is_some_and(|issues| !issues.is_empty()));
            return; // FHIR has its own error format
        }
        if body.get("durable_settings").is_some() {
            return; // readiness has its own error format
        }
        if body.get("error_description").is_some() {
            assert!(body["error"].is_string());
            return; // the token endpoint has the error format of OAuth
        }
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let kind = body["type"].as_str().unwrap().trim_start_matches("/docs/problems#").to_owned();
        let listed =
            http::kernel::problem::ProblemType::ALL.iter().any(|row| row.row().0 == kind && row.row().1 == self.status);
        assert!(listed, "{kind} {} is not on the published list", self.status);
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(body["errors"].is_array() && body["title"].is_string() && body["detail"].is_string());
    }
}

fn store(database: &PgConnectOptions) -> Store {
    let keys = Keys::derive(&[MasterKey::parse(&MasterKey::text(&[7; 32])).unwrap()]).unwrap();
    Store::open(login(database), sizes(8, 60), keys)
}

/// A client for local addresses. It loads no certificates, because that takes longer than most requests.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}

/// The options of the login role for the database of an owner.
pub(crate) fn login(owner: &PgConnectOptions) -> PgConnectOptions {
    owner.clone().username(LOGIN)
}

/// The pool sizes of a store in tests.
pub(crate) fn sizes(connections: u32, acquire_seconds: u64) -> Sizes {
    let deadline = Duration::from_secs(acquire_seconds);
    Sizes { connections, deadline, accepted_unsafe_settings: Vec::new() }
}

fn settings() -> Settings {
    Settings {
        cors_origins: vec!["https://clinic.example".to_owned()],
        cors_local: false,
        trusted_proxies: Vec::new(),
        body_room: http::ROOM,
        public_url: None,
        connections: 10_000,
        read_deadline: Duration::from_secs(10),
        answer_deadline: Duration::from_secs(30),
        workers: 2,
        shutdown: Duration::from_secs(1),
    }
}

/// Serves an application on a free port.
pub(crate) fn serve(app: App) -> (String, actix_web::dev::ServerHandle) {
    serve_with(app, |_| {})
}

/// Serves an application on a free port with changed settings.
pub(crate) fn serve_with(app: App, change: impl FnOnce(&mut Settings)) -> (String, actix_web::dev::ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut settings = settings();
    change(&mut settings);
    let (server, _) = http::serve(app, settings, listener).unwrap();
    let handle = server.handle();
    tokio::spawn(server);
    (base, handle)
}

/// An application on the database of an owner, with master keys that are 32 repetitions of a byte each, the current one
/// first.
pub(crate) fn app(
    database: &PgConnectOptions,
    ambient: Arc<dyn Ambient>,
    bytes: &[u8],
    erasure_log: Option<PathBuf>,
) -> App {
    app_sized(database, ambient, bytes, erasure_log, sizes(8, 60), Grouping::default())
}

/// The same with other pool sizes and another grouping of submissions.
pub(crate) fn app_sized(
    database: &PgConnectOptions,
    ambient: Arc<dyn Ambient>,
    bytes: &[u8],
    erasure_log: Option<PathBuf>,
    sizes: Sizes,
    intake: Grouping,
) -> App {
    let masters: Vec<_> = bytes.iter().map(|&byte| MasterKey::parse(&MasterKey::text(&[byte; 32])).unwrap()).collect();
    let keys = Keys::derive(&masters).unwrap();
    let store = Store::open(login(database), sizes, keys);
    let writers = Writers::start(&store, intake);
    let policy =
        Policy { idempotency_lifetime: Duration::from_hours(1), accepted_unsafe_settings: Vec::new(), erasure_log };
    App::new(store, writers, releases(), ambient, policy)
}

/// The released rule tables. They are read once for all tests, because that takes longer than most requests.
pub(crate) fn releases() -> Releases {
    static RELEASES: LazyLock<Releases> = LazyLock::new(|| Releases::load().unwrap());
    RELEASES.clone()
}

/// The settings of a clinic without pathways, in English.
pub(crate) fn new_clinic(name: &str) -> NewClinic {
    let number = EmergencyNumber { label: None, number: "112".to_owned() };
    NewClinic {
        name: name.to_owned(),
        slug: None,
        booking_url: "https://clinic.example/book".to_owned(),
        profile: Profile { emergency_numbers: vec![number], ..Profile::default() },
        language: Language::En,
        pathways: Vec::new(),
    }
}
