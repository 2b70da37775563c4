//! Refused requests of any size: none costs more than twice the cheapest response plus the reading of its head.

use serde_json::Value;

use super::{LIVE, Site, get, head_of};

/// Maximum cost of a refusal as a multiple of the cheapest response, not counting the cost of its bytes.
const TIMES: f64 = 2.0;

/// Microseconds to receive and scan one byte of a head. In a debug build the libraries that do this are not optimized.
fn each_byte() -> f64 {
    if delivered() { 0.008 } else { 0.06 }
}

/// Whether the build under test is an optimized one, selected by `SARCOSCREEN_PROGRAM`.
fn delivered() -> bool {
    crate::program().as_os_str() != env!("CARGO_BIN_EXE_sarcoscreen")
}

struct Refused {
    name: String,
    bytes: Vec<u8>,
    status: u16,
    /// Whether the program closes the connection, so that each request needs a new one.
    closes: bool,
}

fn refused(name: impl Into<String>, bytes: Vec<u8>, status: u16) -> Refused {
    Refused { name: name.into(), bytes, status, closes: false }
}

/// Paths of the OpenAPI document whose operations take a query, and FHIR search paths.
fn searches() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/v1.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let takes_query = |item: &Value| {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        parameters.filter(|parameter| parameter["in"] == "query").count() > 0
    };
    let paths = document["paths"].as_object().unwrap().iter().filter(|(_, item)| takes_query(item));
    let id = "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    let paths: Vec<String> = paths.map(|(path, _)| path.replace("{id}", id)).collect();
    assert_eq!(paths.len(), 13);
    let fhir = ["QuestionnaireResponse", "Observation", "Task"].map(|kind| format!("/fhir/{kind}"));
    paths.into_iter().chain(fhir).collect()
}

fn kinds(site: &Site) -> Vec<Refused> {
    let pairs = |bytes: usize| (0..bytes / 8).map(|number| format!("&x{number:05}=")).collect::<Vec<_>>().concat();
    let (longest, cookie) = (pairs(8 * 1024), "c".repeat(31 * 1024));
    let browser = format!("Bearer {}", site.browser);
    let list = (0..127).map(|_| "a/b").collect::<Vec<_>>().join(",");
    let lists: Vec<(&str, &str)> =
        ["accept", "accept-encoding", "accept-language", "x-forwarded-for"].map(|name| (name, &*list)).into();
    let mut kinds: Vec<Refused> = Vec::new();
    for path in searches() {
        kinds.push(refused(format!("no key, the longest query: {path}"), get(&format!("{path}?{longest}"), &[]), 401));
    }
    let path = "/v1/submissions";
    kinds.extend([
        refused("no key", get(path, &[]), 401),
        refused("a head of 31 KB", get(path, &[("cookie", &cookie)]), 401),
        refused("many headers", get(path, &[("x-header", "value"); 90]), 401),
        refused("long lists", get(path, &lists), 401),
        refused("an unknown path", get(&format!("/nothing?{longest}"), &[]), 404),
        refused("another method", head_of("DELETE", "/v1/submissions", &[], "").into_bytes(), 405),
        refused("a preflight of an unknown origin", preflight(&list), 400),
        refused("no known form of FHIR", get("/fhir/Task?_format=xml", &[]), 406),
        refused("no key for CDS Hooks", head_of("POST", "/cds-services/muscle-loss", &[], "").into_bytes(), 401),
    ]);
    let beyond = [
        refused("a query of 60 KB", get(&format!("{path}?{}", pairs(60 * 1024)), &[]), 414),
        refused("a path of 30 KB", get(&format!("/{}", "a".repeat(30 * 1024)), &[]), 414),
        refused("a head of 60 KB", get(path, &[("cookie", &cookie.repeat(2))]), 431),
        refused("a list of 30 KB", get(path, &[("accept", &list.repeat(60))]), 431),
    ];
    kinds.extend(beyond);
    let role = refused("another role's key", get(&format!("{path}?{longest}"), &[("authorization", &browser)]), 403);
    kinds.push(role);
    let unread = head_of("POST", path, &[("content-length", "8388608"), ("content-type", "application/json")], "");
    kinds.push(Refused { closes: true, ..refused("no key, 8 MB declared", unread.into_bytes(), 401) });
    // Guessed keys come last: after some of them the address is locked out.
    let key = |text: &str| get(path, &[("authorization", &format!("Bearer {text}"))]);
    let guess = format!("{}{}", &site.staff[..17], "A".repeat(43));
    let other = format!("{}{}", site.staff[..17].to_uppercase(), "A".repeat(43));
    kinds.extend([
        refused("a key of no form", key("x"), 401),
        refused("a key of no form, 8 KB", key(&"x".repeat(8192)), 401),
        refused("the start of a key", key(&guess), 401),
        refused("an unknown key", key(&other), 401),
    ]);
    kinds
}

fn preflight(list: &str) -> Vec<u8> {
    let headers = [
        ("origin", "https://other.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", list),
    ];
    head_of("OPTIONS", "/v1/submissions", &headers, "").into_bytes()
}

/// Maximum number of measurements of one request.
const TRIES: usize = 9;

struct Costs {
    cheapest: f64,
    refusal: f64,
    status: u16,
}

impl Costs {
    #[expect(clippy::cast_precision_loss, reason = "a head has less than 128 KiB")]
    fn little(&self, bytes: usize) -> bool {
        self.refusal <= TIMES * self.cheapest + each_byte() * bytes as f64
    }
}

/// Measures until the cost is within the limit, at most [`TRIES`] times: a change of the processor's speed within a
/// measurement makes either cost larger than the other.
fn measured(site: &Site, cheapest: &[u8], kind: &Refused, each: u32) -> Costs {
    let measure = || {
        let costs = site.costs(&[cheapest, &kind.bytes], each);
        Costs { cheapest: costs[0].least(), refusal: costs[1].least(), status: costs[1].status }
    };
    let mut tries = std::iter::repeat_with(measure).take(TRIES);
    let first = tries.next().unwrap();
    if first.little(kind.bytes.len()) {
        return first;
    }
    tries.find(|costs| costs.little(kind.bytes.len())).unwrap_or(first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_of_any_size_costs_little() {
    let site = Site::new().await;
    let kinds = kinds(&site);
    tokio::task::block_in_place(|| {
        let closing = b"GET /health/live HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        let each = if delivered() { 200 } else { 30 };
        let mut dear = Vec::new();
        for kind in &kinds {
            let cheapest = if kind.closes { &closing[..] } else { LIVE };
            let costs = measured(&site, cheapest, kind, each);
            let (status, factor) = (costs.status, costs.refusal / costs.cheapest);
            println!(
                "{factor:6.2} times, {:7.0} us of {:.0} us, {status}, {} bytes: {}",
                costs.refusal,
                costs.cheapest,
                kind.bytes.len(),
                kind.name
            );
            // Guesses are refused with 401 until the address is locked out, then with 429.
            let expected = status == kind.status || (status, kind.status) == (429, 401);
            if !costs.little(kind.bytes.len()) || !expected {
                dear.push(format!("{}: {factor:.2} times, {status}", kind.name));
            }
        }
        assert!(dear.is_empty(), "{dear:?}");
    });
    site.service.stop();
}
