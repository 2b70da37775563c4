//! The worklist: filters, orders, and cursors that are only valid for their own list.

use serde_json::{Value, json};
use sqlx::Executor as _;

use super::{Colleague, act, hours_ahead, open, seed};
use crate::world::{Clinic, User, World, frail};

/// Whether a filter matches a follow-up.
type Pick<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// The sort key of an order.
type Key = fn(&Value) -> (usize, String, String);

const ORDERS: [(&str, Key); 3] = [
    ("urgency", |case| (rank(case), case["flagged_at"].to_string(), case["id"].to_string())),
    ("oldest", |case| (0, case["flagged_at"].to_string(), case["id"].to_string())),
    ("due", |case| (0, case["due_at"].to_string(), case["id"].to_string())),
];

/// Every item of a list, page by page.
async fn walk(user: &User, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("{path}limit={limit}{cursor}")).await.expect(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

/// Twelve follow-ups in all states with distinct attributes; those with an assignee belong to the colleague.
async fn mixed(world: &World, clinic: &Clinic, colleague: &Colleague) {
    seed(world, clinic, 12).await;
    let page = clinic.staff.get("/v1/follow-ups?order=oldest").await.expect(200);
    let soon = hours_ahead(world, 24);
    for (index, item) in page["items"].as_array().unwrap().iter().enumerate() {
        let case = format!("/v1/follow-ups/{}", item["id"].as_str().unwrap());
        let steps: &[(&str, Value)] = &[
            ("claim", json!({})),
            ("contact", json!({"reached": true})),
            ("book", json!({"appointment_at": soon})),
            ("close", json!({"outcome": "attended"})),
        ];
        for (seen, (command, body)) in (1..).zip(steps.iter().take(index % 5)) {
            act(&colleague.user, &case, command, seen, body).await.expect(200);
        }
    }
    for sql in [
        "update follow_ups set band = 'moderate', findings = '{age_60_69}', positive_instruments = '{}' where urgency = 2",
        "update follow_ups set last_received_at = flagged_at",
    ] {
        world.connect().await.execute(sql).await.unwrap();
    }
}

fn not_closed(case: &Value) -> bool {
    case["state"] != "closed"
}

/// Filters by attempts and appointments.
fn filters_of_work(world: &World) -> Vec<(String, Pick<'_>)> {
    vec![
        ("attempts_min=1&".into(), Box::new(move |case| not_closed(case) && case["attempts"] == 1)),
        ("attempts_min=2&state=open,assigned,contacted,booked,closed&".into(), Box::new(|_| false)),
        (
            format!("appointment_from={}&appointment_to={}&", hours_ahead(world, 23), hours_ahead(world, 25)),
            Box::new(move |case| not_closed(case) && !case["appointment_at"].is_null()),
        ),
        (format!("appointment_to={}&state=booked&", hours_ahead(world, 23)), Box::new(|_| false)),
    ]
}

#[tokio::test]
async fn every_filter_matches_a_manual_selection() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let colleague = Colleague::of(&world, &clinic).await;
    mixed(&world, &clinic, &colleague).await;
    let all = walk(&clinic.staff, "/v1/follow-ups?state=open,assigned,contacted,booked,closed&", 200).await;
    assert_eq!(all.len(), 12);
    let subject = all[3]["subject_id"].as_str().unwrap().to_owned();
    let text = |case: &Value, name: &str| case[name].as_str().unwrap_or_default().to_owned();
    let id = colleague.id.clone();
    let mut filters: Vec<(String, Pick)> = vec![
        (String::new(), Box::new(not_closed)),
        ("state=open&".into(), Box::new(|case| case["state"] == "open")),
        ("state=closed&".into(), Box::new(|case| case["state"] == "closed")),
        ("state=booked,assigned&".into(), Box::new(|case| case["state"] == "booked" || case["state"] == "assigned")),
        ("state=closed,open&".into(), Box::new(|case| case["state"] == "closed" || case["state"] == "open")),
        ("urgency=today&".into(), Box::new(move |case| not_closed(case) && case["urgency"] == "today")),
        ("assignee=none&".into(), Box::new(move |case| not_closed(case) && case["assignee"].is_null())),
        (format!("assignee={id}&"), Box::new(|case| not_closed(case) && case["assignee"] == *id)),
        ("assignee=me&".into(), Box::new(|_| false)),
        ("overdue=true&".into(), Box::new(|case| case["overdue"] == true)),
        ("overdue=false&".into(), Box::new(move |case| not_closed(case) && case["overdue"] == false)),
        ("state=closed&state=open,open&".into(), Box::new(|case| case["state"] == "closed" || case["state"] == "open")),
        ("overdue=true&state=closed&".into(), Box::new(|_| false)),
        ("overdue=false&state=closed&".into(), Box::new(|case| case["state"] == "closed")),
        ("band=moderate&".into(), Box::new(move |case| not_closed(case) && case["band"] == "moderate")),
        ("finding=age_60_69&".into(), Box::new(move |case| not_closed(case) && case["band"] == "moderate")),
        ("instrument_positive=sarc_f&".into(), Box::new(move |case| not_closed(case) && case["band"] == "high")),
        (
            "received_from=2026-01-01T00:00:03Z&received_to=2026-01-01T00:00:07Z&".into(),
            Box::new(move |case| {
                let at = text(case, "last_received_at");
                not_closed(case) && *"2026-01-01T00:00:03Z" <= *at && *at < *"2026-01-01T00:00:07Z"
            }),
        ),
        (
            format!("due_from={}&due_to={}&", hours_ahead(&world, -1), hours_ahead(&world, 1)),
            Box::new(move |case| not_closed(case) && case["urgency"] == "this_week"),
        ),
        (
            format!("subject_id={subject}&state=open,assigned,contacted,booked,closed&"),
            Box::new(|case| case["subject_id"] == *subject),
        ),
    ];
    filters.extend(filters_of_work(&world));
    for (filter, pick) in &filters {
        for (order, key) in ORDERS {
            let path = format!("/v1/follow-ups?{filter}order={order}&");
            let mut wanted: Vec<&Value> = all.iter().filter(|case| pick(case)).collect();
            wanted.sort_by_key(|case| key(case));
            let ids = |cases: Vec<&Value>| cases.iter().map(|case| case["id"].to_string()).collect::<Vec<_>>();
            for limit in [1, 5, 200] {
                let found = walk(&clinic.staff, &path, limit).await;
                assert_eq!(ids(found.iter().collect()), ids(wanted.clone()), "{path} {limit}");
            }
        }
    }
    let mine = walk(&colleague.user, "/v1/follow-ups?assignee=me&", 200).await;
    assert!(mine.len() > 3 && mine.iter().all(|case| case["assignee"] == colleague.id));
}

