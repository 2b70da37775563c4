//! Exports: each row occurs once, truncation is detectable, and exports are resumable and safe in a spreadsheet.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::world::{Answer, Clinic, User, World, fit, frail};

/// Dangerous first characters of a cell that the API accepts.
const STARTS: [&str; 12] = ["=", "+", "-", "@", "＝", "＋", "－", "＠", " =", "\u{3000}@", "\u{feff}=", "'"];

/// Adds copies of every submission of a clinic; `changes` is an SQL object of columns, in which `i` counts from 1.
pub(crate) async fn copy_submissions(world: &World, clinic: &Clinic, copies: u32, changes: &str) {
    let sql = format!(
        "insert into submissions select r.* from submissions s, generate_series(1, {copies}) i,
         lateral jsonb_populate_record(s, jsonb_build_object('submission_id',
             overlay(gen_random_uuid()::text placing lpad(to_hex(i), 8, '0') from 1 for 8)) || {changes}) r
         where s.clinic_id = '{}'",
        clinic.id
    );
    world.connect().await.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

/// The rows of an NDJSON export, after checking that it is complete.
fn rows(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"), "{}", answer.text);
    let mut lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.pop().unwrap(), json!({"end": true, "rows": lines.len()}));
    lines
}

/// The records of a CSV export with its header, parsed by two parsers that must agree.
fn records(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8; header=present"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(answer.text.as_bytes());
    let read: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    let script = "import csv, io, json, sys\n\
        text = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8', newline='')\n\
        print(json.dumps(list(csv.reader(text, strict=True))))";
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(answer.text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert_eq!(serde_json::from_slice::<Vec<Vec<String>>>(&output.stdout).unwrap(), read);
    // RFC 4180: lines end with CR LF, including the last one.
    assert!(answer.text.ends_with("\r\n"));
    read
}

/// The content of a cell for a JSON value, without the prefix that makes it safe.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(names) => names.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn dangerous(text: &str) -> bool {
    text.starts_with(['\t', '\r', '\n', '\''])
        || text
            .trim_start_matches([' ', '\t', '\u{3000}', '\u{feff}'])
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// Compares a CSV export with the NDJSON export of the same rows, cell by cell; returns the number of dangerous cells.
fn compare(csv: &Answer, ndjson: &Answer) -> usize {
    let (records, rows) = (records(csv), rows(ndjson));
    assert_eq!(records.len(), rows.len() + 1);
    let names: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(records[0].iter().collect::<Vec<_>>(), names);
    let mut found = 0;
    for (record, row) in records[1..].iter().zip(&rows) {
        for (cell, (name, value)) in record.iter().zip(row.as_object().unwrap()) {
            let text = plain(value);
            if dangerous(&text) {
                found += 1;
                assert!(cell.starts_with('\''), "{name}: {cell:?}");
            }
            assert!(!cell.contains(char::is_control), "{name}: {cell:?}");
            let shown: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), shown, "{name}");
        }
    }
    found
}

#[tokio::test]
async fn no_csv_cell_begins_like_a_formula_and_every_text_is_preserved() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut sent = 0;
    for start in STARTS {
        for rest in ["1+1", "cmd|' /C calc'!A0", "HYPERLINK(\"http://x.example\",\"a\")", "1,2;3", ""] {
            let text = format!("{start}{rest}x");
            let body = json!({"answers": frail(), "subject": {"reference": text},
                "source": {"system": text, "id": text}});
            clinic.intake.submit(&body).await.expect(201);
            sent += 1;
        }
    }
    for text in ["\tx", "x\ry", "\n=1"] {
        let body = json!({"answers": frail(), "source": {"system": text, "id": "1"}});
        clinic.intake.submit(&body).await.expect(422);
    }
    // Values that no request can store: control characters, written directly to the columns.
    let starts = ["\\t=1", "\\r=1", "\\n=1", "\\t", "\\u0001=1", "a\\u0007b", "a\\r\\n=1", "\\u0085-"];
    for (index, text) in starts.iter().enumerate() {
        let sql = format!(
            "with one as (select submission_id from submissions order by submission_id offset {index} limit 1)
             update submissions set source_system = E'{text}', source_id = E'{text}',
                 findings = array[E'{text}', '+1'], positive_instruments = array[E'{text}']
             where submission_id in (select submission_id from one)"
        );
        world.connect().await.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
    let csv = clinic.staff.get("/v1/exports/submissions?format=csv").await;
    let found = compare(&csv, &clinic.staff.get("/v1/exports/submissions").await);
    let cases = clinic.staff.get("/v1/exports/follow-ups?format=csv").await;
    let in_cases = compare(&cases, &clinic.staff.get("/v1/exports/follow-ups").await);
    println!("{found} dangerous cells of submissions and {in_cases} of follow-ups, all of them safe");
    assert!(found > 3 * (sent - 8) && in_cases >= 50, "{found} {in_cases}");
    assert!(csv.header("content-disposition").ends_with("\"submissions.csv\""));
    assert_eq!(csv.header("cache-control"), "no-store");
}

