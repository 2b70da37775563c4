//! Hostile connections of several kinds, opened at once while two clinics work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use crate::hostile::{DOCUMENT, connect, crowd, descriptors, drip, until};
use crate::people::{clinic, mint};
use crate::service::{Place, Service};

/// Number of connections of each kind.
struct Storm {
    unread: usize,
    slow_heads: usize,
    slow_bodies: usize,
    idle: usize,
    /// Connections that send queries of 64 KB without a key.
    queries: usize,
    /// Connections that send batches of 8 MB in which every item is faulty.
    batches: usize,
    lasts: Duration,
    /// Upper bound on the resident memory of the service, MB.
    memory: f64,
}

/// Results of the normal clients.
#[derive(Default)]
struct Met {
    milliseconds: Vec<f64>,
    errors: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clinics_keep_working_during_hostile_connections() {
    let storm = Storm {
        unread: 150,
        slow_heads: 50,
        slow_bodies: 50,
        idle: 100,
        queries: 2,
        batches: 1,
        lasts: Duration::from_secs(4),
        memory: 200.0,
    };
    endure(storm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes two minutes"]
async fn clinics_keep_working_during_thousands_of_hostile_connections() {
    let storm = Storm {
        unread: 1_500,
        slow_heads: 500,
        slow_bodies: 500,
        idle: 1_000,
        queries: 4,
        batches: 4,
        lasts: Duration::from_secs(45),
        memory: 400.0,
    };
    endure(storm).await;
}

async fn endure(storm: Storm) {
    let place = Place::new().await;
    place.run(&["migrate"]);
    let clinics = ["One", "Two"].map(|name| {
        clinic(&place, name);
        ["intake", "staff"].map(|role| mint(&place, name, role))
    });
    let hostile = mint(&place, "One", "intake");
    // Short deadlines: the test takes seconds instead of half a minute.
    let service =
        place.serve_with(&[("SARCOSCREEN_ANSWER_DEADLINE_SECONDS", "5"), ("SARCOSCREEN_READ_DEADLINE_SECONDS", "5")]);
    let calm = work(&service, &clinics, &Arc::new(AtomicBool::new(false)), Some(50)).await;
    let (memory, open) = (service.resident(), descriptors(&service));
    service.forget_peak();

    let over = Arc::new(AtomicBool::new(false));
    let attack = async {
        attack(&service, &storm, &hostile).await;
        over.store(true, Ordering::Relaxed);
    };
    let (met, ()) = futures_util::future::join(work(&service, &clinics, &over, None), attack).await;
    let (peak, closed) = (service.peak(), closed(&service, open).await);
    let recovered = until(Duration::from_secs(30), || service.resident() < memory * 1.5 + 50.0).await;
    println!(
        "calm: p99 {:.0} ms of {}; storm: p99 {:.0} ms of {}",
        calm.p99(),
        calm.milliseconds.len(),
        met.p99(),
        met.milliseconds.len()
    );
    println!("memory: {memory:.0} MB before, {peak:.0} MB at most, {:.0} MB after", service.resident());
    println!("hostile connections closed after {closed:?}, memory released after {recovered:?}");
    assert!(met.errors.is_empty(), "{} errors: {:?}", met.errors.len(), met.errors.first());
    assert!(met.milliseconds.len() > 20);
    assert!(peak <= storm.memory, "{peak:.0} MB");
    assert!(closed.is_some() && recovered.is_some(), "{} descriptors, {open} before", descriptors(&service));
    service.stop();
}

/// Waits until the service has closed the hostile connections.
async fn closed(service: &Service, open: usize) -> Option<Duration> {
    until(Duration::from_secs(30), || descriptors(service) <= open + 10).await
}

/// Opens all hostile connections and keeps them open for the duration of the storm. Those that do not read stay open longer.
async fn attack(service: &Service, storm: &Storm, key: &str) {
    let to = service.address();
    let unread = crowd(to, 1, storm.unread, &DOCUMENT.repeat(100)).await;
    let head = "GET /v1/questionnaire HTTP/1.1\r\nhost: test\r\nx-slow: ";
    let body = format!(
        "POST /v1/scores HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n{{"
    );
    let mut dripping = JoinSet::new();
    dripping.spawn(drip(crowd(to, 2, storm.slow_heads, head).await));
    dripping.spawn(drip(crowd(to, 3, storm.slow_bodies, &body).await));
    let idle = crowd(to, 4, storm.idle, "GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let query: Vec<_> = (0..7_000).map(|number| format!("x{number}=y")).collect();
    let query = format!("GET /v1/follow-ups?{} HTTP/1.1\r\nhost: test\r\n\r\n", query.join("&"));
    let batch = batch(key);
    for (count, bytes) in [(storm.queries, query), (storm.batches, batch)] {
        for number in 0..count {
            let bytes = bytes.clone();
            dripping.spawn(async move {
                let from = [127, 0, 5, u8::try_from(number).unwrap() + 1].into();
                let mut stream = connect(to, from).await.unwrap();
                let _ = stream.write_all(bytes.as_bytes()).await;
                std::future::pending::<()>().await;
            });
        }
    }
    // The test prescribes the duration; there is no event to wait for.
    tokio::time::sleep(storm.lasts).await;
    // The clients disconnect, except the ones that never read: the service closes those.
    drop((dripping, idle));
    tokio::spawn(async move {
        let _unread = unread;
        // Longer than every deadline of the service: the service closes these connections, not the test.
        tokio::time::sleep(Duration::from_mins(2)).await;
    });
}

/// A batch of 8 MB in which every item is faulty.
fn batch(key: &str) -> String {
    let item =
        json!({"submission": {"answers": {"age": "old", "x": [1, 2, 3]}, "subject": 7}, "other": {}}).to_string();
    let items = vec![item.as_str(); 8_000_000 / (item.len() + 1)].join(",");
    let body = format!("{{\"items\":[{items}]}}");
    format!(
        "POST /v1/submissions/batch HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Submits, scores and reads lists for two clinics, `times` times or until `over` is set.
async fn work(service: &Service, clinics: &[[String; 2]; 2], over: &Arc<AtomicBool>, times: Option<usize>) -> Met {
    let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let client = &client;
    let each = clinics.iter().map(|[intake, staff]| async move {
        let mut met = Met::default();
        let mut round = 0;
        while times.map_or_else(|| !over.load(Ordering::Relaxed), |times| round < times) {
            round += 1;
            let base = format!("http://{}", service.address());
            let answers = json!({"answers": {"age": 82, "activity": "inactive", "falls_past_year": 4,
                "stair_difficulty": "a_lot_or_unable", "medications": ["systemic_corticosteroid_3_weeks"]}});
            met.ask(client.post(format!("{base}/v1/scores")).bearer_auth(intake).json(&answers), 200).await;
            met.ask(client.post(format!("{base}/v1/submissions")).bearer_auth(intake).json(&answers), 201).await;
            met.ask(client.get(format!("{base}/v1/follow-ups?limit=10")).bearer_auth(staff), 200).await;
        }
        met
    });
    let mut all = Met::default();
    for met in futures_util::future::join_all(each).await {
        all.milliseconds.extend(met.milliseconds);
        all.errors.extend(met.errors);
    }
    all.milliseconds.sort_by(f64::total_cmp);
    all
}

impl Met {
    async fn ask(&mut self, request: reqwest::RequestBuilder, wanted: u16) {
        let start = Instant::now();
        let answered = async {
            let answer = request.send().await?;
            let status = answer.status();
            answer.json::<Value>().await.map(|_| status)
        };
        match answered.await {
            Ok(status) if status == StatusCode::from_u16(wanted).unwrap() => {}
            other => self.errors.push(format!("{other:?}")),
        }
        self.milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }

    fn p99(&self) -> f64 {
        self.milliseconds[(self.milliseconds.len() - 1) * 99 / 100]
    }
}