fn rank(case: &Value) -> usize {
    ["today", "this_week", "routine"].iter().position(|name| case["urgency"] == *name).unwrap()
}

#[tokio::test]
async fn an_invalid_parameter_is_reported_by_name() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (query, pointer) in [
        ("state=opened", "/state"),
        ("state=", "/state"),
        ("state=open,", "/state"),
        ("assignee=you", "/assignee"),
        ("urgency=soon", "/urgency"),
        ("overdue=yes", "/overdue"),
        ("band=higher", "/band"),
        ("finding=", "/finding"),
        ("attempts_min=0", "/attempts_min"),
        ("attempts_min=two", "/attempts_min"),
        ("appointment_to=2026-01-01", "/appointment_to"),
        ("due_from=2026-01-01", "/due_from"),
        ("order=newest", "/order"),
        ("estimate=1", "/estimate"),
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("sort=due", "/sort"),
    ] {
        let answer = clinic.staff.get(&format!("/v1/follow-ups?{query}")).await;
        assert_eq!((answer.status, answer.pointers()), (400, vec![pointer.to_owned()]), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_cursor_is_only_valid_for_its_clinic_filter_and_order() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    seed(&world, &clinic, 9).await;
    let lists = [
        "",
        "order=oldest&",
        "order=due&",
        "state=open&",
        "state=open,assigned&",
        "urgency=today&",
        "assignee=none&",
        "assignee=me&",
        "overdue=true&",
        "overdue=false&",
        "band=high&",
        "finding=age_80_and_over&",
        "instrument_positive=sarc_f&",
        "received_from=2026-01-01T00:00:00Z&",
        "due_to=2030-01-01T00:00:00Z&",
    ];
    let mut cursors = Vec::new();
    for list in lists {
        let page = clinic.staff.get(&format!("/v1/follow-ups?{list}limit=1")).await.expect(200);
        if let Some(cursor) = page["next_cursor"].as_str() {
            cursors.push((list, cursor.to_owned()));
        }
    }
    assert_eq!(cursors.len(), lists.len() - 1, "no follow-up is assigned, all other lists have more pages");
    let refused = async |user: &User, list: &str, cursor: &str| {
        let body = user.get(&format!("/v1/follow-ups?{list}cursor={cursor}")).await.expect(400);
        assert_eq!(body["type"], "/docs/problems#invalid_cursor", "{list}");
    };
    for (made_for, cursor) in &cursors {
        for list in lists {
            if list == *made_for {
                clinic.staff.get(&format!("/v1/follow-ups?{list}cursor={cursor}&limit=7")).await.expect(200);
            } else {
                refused(&clinic.staff, list, cursor).await;
            }
        }
        refused(&other.staff, made_for, cursor).await;
        // Any changed character.
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            refused(&clinic.staff, made_for, std::str::from_utf8(&changed).unwrap()).await;
        }
    }
    // The same states in another order are the same filter.
    let page = clinic.staff.get("/v1/follow-ups?state=assigned,open&limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    clinic.staff.get(&format!("/v1/follow-ups?state=open,assigned,open&cursor={cursor}")).await.expect(200);
}

#[tokio::test]
async fn an_estimate_is_made_on_request_only_and_is_close() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, 3000).await;
    assert_eq!(clinic.staff.get("/v1/follow-ups?limit=1").await.expect(200)["estimated_total"], Value::Null);
    for (filter, wanted) in [("", 3000), ("urgency=today&", 1000), ("state=open&order=due&", 3000)] {
        let page = clinic.staff.get(&format!("/v1/follow-ups?{filter}estimate=true&limit=1")).await.expect(200);
        let estimate = page["estimated_total"].as_i64().unwrap();
        assert!((wanted / 2..=wanted * 2).contains(&estimate), "{filter} {estimate}");
    }
}