/// A clinic with 2,600 submissions, many of which have the same time.
async fn many(world: &World) -> Clinic {
    let clinic = world.clinic("One").await;
    clinic.intake.submit(&json!({"answers": fit(), "subject": {"reference": "F-1"}})).await.expect(201);
    clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "F-2"}})).await.expect(201);
    copy_submissions(
        world,
        &clinic,
        1_299,
        "jsonb_build_object('received_at', '2026-01-01T10:00:00Z'::timestamptz + i % 9 * interval '1 hour')",
    )
    .await;
    clinic
}

#[tokio::test]
async fn an_export_has_every_row_once_and_resumes_after_any_of_them() {
    let world = World::new().await;
    let clinic = many(&world).await;
    let stranger = world.clinic("Two").await;
    let all = rows(&clinic.staff.get("/v1/exports/submissions").await);
    let keys: Vec<_> = all.iter().map(|row| (row["received_at"].to_string(), row["id"].to_string())).collect();
    assert_eq!(keys.len(), 2_600);
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    for index in [0, 998, 999, 1_000, 1_999, 2_598, 2_599] {
        let cursor = all[index]["cursor"].as_str().unwrap();
        let rest = rows(&clinic.staff.get(&format!("/v1/exports/submissions?after={cursor}")).await);
        assert_eq!(rest, all[index + 1..], "after row {index}");
        for other in ["submissions?flagged=true&", "submissions?received_to=2030-01-01T00:00:00Z&", "follow-ups?"] {
            let path = format!("/v1/exports/{other}after={cursor}");
            assert_eq!(clinic.staff.get(&path).await.expect(400)["type"], "/docs/problems#invalid_cursor");
        }
        let path = format!("/v1/exports/submissions?after={cursor}");
        assert_eq!(stranger.staff.get(&path).await.expect(400)["type"], "/docs/problems#invalid_cursor");
        // CSV has the same cursors.
        let csv = records(&clinic.staff.get(&format!("{path}&format=csv")).await);
        assert_eq!(csv[1..].iter().map(|row| &*row[0]).collect::<Vec<_>>(), cursors(&rest));
    }
    // Unlike the cursor of a page, it does not expire.
    world.clock.advance(7 * 24 * 3600);
    let path = format!("/v1/exports/submissions?after={}", all[1_000]["cursor"].as_str().unwrap());
    assert_eq!(rows(&clinic.staff.get(&path).await), all[1_001..]);
    assert_eq!(rows(&stranger.staff.get("/v1/exports/submissions").await), [] as [Value; 0]);
    assert_eq!(records(&stranger.staff.get("/v1/exports/follow-ups?format=csv").await).len(), 1);
}

