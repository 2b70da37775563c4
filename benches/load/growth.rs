//! Each query of staff over 10,000, 100,000, 1,000,000, ... submissions. There is one follow-up for ten submissions, and a
//! tenth of the follow-ups is not closed. There are 200 clinics; the measured one has a third of all rows.

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::figures::figures;
use crate::plans;
use crate::requests::{Repeated, Varied};
use crate::seed::{Size, case_id, reference, subject_id};
use crate::staff::Staff;
use crate::table::{median, number};
use crate::{Options, progress};

const OTHERS: u32 = 199;
/// Number of different follow-ups, subjects and references that are requested in turn.
const VARIATIONS: u32 = 500;
const CONNECTIONS: usize = 16;
/// The number of rows from which plans are checked: the planner may read a small table whole.
const PLANS_FROM: u32 = 100_000;

/// A column of the table: the cost of each query at one size.
type Column = Vec<(String, Cost)>;

/// The cost of a query.
#[derive(Clone, Copy)]
struct Cost {
    /// Of one client, milliseconds.
    median: f64,
    /// Responses per second with several clients; `None` if not measured.
    rate: Option<f64>,
}

/// Measures all sizes, one after the other in the same database; prints its own table.
pub(crate) async fn measure(options: &Options) {
    let mut staff = Staff::new(OTHERS as usize, &options.environment()).await;
    let (mut columns, mut before) = (Vec::new(), 0);
    for size in &options.sizes {
        progress(&format!("growth: adding rows up to {size}"));
        let (large, other) = shares(size - before);
        before = *size;
        staff.grow(large, other).await;
        columns.push((*size, column(&staff, large, Duration::from_secs(options.seconds)).await));
        if *size >= PLANS_FROM {
            progress(&format!("plans: {}", plans::check(&mut staff).await));
        }
    }
    println!("{}", text(&columns));
    for line in figures(&mut staff).await {
        println!("{line}");
    }
    staff.service.stop();
}

/// The share of new rows of the large clinic, and of each other clinic.
fn shares(all: u32) -> (Size, Size) {
    let size = |submissions: u32| {
        let cases = submissions / 10;
        Size { submissions, open: cases / 10, closed: cases - cases / 10 }
    };
    let large = all / 3;
    (size(large), size((all - large) / OTHERS))
}

async fn column(staff: &Staff, newest: Size, time: Duration) -> Column {
    let mut column = Column::new();
    for (name, list) in [("not closed", "/v1/follow-ups?"), ("closed", "/v1/follow-ups?state=closed&")] {
        for order in ["urgency", "oldest", "due"] {
            let list = format!("{list}order={order}");
            let (path, page) = staff.page(&list, 2_000).await;
            let first = Repeated::get(&staff.key, &format!("{list}&limit=50"));
            column.push((format!("worklist, {name}, by {order}, page 1"), cost(staff, first, time).await));
            let far = cost(staff, Repeated::get(&staff.key, &path), time).await;
            column.push((format!("worklist, {name}, by {order}, page 2,000 or the last"), far));
            progress(&format!("worklist, {name}, by {order}: page {page} is the farthest"));
        }
    }
    for (name, path) in [
        ("submissions, newest", "/v1/submissions"),
        ("submissions, flagged", "/v1/submissions?flagged=true"),
        ("submissions, band high", "/v1/submissions?band=high"),
        ("statistics over 30 days", "/v1/statistics"),
    ] {
        column.push((name.to_owned(), cost(staff, Repeated::get(&staff.key, path), time).await));
    }
    let trail = Repeated::get(&staff.admin, "/v1/audit-entries");
    column.push(("audit entries, newest".to_owned(), cost(staff, trail, time).await));
    for (name, source) in varied(staff, newest) {
        column.push((name.to_owned(), cost(staff, source, time).await));
    }
    let first = Cost { median: export(staff).await, rate: None };
    column.push(("export of submissions, until its first bytes".to_owned(), first));
    column.push(("next case".to_owned(), Cost { median: next(staff).await, rate: None }));
    column
}

