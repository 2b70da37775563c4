//! Audit entries of refused requests: for any number of refusals, a few entries per minute with that number.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use crate::service::{Place, Service};

/// Number of concurrent requests.
const AT_ONCE: usize = 32;

/// A kind of request that is refused.
struct Refused {
    role: &'static str,
    method: &'static str,
    /// The path; `{id}` is replaced by a new id each time.
    path: &'static str,
    body: Value,
    status: u16,
    action: &'static str,
    outcome: &'static str,
    /// Refusals in one request; more than one in a batch.
    each: usize,
}

fn kinds() -> [Refused; 5] {
    let bad_lines = vec![json!({"submission": {"answers": {"age": 17}}}); 100];
    let get = |role, path, status, action, outcome| Refused {
        role,
        method: "GET",
        path,
        body: Value::Null,
        status,
        action,
        outcome,
        each: 1,
    };
    [
        get("browser", "/v1/follow-ups", 403, "follow_ups_listed", "refused"),
        get("intake", "/v1/submissions/{id}", 404, "submission_read", "not_found"),
        Refused {
            method: "POST",
            body: json!({"items": bad_lines}),
            each: 100,
            ..get("intake", "/v1/submissions/batch", 200, "submission_created", "invalid")
        },
        get("staff", "/v1/audit-entries", 403, "audit_entries_listed", "refused"),
        get("admin", "/v1/submissions?limit=none", 400, "submissions_listed", "invalid"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_every_role_write_one_entry_per_minute() {
    refusals(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, for 100,000 refusals of each kind"]
async fn a_hundred_thousand_refusals_of_every_role_write_one_entry_per_minute() {
    refusals(100_000).await;
}

/// Sends `count` requests of each kind, stops the service, and checks the audit log.
async fn refusals(count: usize) {
    let place = Place::new().await;
    place.run(&["migrate"]);
    let fields = ["--name", "Refused", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let id = place.run(&[&["clinics", "create"], &fields[..]].concat());
    let mint = |role| place.run(&["keys", "mint", "--clinic", &id, "--role", role, "--name", role]);
    let keys: BTreeMap<&str, String> = ["browser", "intake", "staff", "admin"].map(|role| (role, mint(role))).into();
    // Without rate limits, so that every request is refused for the reason under test.
    let unlimited = ["PER_CREDENTIAL", "PER_CLINIC", "SCORES_PER_ADDRESS", "SUBMISSIONS_PER_ADDRESS"];
    let unlimited = unlimited.map(|limit| format!("SARCOSCREEN_RATE_{limit}"));
    let service = place.serve_with(&unlimited.each_ref().map(|limit| (limit.as_str(), "0")));
    let (client, start) = (reqwest::Client::new(), Instant::now());
    let mut seconds = Vec::new();
    for kind in kinds() {
        let begun = Instant::now();
        let ask = |number| ask(&client, &service, &keys[kind.role], &kind, number);
        let requests = stream::iter(0..count / kind.each).map(ask);
        requests.buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    service.stop();
    let minutes = start.elapsed().as_secs().div_ceil(60);

    let (mut owner, mut too_many) = (place.connect().await, Vec::new());
    for (kind, seconds) in kinds().iter().zip(seconds) {
        let sql = "select count(*), coalesce(sum(occurrences), 0)::bigint as occurrences,
                max(cardinality(resource_ids)) as named
            from audit_entries a join credentials c using (clinic_id, credential_id)
            where c.role = $1 and action = $2 and outcome = $3";
        // A build without that column writes one entry per refusal.
        let sql = if has_lists(&mut owner).await { sql } else { &*sql.replace("cardinality(resource_ids)", "0") };
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(kind.role).bind(kind.action).bind(kind.outcome);
        let row = row.fetch_one(&mut owner).await.unwrap();
        let (entries, occurrences): (i64, i64) = (row.get("count"), row.get("occurrences"));
        println!(
            "{}: {occurrences} refusals of {} ({}) in {seconds:.1} s are {entries} entries, of which one names {:?} ids",
            kind.role,
            kind.action,
            kind.outcome,
            row.get::<Option<i32>, _>("named"),
        );
        assert_eq!(usize::try_from(occurrences), Ok(count), "{} as {}", kind.action, kind.role);
        // The first one, one for each minute after it, and one when the service stops.
        if entries.unsigned_abs() > 1 + minutes {
            too_many.push(format!("{entries} entries of {} as {}", kind.action, kind.role));
        }
    }
    assert!(too_many.is_empty(), "in {minutes} minutes: {too_many:?}");
    println!("{}", place.run(&["audit", "verify"]));
}

async fn ask(client: &reqwest::Client, service: &Service, key: &str, kind: &Refused, number: usize) {
    let path = kind.path.replace("{id}", &Uuid::from_u128(number as u128).to_string());
    let method = reqwest::Method::from_bytes(kind.method.as_bytes()).unwrap();
    let request = client.request(method, format!("http://{}{path}", service.address())).bearer_auth(key);
    let request = if kind.body.is_null() { request } else { request.json(&kind.body) };
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, kind.status, "{text}");
    // Every item of a batch was refused.
    assert!(kind.each == 1 || text.matches("\"status\":422,").count() >= kind.each, "{text}");
}

async fn has_lists(owner: &mut sqlx::PgConnection) -> bool {
    let sql = "select exists (select from information_schema.columns
        where table_name = 'audit_entries' and column_name = 'resource_ids')";
    sqlx::query_scalar(sql).fetch_one(owner).await.unwrap()
}