fn cursors(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["cursor"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_export_filters_like_its_list() {
    let world = World::new().await;
    let clinic = many(&world).await;
    let subject = rows(&clinic.staff.get("/v1/exports/submissions").await)[0]["subject_id"].clone();
    for filter in [
        "flagged=true".to_owned(),
        "flagged=false".into(),
        "band=high".into(),
        "min_score=5".into(),
        "finding=age_80_and_over".into(),
        "instrument_positive=sarc_f".into(),
        "received_from=2026-01-01T12:00:00Z&received_to=2026-01-01T15:00:00Z".into(),
        "received_from=2026-01-02T00:00:00Z".into(),
        format!("subject_id={}", subject.as_str().unwrap()),
        "flagged=false&band=high".into(),
    ] {
        let mut exported: Vec<_> = ids(&rows(&clinic.staff.get(&format!("/v1/exports/submissions?{filter}")).await));
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = clinic.staff.get(&format!("/v1/submissions?limit=200&{filter}{cursor}")).await.expect(200);
            listed.extend(ids(page["items"].as_array().unwrap()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        exported.sort();
        listed.sort();
        assert_eq!(exported, listed, "{filter}");
    }
    for (path, pointer) in [
        ("submissions?format=xml", "/format"),
        ("submissions?limit=5", "/limit"),
        ("follow-ups?state=shut", "/state"),
        ("follow-ups?state=open&state=closed", "/state"),
        ("submissions?after=", "/after"),
    ] {
        assert_eq!(clinic.staff.get(&format!("/v1/exports/{path}")).await.pointers(), [pointer]);
    }
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn exported_follow_ups_have_their_outcome_and_no_contact_data() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for reference in ["A", "B"] {
        let contact = json!({"name": "Canary Name", "telephone": "600111222"});
        let subject = json!({"reference": reference, "contact": contact,
            "consent": {"to_contact": true, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"}});
        clinic.intake.submit(&json!({"answers": frail(), "subject": subject})).await.expect(201);
    }
    let sql = "update follow_ups set state = 'closed', outcome = 'attended', closed_at = '2026-02-01T10:00:00Z',
                   diagnosis = 'probable', grip_strength_g = 18500, five_chair_stands_ms = 15250, attempts = 2, band = 'high'
               where subject_id = (select subject_id from subjects order by created_at, subject_id limit 1)";
    world.connect().await.execute(sql).await.unwrap();
    let all = rows(&clinic.staff.get("/v1/exports/follow-ups").await);
    let closed = rows(&clinic.staff.get("/v1/exports/follow-ups?state=closed").await);
    let open = rows(&clinic.staff.get("/v1/exports/follow-ups?state=open&urgency=this_week").await);
    assert_eq!((all.len(), closed.len(), open.len()), (2, 1, 1));
    let mut shown = closed[0].clone();
    for name in ["cursor", "id", "subject_id", "flagged_at", "due_at", "findings", "positive_instruments"] {
        assert!(!shown.as_object_mut().unwrap().shift_remove(name).unwrap().is_null(), "{name}");
    }
    assert_eq!(
        shown,
        json!({"reference": "A", "reference_system": null, "state": "closed", "urgency": "this_week", "assignee": null, "attempts": 2,
            "missed_appointments": 0, "appointment_at": null, "outcome": "attended", "not_needed_reason": null,
            "diagnosis": "probable", "grip_strength_kg": 18.5, "five_chair_stands_s": 15.25,
            "closed_at": "2026-02-01T10:00:00Z", "band": "high", "flagged": true, "corrected_at": null})
    );
    for path in ["/v1/exports/follow-ups", "/v1/exports/submissions", "/v1/exports/follow-ups?format=csv"] {
        let text = clinic.staff.get(path).await.text;
        assert!(!text.contains("Canary") && !text.contains("600111222"), "{path}");
    }
}

/// The received bytes of an export, and whether it ended properly.
async fn arrived(user: &User, path: &str) -> (Vec<u8>, bool) {
    let mut response = user.request("GET", path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (bytes, true),
            Err(_) => return (bytes, false),
        }
    }
}

#[tokio::test]
async fn a_failing_export_is_truncated_and_can_be_resumed() {
    let world = World::new().await;
    let clinic = many(&world).await;
    // The newest row belongs to a subject whose reference cannot be decrypted.
    let break_it = "update submissions set received_at = received_at + interval '1 day' where received_at > '2026-02-01';
        update subjects set reference_sealed = reference_sealed || '\\x00'
        where subject_id = (select subject_id from submissions order by received_at desc, submission_id desc limit 1);
        insert into subjects (clinic_id, subject_id, created_at, updated_at)
        select clinic_id, '00000000-0000-0000-0000-000000000001', created_at, updated_at from subjects limit 1;
        update submissions set subject_id = '00000000-0000-0000-0000-000000000001'
        where submission_id not in (select submission_id from submissions order by received_at desc, submission_id desc limit 1)";
    world.connect().await.execute(break_it).await.unwrap();
    world.clock.advance(2 * 24 * 3600);
    for format in ["ndjson", "csv"] {
        let path = format!("/v1/exports/submissions?format={format}");
        let (bytes, whole) = arrived(&clinic.staff, &path).await;
        assert!(!whole, "the truncated {format} export ended like a complete one");
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("\"end\""));
        // The client receives the rows before the fault, except those still buffered when the connection closed. It
        // resumes after the last complete line.
        let whole_lines = text.rsplit_once('\n').unwrap().0;
        let received = whole_lines.lines().skip(usize::from(format == "csv")).count();
        assert!((1_601..=2_000).contains(&received), "{received} lines of {format}");
        let cursor_of = |line: &str| match format {
            "csv" => line.split_once(',').unwrap().0.to_owned(),
            _ => serde_json::from_str::<Value>(line).unwrap()["cursor"].as_str().unwrap().to_owned(),
        };
        let cursor = cursor_of(whole_lines.lines().last().unwrap());
        // The next chunk holds the broken row. An error in the first chunk gives an ordinary problem response.
        clinic.staff.get(&format!("{path}&after={cursor}")).await.expect(500);
        let repair = "update submissions set subject_id = '00000000-0000-0000-0000-000000000001'";
        let mut transaction = world.connect().await;
        if format == "csv" {
            transaction.execute(repair).await.unwrap();
            let rest = clinic.staff.get(&format!("/v1/exports/submissions?after={cursor}")).await;
            assert_eq!(rows(&rest).len(), 2_600 - received);
        }
    }
}

#[tokio::test]
async fn unread_exports_hold_no_connection() {
    let world = World::new().await;
    let clinic = many(&world).await;
    copy_submissions(&world, &clinic, 9, "jsonb_build_object('received_at', s.received_at + interval '1 day')").await;
    world.clock.advance(2 * 24 * 3600);
    let mut waiting = Vec::new();
    // The maximum number of concurrent exports of a clinic, which is its share of the connections. Each export is larger
    // than the buffers.
    for _ in 0..4 {
        let response = clinic.staff.request("GET", "/v1/exports/submissions").send().await.unwrap();
        assert_eq!(response.status(), 200);
        waiting.push(response);
    }
    for _ in 0..20 {
        clinic.staff.get("/v1/submissions?limit=1").await.expect(200);
    }
    let whole = waiting.pop().unwrap().text().await.unwrap();
    assert_eq!(whole.lines().count(), 26_001);
}

#[tokio::test]
async fn an_export_is_audited_before_its_first_row_is_sent() {
    let world = World::new().await;
    let clinic = many(&world).await;
    let exported = "select count(*) from audit_entries where action in ('submissions_exported', 'follow_ups_exported')
                    and outcome = 'success' and subject_ids = '{}' and resource_id = clinic_id";
    let mut expected = 0;
    for path in ["/v1/exports/submissions", "/v1/exports/follow-ups?format=csv"] {
        let response = clinic.staff.request("GET", path).send().await.unwrap();
        expected += 1;
        assert_eq!(world.count(exported).await, expected, "{path}");
        response.text().await.unwrap();
        assert_eq!(world.count(exported).await, expected, "{path}");
    }
    clinic.staff.get("/v1/exports/submissions?after=nothing").await.expect(400);
    assert_eq!(world.count(exported).await, expected);
}