#[tokio::test]
async fn values_below_their_floors_are_listed_and_shown_as_stored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let soon = hours_ahead(&world, 24);
    let mut cases = Vec::new();
    for measured in
        [json!({"grip_strength_kg": 24}), json!({"five_chair_stands_s": 12.5}), json!({"grip_strength_kg": 1})]
    {
        let case = open(&clinic).await;
        let mut close = json!({"outcome": "attended"});
        close.as_object_mut().unwrap().extend(measured.as_object().unwrap().clone());
        let contact = json!({"reached": true});
        let book = json!({"appointment_at": soon});
        for (seen, (command, body)) in
            (1..).zip([("claim", json!({})), ("contact", contact), ("book", book), ("close", close)])
        {
            act(&clinic.staff, &case, command, seen, &body).await.expect(200);
        }
        cases.push(case);
    }
    // Before minimum values existed, 24 was taken as grams, and every time of at least 1 s was stored.
    let sql = "update follow_ups set grip_strength_g = 24 where grip_strength_g = 24000;
               update follow_ups set five_chair_stands_ms = 1500 where five_chair_stands_ms = 12500";
    world.connect().await.execute(sqlx::raw_sql(sql)).await.unwrap();
    let listed = clinic.staff.get("/v1/follow-ups?below_floor=true").await.expect(200);
    let shown = listed["items"].as_array().unwrap();
    assert_eq!(shown.len(), 2, "{listed}");
    let grip = shown.iter().find(|item| cases[0].ends_with(item["id"].as_str().unwrap())).unwrap();
    let stands = shown.iter().find(|item| cases[1].ends_with(item["id"].as_str().unwrap())).unwrap();
    assert_eq!((&grip["grip_strength_kg"], &stands["five_chair_stands_s"]), (&json!(0.024), &json!(1.5)));
    assert_eq!(world.count("select count(*) from follow_ups where grip_strength_g = 24").await, 1);
    clinic.staff.get("/v1/follow-ups?below_floor=true&state=closed").await.expect(200);
    let refused = clinic.staff.get("/v1/follow-ups?below_floor=true&state=closed,open").await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/below_floor");
}

#[tokio::test]
async fn answers_below_their_floors_are_listed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut ids = Vec::new();
    for measured in
        [json!({"grip_strength_kg": 24}), json!({"five_chair_stands_s": 12.5}), json!({"grip_strength_kg": 1})]
    {
        let mut answers = frail();
        answers.as_object_mut().unwrap().extend(measured.as_object().unwrap().clone());
        let stored = clinic.staff.submit(&json!({"answers": answers})).await.expect(201);
        ids.push(stored["id"].as_str().unwrap().to_owned());
    }
    let sql = format!(
        "update submissions set answers = (answers::jsonb || '{{\"grip_strength_kg\": 0.9}}')::json where submission_id = '{}';
         update submissions set answers = (answers::jsonb || '{{\"five_chair_stands_s\": 2.99}}')::json where submission_id = '{}'",
        ids[0], ids[1],
    );
    world.connect().await.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
    let listed = clinic.staff.get("/v1/submissions?below_floor=true").await.expect(200);
    let shown: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(shown, [&*ids[1], &*ids[0]]);
}
