//! Faulty queries and bodies of authenticated requests: the cost grows at most linearly with their size.

use super::{Site, get, post};

/// Maximum growth of the cost when the size doubles.
const FACTOR: f64 = 2.6;

/// A kind of request: a name, its status, and a function that builds it for approximately a number of bytes.
type Kind<'k> = (&'k str, u16, Box<dyn Fn(usize) -> Vec<u8> + 'k>);

/// A list of distinct parts, of approximately this many bytes.
fn many(bytes: usize, separator: &str, part: impl Fn(usize) -> String) -> String {
    let length = part(0).len() + separator.len();
    (0..bytes / length).map(part).collect::<Vec<_>>().join(separator)
}

fn small(site: &Site) -> Vec<Kind<'_>> {
    let scores = |body: String| post("/v1/scores", &site.intake, &body);
    let fields = |bytes| many(bytes, ",", |number| format!("\"x{number:05}\":0"));
    let response = |items: String| {
        let body =
            format!("{{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\",\"item\":[{items}]}}");
        post("/fhir/QuestionnaireResponse/$extract", &site.intake, &body)
    };
    vec![
        ("unknown fields", 422, Box::new(move |bytes| scores(format!("{{{}}}", fields(bytes))))),
        ("unknown answers", 422, Box::new(move |bytes| scores(format!("{{\"answers\":{{{}}}}}", fields(bytes))))),
        (
            "wrong entries of a list",
            422,
            Box::new(move |bytes| scores(format!("{{\"pathways\":[{}]}}", many(bytes, ",", |_| "0".into())))),
        ),
        (
            "unknown options",
            422,
            Box::new(move |bytes| {
                scores(format!("{{\"answers\":{{\"medications\":[{}]}}}}", many(bytes, ",", |_| "\"\"".into())))
            }),
        ),
        (
            "items of another form",
            422,
            Box::new(move |bytes| response(many(bytes, ",", |number| format!("{{\"linkId\":\"x{number:05}\"}}")))),
        ),
        ("items that are none", 422, Box::new(move |bytes| response(many(bytes, ",", |_| "{\"linkId\":0}".into())))),
        (
            "one long linkId above all others",
            422,
            Box::new(move |bytes| {
                let items = many(bytes / 2, ",", |number| format!("{{\"linkId\":\"x{number:05}\"}}"));
                response(format!("{{\"linkId\":\"{}\",\"item\":[{items}]}}", "a".repeat(bytes / 2)))
            }),
        ),
        (
            "nested items",
            422,
            Box::new(move |bytes| {
                let inner = many(bytes, ",", |number| format!("{{\"linkId\":\"x{number:05}\"}}"));
                response(format!("{}{inner}{}", "{\"linkId\":\"deep\",\"item\":[".repeat(20), "]}".repeat(20)))
            }),
        ),
    ]
}

fn large(site: &Site) -> Vec<Kind<'_>> {
    let batch = |body: String| post("/v1/submissions/batch", &site.intake, &body);
    let bundle = |body: String| post("/fhir", &site.intake, &body);
    let fields = |bytes| many(bytes, ",", |number| format!("\"x{number:07}\":[]"));
    let empty = |bytes| many(bytes, ",", |_| "[]".into());
    vec![
        ("a batch of unknown fields", 422, Box::new(move |bytes| batch(format!("{{{}}}", fields(bytes))))),
        ("a batch of too many items", 422, Box::new(move |bytes| batch(format!("{{\"items\":[{}]}}", empty(bytes))))),
        (
            "a batch of one large item",
            200,
            Box::new(move |bytes| batch(format!("{{\"items\":[{{\"submission\":[{}]}}]}}", empty(bytes)))),
        ),
        ("a Bundle of unknown fields", 422, Box::new(move |bytes| bundle(format!("{{{}}}", fields(bytes))))),
        (
            "a Bundle of too many entries",
            422,
            Box::new(move |bytes| {
                bundle(format!("{{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{}]}}", empty(bytes)))
            }),
        ),
        (
            "a Bundle of one large entry",
            200,
            Box::new(move |bytes| {
                let entry = format!("{{\"resource\":[{}]}}", empty(bytes));
                bundle(format!("{{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{entry}]}}"))
            }),
        ),
    ]
}

