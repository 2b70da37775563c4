//! The default run: what a first start creates, what later starts find, and what is refused.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use clap::Parser as _;
use sarcoscreen::app::access::web_form;
use sarcoscreen::app::{clinics, demo};
use sarcoscreen::config::{Cli, Settings};
use sarcoscreen::server::migration::migrate;
use sarcoscreen::server::{Opened, Running, ServerError};
use sarcoscreen::store::private_postgres::EmbeddedError;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;

use crate::embedded::place::Place;
use crate::world::new_clinic;

/// Default settings except for the data folder and a free port.
fn settings(place: &Place) -> Settings {
    let mut settings = Cli::parse_from(["sarcoscreen", "--listen", "127.0.0.1:0"]).settings;
    settings.database.url = None;
    settings.database.master_key_file = None;
    // Other tests use the same cores.
    settings.database.deadline_ms = 20_000;
    settings.folder.data_dir = Some(place.data());
    settings
}

async fn start(settings: &Settings) -> Result<Running, ServerError> {
    Running::start(settings, &|_| ()).await
}

/// The error of a failed start; a successful one is stopped first.
async fn refusal(settings: &Settings) -> ServerError {
    match Box::pin(start(settings)).await {
        Ok(running) => {
            running.stop().await.unwrap();
            panic!("it started");
        }
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_first_start_creates_a_demo_clinic_with_private_keys() {
    let place = Place::new();
    let running = start(&settings(&place)).await.unwrap();
    let file = place.data().join("demo-credentials.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let names: Vec<&String> = kept.as_object().unwrap().keys().collect();
    assert_eq!(names, ["clinic", "browser", "intake", "staff", "admin"]);
    let announcement = running.announcement();
    for key in ["browser", "staff"] {
        assert!(announcement.contains(kept[key].as_str().unwrap()), "{announcement}");
    }
    let url = format!("http://{}", running.address());
    for (path, to) in [("/", "/s/demo"), ("/s/demo", "/s/demo"), ("/staff", "/staff/sign-in"), ("/rules", "/rules")] {
        let page = crate::world::http().get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!((page.status().as_u16(), page.url().path()), (200, to), "{path}");
        assert!(path == "/" || announcement.contains(&format!("{url}{path}\n")), "{path}: {announcement}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_later_start_finds_the_demo_clinic_and_does_not_seed_again() {
    let place = Place::new();
    let settings = settings(&place);
    let first = start(&settings).await.unwrap();
    let (keys, stored) = (first.announcement(), submissions(&place, &first).await);
    assert_eq!(stored, demo::SUBMISSIONS);
    let first_port = first.address().port().to_string();
    first.stop().await.unwrap();

    let second = start(&settings).await.unwrap();
    assert_eq!(submissions(&place, &second).await, stored);
    let port = second.address().port().to_string();
    assert_eq!(second.announcement().replace(&port, "port"), keys.replace(&first_port, "port"));
    second.stop().await.unwrap();

    let opened = Opened::open(&settings, &|_| ()).await.unwrap();
    let clinic = demo::find(&opened.app).await.unwrap().unwrap();
    web_form::close(&opened.app, clinic.clinic_id).await.unwrap();
    opened.close().await.unwrap();
    let third = start(&settings).await.unwrap();
    assert!(!third.announcement().contains("/s/demo"), "the form that an operator closed stays closed");
    third.stop().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_first_start_is_completed_by_the_next() {
    let place = Place::new();
    let settings = settings(&place);
    start(&settings).await.unwrap().stop().await.unwrap();
    // The file is written last; if it is missing, the previous start did not finish.
    fs::remove_file(place.data().join("demo-credentials.json")).unwrap();
    let again = start(&settings).await.unwrap();
    assert_eq!(submissions(&place, &again).await, demo::SUBMISSIONS);
    assert!(place.data().join("demo-credentials.json").exists());
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_with_a_clinic_of_its_own_gets_no_demo() {
    let place = Place::new();
    let settings = settings(&place);
    let opened = Opened::open(&settings, &|_| ()).await.unwrap();
    clinics::create(&opened.app, new_clinic("Own")).await.unwrap();
    opened.close().await.unwrap();

    let running = start(&settings).await.unwrap();
    assert!(!running.announcement().contains("Bearer"));
    running.stop().await.unwrap();
    assert!(!place.data().join("demo-credentials.json").exists());
    let opened = Opened::open(&settings, &|_| ()).await.unwrap();
    assert_eq!(clinics::list(&opened.app).await.unwrap().len(), 1);
    opened.close().await.unwrap();
}

#[tokio::test]
async fn a_second_start_on_a_data_folder_names_the_process_that_holds_it() {
    let place = Place::new();
    let settings = settings(&place);
    let first = start(&settings).await.unwrap();
    let error = refusal(&settings).await;
    assert!(matches!(error, ServerError::Embedded(EmbeddedError::InUse { .. })), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    first.stop().await.unwrap();
}

#[tokio::test]
async fn a_lost_master_key_is_not_recreated_for_an_existing_database() {
    let place = Place::new();
    let settings = settings(&place);
    start(&settings).await.unwrap().stop().await.unwrap();
    let key = place.data().join("master.key");
    fs::remove_file(&key).unwrap();
    let error = refusal(&settings).await;
    assert!(matches!(error, ServerError::LostMasterKey { .. }), "{error}");
    assert!(!key.exists());
}

#[tokio::test]
async fn a_world_readable_master_key_is_refused() {
    let place = Place::new();
    let settings = settings(&place);
    start(&settings).await.unwrap().stop().await.unwrap();
    let key = place.data().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = refusal(&settings).await;
    assert!(matches!(error, ServerError::OpenMasterKey { .. }), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_its_setting_and_nothing_changes() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&place);
    settings.http.listen = taken.local_addr().unwrap();
    let error = refusal(&settings).await.to_string();
    for part in [taken.local_addr().unwrap().to_string().as_str(), "SARCOSCREEN_LISTEN"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!place.data().exists());
}

#[tokio::test]
async fn an_external_database_needs_a_master_key_and_is_not_modified() {
    let place = Place::new();
    let embedded = place.start().await.unwrap();
    let socket = embedded.connect_options().get_socket().unwrap().display().to_string();
    let url = |user: &str| format!("postgres://{user}@localhost/sarcoscreen?host={socket}").into();
    let mut settings = settings(&place);
    settings.database.url = Some(url("sarcoscreen"));
    let error = refusal(&settings).await.to_string();
    assert!(error.contains("openssl rand -hex 32"), "{error}");

    let key = place.path().join("key");
    fs::write(&key, "07".repeat(32)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    settings.database.master_key_file = Some(key);
    let running = start(&settings).await.unwrap();
    let ready = readiness(&running).await;
    assert_eq!((&ready["database"], &ready["migrations"]), (&json!(true), &json!(false)), "{ready}");
    running.stop().await.unwrap();

    let error = migrate(&settings, &|_| ()).await.unwrap_err().to_string();
    assert!(error.contains("SARCOSCREEN_OWNER_DATABASE_URL"), "{error}");
    settings.database.owner_url = Some(url("sarcoscreen"));
    // The owner cannot be the login role.
    let error = migrate(&settings, &|_| ()).await.unwrap_err().to_string();
    assert!(error.contains("a role of its own in DATABASE_URL"), "{error}");
    settings.database.url = Some(url("sarcoscreen_service"));
    migrate(&settings, &|_| ()).await.unwrap();
    migrate(&settings, &|_| ()).await.unwrap();
    settings.database.owner_url = None;
    let running = start(&settings).await.unwrap();
    assert_eq!(readiness(&running).await["status"], "ready");
    running.stop().await.unwrap();
    let mut owner = embedded.connect_options().connect().await.unwrap();
    let clinics: i64 = sqlx::query_scalar("select count(*) from clinics").fetch_one(&mut owner).await.unwrap();
    assert_eq!(clinics, 0);
    drop(owner);

    // The service connects to a replica with the same role only.
    settings.replica.read_url = Some(url("sarcoscreen"));
    let error = refusal(&settings).await.to_string();
    assert!(error.contains("DATABASE_READ_URL") && error.contains("sarcoscreen_service"), "{error}");
    settings.replica.read_url = None;

    // As the owner everything works, but the service is not ready.
    settings.database.url = Some(url("sarcoscreen"));
    let running = start(&settings).await.unwrap();
    let ready = readiness(&running).await;
    let shown = [&ready["status"], &ready["row_security"], &ready["unprivileged"]];
    assert_eq!(shown, [&json!("not_ready"), &json!(true), &json!(false)], "{ready}");
    running.stop().await.unwrap();
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn the_private_database_of_an_earlier_version_gets_its_login_role_automatically() {
    let place = Place::new();
    let settings = settings(&place);
    start(&settings).await.unwrap().stop().await.unwrap();
    let embedded = place.start().await.unwrap();
    let mut owner = embedded.connect_options().connect().await.unwrap();
    let before = "drop owned by sarcoscreen_service; drop role sarcoscreen_service;
        grant create on schema public to public; grant temporary on database sarcoscreen to public";
    sqlx::raw_sql(before).execute(&mut owner).await.unwrap();
    drop(owner);
    embedded.stop().await.unwrap();

    let running = start(&settings).await.unwrap();
    assert_eq!(readiness(&running).await["status"], "ready");
    assert!(place.data().join("demo-credentials.json").exists());
    running.stop().await.unwrap();

    // Tasks of the owner use a separate store, which is never ready to serve.
    let opened = Opened::as_owner(&settings, &|_| ()).await.unwrap();
    let readiness = sarcoscreen::app::health::readiness(&opened.app).await;
    assert!(readiness.row_security && !readiness.unprivileged, "{readiness:?}");
    opened.close().await.unwrap();
}

/// The readiness that a service reports.
async fn readiness(running: &Running) -> Value {
    let address = format!("http://{}/health/ready", running.address());
    reqwest::get(address).await.unwrap().json().await.unwrap()
}

/// Number of submissions of the demo clinic.
async fn submissions(place: &Place, running: &Running) -> usize {
    let keys = fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let list = format!("http://{}/v1/submissions?limit=100", running.address());
    let (mut count, mut address) = (0, list.clone());
    loop {
        let request = crate::world::http().get(&address).bearer_auth(keys["staff"].as_str().unwrap());
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        count += page["items"].as_array().unwrap().len();
        let Some(next) = page["next_cursor"].as_str() else { return count };
        address = format!("{list}&cursor={next}");
    }
}
