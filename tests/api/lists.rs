//! Lists: every row once and in order for any page size; cursors are only valid for their own list; filters.

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::world::{Clinic, User, World, fit, frail};

/// Answers that open a follow-up with an urgency, by name.
fn of_urgency(urgency: &str) -> Value {
    match urgency {
        "today" => {
            let mut answers = frail();
            answers["new_breathing_trouble_or_chest_pain"] = json!(true);
            answers
        }
        "this_week" => frail(),
        _ => json!({"age": 62, "activity": "moderate", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
            "medications": []}),
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// A path and its parameters, independent of their encoding.
fn pairs(address: &str) -> (String, Vec<(String, String)>) {
    let (path, query) = address.split_once('?').unwrap();
    (path.to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

/// Every item of a list, page by page, by following `Link`, which must refer to the same page as `next_cursor`.
async fn walk(user: &User, path: &str, limit: usize) -> Vec<Value> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let first = format!("{path}{joint}limit={limit}");
    let mut items = Vec::new();
    let mut next = Some(first.clone());
    while let Some(address) = next {
        let answer = user.get(&address).await;
        let link = answer.header("link").to_owned();
        let page = answer.expect(200);
        let here = page["items"].as_array().unwrap();
        next = page["next_cursor"].as_str().map(|cursor| {
            assert_eq!(here.len(), limit);
            let target = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
            assert_eq!(pairs(&target), pairs(&format!("{first}&cursor={cursor}")));
            target
        });
        assert!(next.is_some() || (link.is_empty() && here.len() <= limit));
        items.extend(here.iter().cloned());
        assert!(items.len() <= 1000, "the pages do not end");
    }
    items
}

fn instant(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Twenty flagged submissions of different subjects, of mixed urgency; returns their ids.
async fn twenty(clinic: &Clinic) -> Vec<Value> {
    let bodies = (0..20).map(|index| json!({"answers": of_urgency(["today", "this_week", "routine"][index % 3])}));
    let bodies: Vec<Value> = bodies.collect();
    let sent = bodies.iter().map(|body| clinic.browser.submit(body));
    join_all(sent).await.into_iter().map(|answer| answer.expect(201)).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn field(items: &[Value], name: &str) -> Vec<String> {
    items.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_submission_is_on_exactly_one_page_newest_first() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    world.clinic("Two").await.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let wanted = sorted(field(&twenty(&clinic).await, "id"));
    // Rows with equal times are ordered by id; half of the rows share two times.
    let times = [
        "update submissions set received_at = received_at",
        "update submissions set received_at = '2026-01-01T10:00:00Z' where score_total = 11",
        "update submissions set received_at = '2026-01-02T10:00:00.000001Z'",
    ];
    for sql in times {
        world.connect().await.execute(sql).await.unwrap();
        for limit in [3, 7, 20, 200] {
            let items = walk(&clinic.staff, "/v1/submissions", limit).await;
            assert_eq!(sorted(field(&items, "id")), wanted, "{sql} {limit}");
            let keys: Vec<_> =
                items.iter().map(|item| (instant(&item["received_at"]), item["id"].to_string())).collect();
            assert!(keys.windows(2).all(|pair| pair[0] > pair[1]), "{sql} {limit}: {keys:?}");
        }
    }
}

#[tokio::test]
async fn every_follow_up_is_on_exactly_one_page_by_urgency_then_age() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipts = twenty(&clinic).await;
    let wanted: Vec<String> =
        receipts.iter().map(|receipt| receipt["follow_up"]["id"].as_str().unwrap().into()).collect();
    let wanted = sorted(wanted);
    let rank =
        |item: &Value| ["today", "this_week", "routine"].iter().position(|name| item["urgency"] == *name).unwrap();
    for sql in [
        "update follow_ups set flagged_at = flagged_at",
        "update follow_ups set flagged_at = '2026-01-01T10:00:00Z' where urgency < 3",
        "update follow_ups set flagged_at = '2026-01-02T10:00:00Z'",
    ] {
        world.connect().await.execute(sql).await.unwrap();
        for path in ["/v1/follow-ups", "/v1/follow-ups?state=open"] {
            for limit in [3, 10] {
                let items = walk(&clinic.staff, path, limit).await;
                assert_eq!(sorted(field(&items, "id")), wanted, "{sql} {path} {limit}");
                let key = |item: &Value| (rank(item), instant(&item["flagged_at"]), item["id"].to_string());
                let keys: Vec<_> = items.iter().map(key).collect();
                assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{sql} {path} {limit}: {keys:?}");
            }
        }
    }
    for (urgency, count) in [("today", 7), ("this_week", 7), ("routine", 6)] {
        let items = walk(&clinic.staff, &format!("/v1/follow-ups?urgency={urgency}"), 3).await;
        assert_eq!(items.len(), count);
        assert!(items.iter().all(|item| item["urgency"] == urgency));
    }
}

#[tokio::test]
async fn the_last_full_page_has_no_next() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for _ in 0..6 {
        clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    }
    for list in ["/v1/submissions", "/v1/follow-ups"] {
        let first = clinic.staff.get(&format!("{list}?limit=3")).await.expect(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        let last = clinic.staff.get(&format!("{list}?limit=3&cursor={cursor}")).await.expect(200);
        assert_eq!((ids(&last).len(), &last["next_cursor"]), (3, &Value::Null));
        let whole = clinic.staff.get(&format!("{list}?limit=6")).await;
        assert_eq!(whole.header("link"), "");
        assert_eq!(whole.expect(200)["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn paging_shows_no_row_twice_while_new_ones_arrive() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let before = sorted(field(&twenty(&clinic).await, "id"));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = clinic.staff.get(&format!("/v1/submissions?limit=4{cursor}")).await.expect(200);
        seen.extend(ids(&page));
        clinic.browser.submit(&json!({"answers": fit()})).await.expect(201);
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(sorted(seen), before);
}

#[tokio::test]
async fn a_cursor_is_only_valid_for_its_own_list() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    twenty(&one).await;
    let cursor_of = async |path: &str| {
        let page = one.staff.get(path).await.expect(200);
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let submissions = cursor_of("/v1/submissions?limit=2").await;
    let flagged = cursor_of("/v1/submissions?limit=2&flagged=true").await;
    let cases = cursor_of("/v1/follow-ups?limit=2").await;
    let refused = async |user: &User, path: String| {
        let body = user.get(&path).await.expect(400);
        assert_eq!(body["type"], "/docs/problems#invalid_cursor", "{path}");
    };
    for path in ["/v1/submissions?limit=2", "/v1/submissions?limit=5", "/v1/submissions"] {
        let joint = if path.contains('?') { '&' } else { '?' };
        one.staff.get(&format!("{path}{joint}cursor={submissions}")).await.expect(200);
        one.admin.get(&format!("{path}{joint}cursor={submissions}")).await.expect(200);
        refused(&two.staff, format!("{path}{joint}cursor={submissions}")).await;
    }
    refused(&one.staff, format!("/v1/follow-ups?cursor={submissions}")).await;
    refused(&one.staff, format!("/v1/submissions?cursor={cases}")).await;
    refused(&one.staff, format!("/v1/submissions?cursor={flagged}")).await;
    refused(&one.staff, format!("/v1/submissions?flagged=false&cursor={flagged}")).await;
    refused(&one.staff, format!("/v1/submissions?flagged=true&min_score=1&cursor={flagged}")).await;
    for filter in ["state=open", "urgency=today", "state=assigned"] {
        refused(&one.staff, format!("/v1/follow-ups?{filter}&cursor={cases}")).await;
    }
    // Any single character changed, removed or added.
    for index in 0..submissions.len() {
        let mut changed = submissions.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        refused(&one.staff, format!("/v1/submissions?cursor={}", String::from_utf8(changed).unwrap())).await;
    }
    for cut in 1..submissions.len() {
        refused(&one.staff, format!("/v1/submissions?cursor={}", &submissions[..cut])).await;
    }
    for other in [format!("{submissions}A"), format!("{submissions}="), "x".repeat(200), "%20".into(), "ñ".into()] {
        refused(&one.staff, format!("/v1/submissions?cursor={other}")).await;
    }
}

#[tokio::test]
async fn a_cursor_expires_after_a_day() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    world.clock.hold();
    for _ in 0..4 {
        clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    }
    let lists = ["/v1/submissions", "/v1/follow-ups", "/v1/credentials", "/v1/audit-entries"];
    let mut next = Vec::new();
    for list in lists {
        let page = clinic.admin.get(&format!("{list}?limit=1")).await.expect(200);
        next.push(format!("{list}?limit=1&cursor={}", page["next_cursor"].as_str().unwrap()));
    }
    world.clock.advance(24 * 3600);
    for path in &next {
        clinic.admin.get(path).await.expect(200);
    }
    world.clock.advance(1);
    for path in &next {
        let refused = clinic.admin.get(path).await.expect(400);
        assert_eq!(refused["type"], "/docs/problems#invalid_cursor", "{path}");
        assert!(refused["detail"].as_str().unwrap().contains("start at the first page"), "{refused}");
    }
}

#[tokio::test]
async fn every_filter_of_submissions_works() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut sent = Vec::new();
    for (hour, answers) in [fit(), of_urgency("routine"), frail(), of_urgency("today")].into_iter().enumerate() {
        let receipt = clinic.browser.submit(&json!({"answers": answers})).await.expect(201);
        let id = receipt["id"].as_str().unwrap().to_owned();
        let sql =
            format!("update submissions set received_at = '2026-03-01T1{hour}:00:00Z' where submission_id = '{id}'");
        world.connect().await.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        sent.push((id, receipt["subject_id"].as_str().unwrap().to_owned()));
    }
    let listed = clinic.staff.get("/v1/submissions").await.expect(200);
    let totals: Vec<i64> =
        listed["items"].as_array().unwrap().iter().map(|item| item["score"]["total"].as_i64().unwrap()).collect();
    assert!(totals[1] == 17 && totals[2] < 17 && totals[3] < totals[2], "{totals:?}");
    let least = totals[2];
    let subject = &sent[2].1;
    let cases: Vec<(String, &[usize])> = vec![
        (String::new(), &[3, 2, 1, 0]),
        ("flagged=true".into(), &[3, 2, 1]),
        ("flagged=false".into(), &[0]),
        ("band=high".into(), &[3, 2]),
        ("band=low".into(), &[0]),
        ("band=moderate".into(), &[]),
        (format!("min_score={least}"), &[3, 2, 1]),
        (format!("min_score={}", least + 1), &[3, 2]),
        ("min_score=100".into(), &[]),
        ("finding=age_80_and_over".into(), &[3, 2]),
        ("finding=age_60_69".into(), &[1]),
        ("finding=age_80".into(), &[]),
        ("instrument_positive=sarc_f".into(), &[3, 2, 1]),
        ("instrument_positive=other".into(), &[]),
        ("received_from=2026-03-01T11:00:00Z".into(), &[3, 2, 1]),
        ("received_from=2026-03-01T11:00:00.000001Z".into(), &[3, 2]),
        ("received_to=2026-03-01T11:00:00Z".into(), &[0]),
        ("received_from=2026-03-01T12:00:00%2B01:00&received_to=2026-03-01T12:00:00Z".into(), &[1]),
        (format!("subject_id={subject}"), &[2]),
        ("subject_id=0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".into(), &[]),
        (format!("flagged=true&band=high&min_score=11&finding=age_80_and_over&subject_id={subject}"), &[2]),
        (format!("flagged=false&subject_id={subject}"), &[]),
    ];
    for (filter, wanted) in cases {
        let items = walk(&clinic.staff, &format!("/v1/submissions?{filter}"), 2).await;
        let wanted: Vec<&String> = wanted.iter().map(|index| &sent[*index].0).collect();
        assert_eq!(field(&items, "id").iter().collect::<Vec<_>>(), wanted, "{filter}");
    }
}

#[tokio::test]
async fn sixteen_concurrent_flagged_submissions_of_one_subject_share_one_follow_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"answers": frail(), "subject": {"reference": "R-1"}});
    let receipts: Vec<Value> = join_all((0..16).map(|_| clinic.intake.submit(&body)))
        .await
        .into_iter()
        .map(|answer| answer.expect(201))
        .collect();
    let case = &receipts[0]["follow_up"]["id"];
    assert!(receipts.iter().all(|receipt| receipt["follow_up"]["id"] == *case));
    assert!(receipts.iter().all(|receipt| receipt["subject_id"] == receipts[0]["subject_id"]));
    assert_eq!(receipts.iter().filter(|receipt| receipt["follow_up"]["joined"] == false).count(), 1);
    let list = clinic.staff.get("/v1/follow-ups").await.expect(200);
    assert_eq!(ids(&list), [case.as_str().unwrap()]);
    let detail = clinic.staff.get(&format!("/v1/follow-ups/{}", case.as_str().unwrap())).await;
    assert_eq!(detail.header("etag"), "\"16\"");
    let detail = detail.expect(200);
    assert_eq!((detail["submissions"].as_array().unwrap().len(), &detail["version"]), (16, &json!(16)));
    // A submission that is not flagged has no follow-up.
    let calm = json!({"answers": fit(), "subject": {"reference": "R-1"}});
    assert_eq!(clinic.intake.submit(&calm).await.expect(201)["follow_up"], Value::Null);
}

#[tokio::test]
async fn a_joined_follow_up_takes_the_higher_urgency_and_after_a_closed_one_a_new_one_opens() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let submit = async |urgency: &str| {
        let body = json!({"answers": of_urgency(urgency), "subject": {"reference": "R-1"}});
        clinic.intake.submit(&body).await.expect(201)["follow_up"].clone()
    };
    let opened = submit("routine").await;
    let case = opened["id"].as_str().unwrap().to_owned();
    assert_eq!(opened, json!({"id": case, "state": "open", "urgency": "routine", "joined": false}));
    let path = format!("/v1/follow-ups/{case}");
    let flagged_at = clinic.staff.get(&path).await.expect(200)["flagged_at"].clone();
    for (urgency, now) in [("this_week", "this_week"), ("today", "today"), ("routine", "today")] {
        let joined = submit(urgency).await;
        assert_eq!(joined, json!({"id": case, "state": "open", "urgency": now, "joined": true}));
        let kept = clinic.staff.get(&path).await.expect(200);
        assert_eq!((&kept["urgency"], &kept["flagged_at"]), (&json!(now), &flagged_at));
    }
    let booked = "update follow_ups set state = 'booked', appointment_at = now(),
                  assignee = (select credential_id from credentials where role = 'staff')";
    world.connect().await.execute(booked).await.unwrap();
    assert_eq!(submit("routine").await, json!({"id": case, "state": "booked", "urgency": "today", "joined": true}));
    let closed = "update follow_ups set state = 'closed', outcome = 'declined', closed_at = now()";
    world.connect().await.execute(closed).await.unwrap();
    assert_eq!(ids(&clinic.staff.get("/v1/follow-ups").await.expect(200)), Vec::<String>::new());
    let next = submit("routine").await;
    assert_eq!((&next["joined"], &next["urgency"]), (&json!(false), &json!("routine")));
    assert_ne!(next["id"], case);
    let open = clinic.staff.get("/v1/follow-ups").await.expect(200);
    assert_eq!(ids(&open), [next["id"].as_str().unwrap()]);
    assert_eq!(ids(&clinic.staff.get("/v1/follow-ups?state=closed").await.expect(200)), [case]);
}