/// Doubles the size several times, compares the cost of each size with the one before, and returns the kinds whose cost
/// grows faster than linearly.
fn steep(site: &Site, kinds: Vec<Kind<'_>>, sizes: &[usize], each: u32) -> Vec<String> {
    let mut steep = Vec::new();
    for (name, status, bytes_of) in kinds {
        let requests: Vec<_> = sizes.iter().map(|size| bytes_of(*size)).collect();
        let costs = site.costs(&requests.iter().map(Vec::as_slice).collect::<Vec<_>>(), each);
        let growth: Vec<_> = costs.windows(2).map(|pair| pair[1].times(&pair[0])).collect();
        let shown: Vec<_> = costs.iter().map(|cost| format!("{:.0}", cost.least())).collect();
        println!("{name}: {} us for {sizes:?} bytes, {growth:.2?} times", shown.join(", "));
        let statuses: Vec<_> = costs.iter().map(|cost| cost.status).collect();
        if growth.iter().any(|times| *times > FACTOR) || statuses.iter().any(|found| *found != status) {
            steep.push(format!("{name}: {growth:.2?}, {statuses:?}"));
        }
    }
    steep
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_queries_and_bodies_cost_in_proportion_to_their_bytes() {
    let site = Site::new().await;
    tokio::task::block_in_place(|| {
        let staff = format!("Bearer {}", site.staff);
        let query = |bytes| {
            let pairs = many(bytes, "&", |number| format!("x{number:05}="));
            get(&format!("/v1/submissions?{pairs}"), &[("authorization", &staff)])
        };
        let queries: Vec<Kind<'_>> = vec![("an unknown query", 400, Box::new(query))];
        let steep = [
            steep(&site, queries, &[1_000, 2_000, 4_000, 8_000], 20),
            steep(&site, small(&site), &[16_000, 32_000, 64_000], 3),
            steep(&site, large(&site), &[256_000, 512_000, 1_024_000], 1),
        ];
        assert!(steep.concat().is_empty(), "{steep:#?}");
    });
    site.service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_faults_cost_little_more_than_one() {
    let site = Site::new().await;
    tokio::task::block_in_place(|| {
        let faults =
            |count: usize| (0..count).map(|number| format!(",\"x{number:02}\":0")).collect::<Vec<_>>().concat();
        let answers = many(60_000, ",", |number| format!("\"x{number:05}\":0"));
        let items = many(1_000_000, ",", |_| format!("[{}]", many(2_000, ",", |_| "0".into())));
        for (path, body) in [
            ("/v1/scores", format!("{{\"answers\":{{{answers}}}")),
            ("/v1/submissions/batch", format!("{{\"items\":[{items}]")),
        ] {
            let [one, hundred] = [1, 100].map(|count| post(path, &site.intake, &format!("{body}{}}}", faults(count))));
            let costs = site.costs(&[&one, &hundred], 3);
            let (one, hundred, times) = (costs[0].least(), costs[1].least(), costs[1].times(&costs[0]));
            println!("{path}: {one:.0} us with one fault at the end, {hundred:.0} us with a hundred, {times:.2} times");
            assert!(times < 2.0, "{path}: {times:.2} times");
        }
    });
    site.service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: bodies of 8 MB"]
async fn the_largest_faulty_bodies_cost_in_proportion_to_their_bytes() {
    let site = Site::new().await;
    tokio::task::block_in_place(|| {
        let steep = steep(&site, large(&site), &[1_000_000, 2_000_000, 4_000_000, 8_000_000], 2);
        assert!(steep.is_empty(), "{steep:#?}");
    });
    site.service.stop();
}