/// Queries that request another row each time.
fn varied(staff: &Staff, newest: Size) -> [(&'static str, Varied); 4] {
    let (number, key) = (staff.last_number(), &staff.key);
    let cases = newest.open + newest.closed;
    let all = move |kind: fn(u32, u32) -> uuid::Uuid| {
        (0..VARIATIONS).map(move |index| kind(number, 1 + index * 7_919 % cases))
    };
    let get = |path: String| Repeated::get(key, &path).0;
    let search = (0..VARIATIONS).map(|index| {
        let body = serde_json::json!({ "reference": reference(number, 1 + index * 7_919 % cases) }).to_string();
        Repeated::post(key, "/v1/subjects/search", &body).0
    });
    [
        ("a case with its submissions", Varied::new(all(case_id).map(|id| get(format!("/v1/follow-ups/{id}"))))),
        ("history of a case", Varied::new(all(case_id).map(|id| get(format!("/v1/follow-ups/{id}/history"))))),
        (
            "submissions of a person",
            Varied::new(all(subject_id).map(|id| get(format!("/v1/subjects/{id}/submissions")))),
        ),
        ("search of a person by reference", Varied::new(search)),
    ]
}

async fn cost(staff: &Staff, source: impl crate::generator::Source + 'static, time: Duration) -> Cost {
    let source = Rc::new(source);
    let one = staff.load(&source, 1, time / 2).await;
    let several = staff.load(&source, CONNECTIONS, time).await;
    Cost { median: one.quantile(0.5), rate: Some(several.rate) }
}

/// The time until the first bytes of an export arrive; the rest is not measured.
async fn export(staff: &Staff) -> f64 {
    let request = Repeated::get(&staff.key, "/v1/exports/submissions").0;
    let mut found = Vec::new();
    for _ in 0..20 {
        let (mut stream, mut buffer) = (TcpStream::connect(staff.service.address()).await.unwrap(), Vec::new());
        let start = Instant::now();
        stream.write_all(&request).await.unwrap();
        // The head of the response is a few hundred bytes.
        while buffer.len() < 2_000 {
            assert!(stream.read_buf(&mut buffer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&buffer));
        }
        found.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer));
    }
    found.sort_by(f64::total_cmp);
    median(&found)
}

/// Claims follow-ups one after the other.
async fn next(staff: &Staff) -> f64 {
    let request = Repeated::post(&staff.key, "/v1/follow-ups/next", "");
    let mut found = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        let (status, answer) = crate::generator::ask(staff.service.address(), &request.0).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        found.push(start.elapsed().as_secs_f64() * 1e3);
    }
    found.sort_by(f64::total_cmp);
    median(&found)
}

/// A row per query, a column per size: the median of one client, and responses per second with several. The cost at the
/// last size is compared with the first size at which no table is small.
fn text(columns: &[(u32, Column)]) -> String {
    let sizes: Vec<_> = columns.iter().map(|(size, _)| format!(" {size} |")).collect();
    let base = columns.iter().find(|(size, _)| *size >= PLANS_FROM).unwrap_or(&columns[0]);
    let mut text = format!(
        "| query |{} cost of the last, of that at {} |\n|---|{}---|\n",
        sizes.concat(),
        base.0,
        "---|".repeat(sizes.len())
    );
    for (row, (name, base)) in base.1.iter().enumerate() {
        write!(text, "| {name} |").unwrap();
        for (_, column) in columns {
            let Cost { median, rate } = column[row].1;
            let rate = rate.map(|rate| format!(", {}/s", number(rate))).unwrap_or_default();
            write!(text, " {} ms{rate} |", number(median)).unwrap();
        }
        let last = columns[columns.len() - 1].1[row].1;
        let cost = match (base.rate, last.rate) {
            (Some(base), Some(last)) => base / last,
            _ => last.median / base.median,
        };
        writeln!(text, " {} |", number(cost)).unwrap();
    }
    text
}
