//! Allocations of refused requests, counted in this process, which serves them like a worker of the program.

use std::time::Duration;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use sarcoscreen::http::{ROOM, Settings, Shared};

use crate::service::Place;

/// Maximum allocations of a refusal, as a multiple of the cheapest response.
const FACTOR: u64 = 2;
/// Additional bytes for a handler's future. The framework allocates it in one piece before it runs, for any request.
const HANDLER: u64 = 16 * 1024;

fn get(path: &str, headers: &[(&str, &str)]) -> TestRequest {
    headers.iter().fold(TestRequest::with_uri(path), |request, header| request.append_header(*header))
}

/// Name, expected status and request.
type Refused = (&'static str, u16, Box<dyn Fn() -> TestRequest>);

/// Requests that are refused before authentication, with their status.
fn refused() -> Vec<Refused> {
    let pairs = |bytes: usize| (0..bytes / 8).map(|number| format!("&x{number:05}=")).collect::<Vec<_>>().concat();
    let query = move |path: &'static str, bytes| move || get(&format!("{path}?{}", pairs(bytes)), &[]);
    let list = "en,".repeat(160);
    let lists = move || get("/v1/submissions", &[("accept-language", &*list), ("accept", &*list)]);
    vec![
        ("no key", 401, Box::new(|| get("/v1/submissions", &[]))),
        ("no key, the longest query", 401, Box::new(query("/v1/submissions", 8_000))),
        ("no key, the longest query of FHIR", 401, Box::new(query("/fhir/Task", 8_000))),
        ("a query beyond its bound", 414, Box::new(query("/v1/submissions", 30_000))),
        ("a head beyond its bound", 431, Box::new(|| get("/v1/submissions", &[("cookie", &"c".repeat(40_000))]))),
        ("a key of no form", 401, Box::new(|| get("/v1/submissions", &[("authorization", "Bearer x")]))),
        ("long lists", 401, Box::new(lists)),
        ("an unknown path", 404, Box::new(query("/nothing", 8_000))),
        ("another method", 405, Box::new(|| get("/v1/submissions", &[]).method(Method::DELETE))),
        (
            "an unread body",
            401,
            Box::new(|| get("/v1/scores", &[]).method(Method::POST).set_payload(vec![b' '; 8_000_000])),
        ),
    ]
}

/// Allocations, allocated bytes and status of one request. Takes the minimum of several runs, because database connections
/// use this thread too.
fn allocated<S>(system: &actix_web::rt::SystemRunner, service: &S, request: &dyn Fn() -> TestRequest) -> (u64, u64, u16)
where
    S: Service<actix_http::Request, Response = ServiceResponse, Error = actix_web::Error>,
{
    let once = || {
        let request = request().to_request();
        let mut status = 0;
        let counted = allocation_counter::measure(|| {
            status = system.block_on(async {
                match service.call(request).await {
                    Ok(response) => response.status().as_u16(),
                    Err(error) => error.error_response().status().as_u16(),
                }
            });
        });
        (counted.count_total, counted.bytes_total, status)
    };
    (0..20).map(|_| once()).min().unwrap()
}

#[test]
fn a_refused_request_of_any_size_allocates_little() {
    let system = actix_web::rt::System::new();
    let (place, service) = system.block_on(async {
        let place = Place::new().await;
        place.run(&["migrate"]);
        let app = place.app();
        app.prepare().await.unwrap();
        let settings = Settings {
            cors_origins: Vec::new(),
            cors_local: false,
            trusted_proxies: Vec::new(),
            public_url: None,
            connections: 100,
            body_room: ROOM,
            read_deadline: Duration::from_secs(10),
            answer_deadline: Duration::from_secs(30),
            workers: 1,
            shutdown: Duration::from_secs(1),
        };
        (place, actix_web::test::init_service(Shared::new(app, settings).application()).await)
    });
    let (count, bytes, _) = allocated(&system, &service, &|| get("/health/live", &[]));
    println!("the cheapest response: {count} allocations, {bytes} bytes");
    let mut dear = Vec::new();
    for (name, expected, request) in refused() {
        let (refused_count, refused_bytes, status) = allocated(&system, &service, &*request);
        println!("{refused_count:4} allocations, {refused_bytes:6} bytes, {status}: {name}");
        if refused_count > FACTOR * count || refused_bytes > FACTOR * bytes + HANDLER || status != expected {
            dear.push(name);
        }
    }
    assert!(dear.is_empty(), "{dear:?}");
    drop((service, place));
}
