//! Work of staff in a large database: pages of the worklist, an export of a million rows, statistics over three years.
//! Fifty clinics together have 1,000,000 submissions and 50,000 open follow-ups; one more clinic alone has as many.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::seed::{Size, fill};
use crate::service::{Place, Service};

/// A clinic and its keys.
struct Clinic {
    id: Uuid,
    staff: String,
    intake: String,
}

const ONE_OF_FIFTY: Size = Size { submissions: 20_000, open: 1_000, closed: 3_000 };
const LARGE: Size = Size { submissions: 1_000_000, open: 50_000, closed: 150_000 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and gigabytes; see tests/long/README.md"]
async fn staff_at_scale() {
    let start = Instant::now();
    let place = Place::new().await;
    place.run(&["migrate"]);
    let (small, large) = (clinic(&place, "One of fifty"), clinic(&place, "Large"));
    seed(&place, &small, &large).await;
    println!("seeded in {:.0} s", start.elapsed().as_secs_f64());

    let service = place.serve();
    statistics(&place, &service, &large.staff, "counted live").await;
    worklist(&service, &small, &large).await;
    exports(&service, &large.staff).await;
    service.stop();
    let service = roll_up(&place).await;
    statistics(&place, &service, &large.staff, "counted before").await;
    service.stop();
    plans(&place, &large).await;
    drop(place);
    println!("total {:.0} s", start.elapsed().as_secs_f64());
}

fn clinic(place: &Place, name: &str) -> Clinic {
    let fields = ["--name", name, "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let id = place.run(&[&["clinics", "create"], &fields[..]].concat());
    let mint = |role| place.run(&["keys", "mint", "--clinic", &id, "--role", role, "--name", "Measured"]);
    Clinic { staff: mint("staff"), intake: mint("intake"), id: id.parse().unwrap() }
}

/// Sends a few real submissions through the service, then inserts a million rows for each of the two sets with SQL.
async fn seed(place: &Place, small: &Clinic, large: &Clinic) {
    let service = place.serve();
    for (index, falls) in [0, 0, 1, 0, 4, 5].into_iter().enumerate() {
        let (age, stairs) = (50 + 6 * index, if falls > 3 { "a_lot_or_unable" } else { "none" });
        let answers = json!({"age": age, "sex": "female", "height_cm": 162, "weight_kg": 61.5, "falls_past_year": falls,
            "stair_difficulty": stairs, "carrying_difficulty": stairs, "walking_difficulty": "none",
            "chair_rise_difficulty": "none", "activity": "inactive", "fatigue": "rarely", "calf_circumference_cm": 33.5,
            "conditions": [], "medications": ["systemic_corticosteroid_3_weeks"], "smoker": false});
        service.submit(&small.intake, &json!({"answers": answers})).await;
    }
    service.stop();
    let mut owner = place.connect().await;
    // Skips the foreign key checks; the rows are consistent by construction.
    owner.execute("set session_replication_role = replica").await.unwrap();
    // No day is rolled up until the statistics have been measured without rolled-up days.
    block_counting(&mut owner).await;
    let others = "insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at)
                  select gen_random_uuid(), 'Clinic ' || i, booking_url, emergency_number, language, created_at
                  from clinics, generate_series(2, 50) i where name = 'Large' returning clinic_id";
    let others: Vec<Uuid> = sqlx::query_scalar(others).fetch_all(&mut owner).await.unwrap();
    for (number, id) in (2..).zip(others.iter().chain([&small.id])) {
        fill(&mut owner, None, *id, small.id, number, ONE_OF_FIFTY).await;
    }
    fill(&mut owner, Some(&Place::keys()), large.id, small.id, 1, LARGE).await;
    for table in ["submissions", "follow_ups", "subjects"] {
        owner.execute(AssertSqlSafe(format!("vacuum (analyze) {table}"))).await.unwrap();
    }
    owner.execute("checkpoint").await.unwrap();
    let counts = "select (select count(*) from submissions)::text || ' submissions, '
        || (select count(*) from follow_ups where state <> 'closed') || ' open of ' || (select count(*) from follow_ups)
        || ' cases, ' || (select count(*) from clinics) || ' clinics, '
        || pg_size_pretty(pg_database_size(current_database()))";
    println!("{}", sqlx::query_scalar::<_, String>(counts).fetch_one(&mut owner).await.unwrap());
}

/// Inserts a row that marks a future day as counted, so that the service counts no earlier day.
async fn block_counting(owner: &mut PgConnection) {
    let sql = "insert into daily_counts select clinic_id, '2999-12-31', 'submissions', '', 0 from clinics";
    owner.execute(sql).await.unwrap();
}

async fn worklist(service: &Service, small: &Clinic, large: &Clinic) {
    println!("\n| worklist | page | at once | requests | p50 ms | p99 ms |\n|---|---|---|---|---|---|");
    for (name, clinic, limit) in [("one of fifty clinics", small, 1), ("the large clinic", large, 50)] {
        let first = format!("/v1/follow-ups?limit={limit}");
        let (mut path, mut page) = (first.clone(), 1);
        // Page 1,000 may be the last one, which has no cursor.
        while page < 1_000 {
            let cursor = service.get(&clinic.staff, &path).await["next_cursor"].clone();
            path = format!("{first}&cursor={}", cursor.as_str().unwrap());
            page += 1;
        }
        let shown = service.get(&clinic.staff, &path).await["items"].as_array().unwrap().len();
        assert_eq!(shown, limit);
        for (page, path) in [("1", &first), ("1,000", &path)] {
            for (at_once, each) in [(1, 1_000), (8, 500)] {
                service.latencies(&clinic.staff, path, at_once, 50).await;
                let all = service.latencies(&clinic.staff, path, at_once, each).await;
                let (p50, p99) = (percentile(&all, 50), percentile(&all, 99));
                println!("| {name}, {limit} rows | {page} | {at_once} | {} | {p50:.2} | {p99:.2} |", all.len());
            }
        }
    }
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

async fn exports(service: &Service, staff: &str) {
    println!(
        "\n| export | rows | seconds | rows/s | MB | resident before, MB | peak, MB |\n|---|---|---|---|---|---|---|"
    );
    for (export, format) in [("submissions", "ndjson"), ("submissions", "csv"), ("follow-ups", "ndjson")] {
        service.forget_peak();
        let (before, start) = (service.resident(), Instant::now());
        let path = format!("/v1/exports/{export}?format={format}");
        let mut body = service.request(staff, &path).send().await.unwrap();
        let (mut rows, mut bytes) = (0, 0);
        while let Some(chunk) = body.chunk().await.unwrap() {
            bytes += chunk.len();
            rows += String::from_utf8_lossy(&chunk).matches('\n').count();
        }
        // One line is the header or the trailer.
        let (rows, seconds) = (rows - 1, start.elapsed().as_secs_f64());
        let wanted = if export == "submissions" { LARGE.submissions } else { LARGE.open + LARGE.closed };
        assert_eq!(rows, usize::try_from(wanted).unwrap());
        #[expect(clippy::cast_precision_loss, reason = "a table")]
        let (rate, megabytes) = (rows as f64 / seconds, bytes as f64 / 1e6);
        let peak = service.peak();
        println!(
            "| {export}, {format} | {rows} | {seconds:.1} | {rate:.0} | {megabytes:.0} | {before:.0} | {peak:.0} |"
        );
    }
}

async fn statistics(place: &Place, service: &Service, staff: &str, how: &str) {
    let first_day = "select ((now() at time zone 'UTC')::date - 1099)::text";
    let from: String = sqlx::query_scalar(first_day).fetch_one(&mut place.connect().await).await.unwrap();
    println!("\n| statistics, {how} | requests | p50 ms | p99 ms |\n|---|---|---|---|");
    for (name, path) in
        [("1,100 days", format!("/v1/statistics?from={from}")), ("30 days", "/v1/statistics".to_owned())]
    {
        let total: Value = service.get(staff, &path).await["submissions"]["total"].clone();
        let all = service.latencies(staff, &path, 1, if how == "counted live" { 5 } else { 100 }).await;
        let (p50, p99) = (percentile(&all, 50), percentile(&all, 99));
        println!("| {name}, {total} submissions | {} | {p50:.1} | {p99:.1} |", all.len());
    }
}

/// Lets the service count every past day, and waits for it.
async fn roll_up(place: &Place) -> Service {
    let mut owner = place.connect().await;
    owner.execute("delete from daily_counts").await.unwrap();
    let (start, service) = (Instant::now(), place.serve());
    let open = "select count(*) from clinics c where not exists (
                    select from daily_counts d where d.clinic_id = c.clinic_id and d.day >= current_date - 1)";
    let mut pace = tokio::time::interval(Duration::from_millis(250));
    while sqlx::query_scalar::<_, i64>(open).fetch_one(&mut owner).await.unwrap() > 0 {
        pace.tick().await;
        assert!(start.elapsed() < Duration::from_mins(5), "the days are not counted");
    }
    let rows = "select count(*) from daily_counts";
    let days = "select count(*) from daily_counts where dimension = 'submissions'";
    let rows: i64 = sqlx::query_scalar(rows).fetch_one(&mut owner).await.unwrap();
    let days: i64 = sqlx::query_scalar(days).fetch_one(&mut owner).await.unwrap();
    println!(
        "\n{days} days of 51 clinics counted within {:.0} s of the start, {rows} rows",
        start.elapsed().as_secs_f64()
    );
    service
}

/// Plans of the statements as the service sends them, with its role and under row-level security.
async fn plans(place: &Place, clinic: &Clinic) {
    let mut owner = place.connect().await;
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "\"auto_explain.log_min_duration\" = 0",
        "\"auto_explain.log_analyze\" = on",
        "\"auto_explain.log_buffers\" = on",
    ] {
        owner.execute(AssertSqlSafe(format!("alter role current_user set {setting}"))).await.unwrap();
    }
    let service = place.serve();
    let before = place.log().len();
    let first = service.get(&clinic.staff, "/v1/follow-ups?limit=50").await;
    let second = format!("/v1/follow-ups?limit=50&cursor={}", first["next_cursor"].as_str().unwrap());
    service.get(&clinic.staff, &second).await;
    service.get(&clinic.staff, "/v1/statistics").await;
    service.stop();
    let log = place.log();
    let mut shown = 0;
    for plan in log[before..].split("LOG:  duration:").filter(|plan| plan.contains("from follow_ups")) {
        println!("\n{}", plan.lines().skip(1).take_while(|line| line.starts_with('\t')).collect::<Vec<_>>().join("\n"));
        shown += 1;
    }
    assert!(shown >= 2, "no plan in the log");
}
