//! Statistics: days that were rolled up and days that are counted live add up to a plain count.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::submissions::statistics::count_days;
use sarcoscreen::jobs::counting;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::exports::copy_submissions;
use crate::world::{Clinic, World, fit, frail};

/// Pseudo-random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A submission for a plain count: day, flagged, band, findings, positive instruments.
type Row = (Date, bool, String, Vec<String>, Vec<String>);

/// The columns of a row.
type Columns = (jiff_sqlx::Timestamp, bool, String, String, Vec<String>, Vec<String>);

fn today(world: &World) -> Date {
    world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A clinic with 900 submissions over the next forty days; some days have none, and many submissions are at the very edges
/// of a day.
async fn over_forty_days(world: &World, name: &str) -> Clinic {
    let clinic = world.clinic(name).await;
    for answers in [
        fit(),
        frail(),
        json!({"age": 70, "activity": "moderate",
        "falls_past_year": 1, "stair_difficulty": "none", "medications": []}),
    ] {
        clinic.browser.submit(&json!({"answers": answers})).await.expect(201);
    }
    let changes = "jsonb_build_object('received_at', date_trunc('day', s.received_at, 'UTC') + interval '1 day'
            + ((i * 7919 % 40) / 3 * 3) * interval '1 day'
            + (array[interval '0', interval '1 day' - interval '1 microsecond', i * interval '77 seconds'])[i % 3 + 1],
        'positive_instruments', case when i % 4 = 0 then array['sarc_f', 'other'] else s.positive_instruments end)";
    copy_submissions(world, &clinic, 299, changes).await;
    clinic
}

/// Every row of a clinic, as stored in the database.
async fn plain_rows(world: &World, clinic: &Clinic) -> Vec<Row> {
    let sql = "select received_at as at, flagged, band_at_least, band_at_most, findings, positive_instruments
               from submissions where clinic_id = $1";
    let rows: Vec<Columns> = sqlx::query_as(sql).bind(clinic.id).fetch_all(&mut world.connect().await).await.unwrap();
    let plain = |(at, flagged, least, most, findings, positive): Columns| {
        let band = if least == most { least } else { "unsettled".to_owned() };
        (at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date(), flagged, band, findings, positive)
    };
    rows.into_iter().map(plain).collect()
}

/// The statistics of these rows.
fn counted(rows: &[Row], from: Date, to: Date) -> Value {
    let within: Vec<&Row> = rows.iter().filter(|row| (from..=to).contains(&row.0)).collect();
    let mut bands = BTreeMap::from(["low", "moderate", "high", "unsettled"].map(|band| (band.to_owned(), 0)));
    let (mut findings, mut positive) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
    for (_, _, band, of_row, instruments) in &within {
        *bands.get_mut(band).unwrap() += 1;
        for finding in of_row {
            *findings.entry(finding).or_default() += 1;
        }
        for instrument in instruments {
            *positive.entry(instrument).or_default() += 1;
        }
    }
    let days = from.series(1.day()).take_while(|day| *day <= to).map(|day| {
        let of_day = || within.iter().filter(|row| row.0 == day);
        json!({"day": day, "submissions": of_day().count(), "flagged": of_day().filter(|row| row.1).count()})
    });
    json!({"total": within.len(), "flagged": within.iter().filter(|row| row.1).count(),
        "days": days.collect::<Vec<_>>(), "bands": bands, "findings": findings, "positive_instruments": positive})
}

async fn compare(world: &World, clinic: &Clinic, dice: &mut Dice, first: Date) {
    let rows = plain_rows(world, clinic).await;
    for _ in 0..25 {
        let from = first + i64::try_from(dice.below(50)).unwrap().days();
        let to = from + i64::try_from(dice.below(45)).unwrap().days();
        let path = format!("/v1/statistics?from={from}&to={to}");
        let answer = clinic.staff.get(&path).await.expect(200);
        assert_eq!((&answer["from"], &answer["to"]), (&json!(from), &json!(to)));
        assert_eq!(answer["submissions"], counted(&rows, from, to), "{path}");
    }
}

#[tokio::test]
async fn rolled_up_and_live_days_add_up_to_a_plain_count() {
    let world = World::new().await;
    world.clock.advance_to_noon();
    let first = today(&world) - 3.days();
    let one = over_forty_days(&world, "One").await;
    let two = over_forty_days(&world, "Two").await;
    let mut dice = Dice(4);
    assert_eq!(count_days(&world.app).await.unwrap(), 0);
    compare(&world, &one, &mut dice, first).await;
    for days in [9, 1, 17, 40] {
        world.clock.advance(days * 24 * 3600);
        count_days(&world.app).await.unwrap();
        for clinic in [&one, &two] {
            compare(&world, clinic, &mut dice, first).await;
        }
    }
    let without = "select count(*) from daily_counts where dimension = 'submissions' and count = 0";
    assert!(world.count(without).await > 40, "days without a submission are counted too");
    // Statistics use the rolled-up counts: a manipulated count changes them.
    let sql = "update daily_counts set count = count + 1000 where dimension = 'submissions'";
    world.connect().await.execute(sql).await.unwrap();
    let path = format!("/v1/statistics?from={}&to={}", first + 5.days(), first + 14.days());
    assert!(one.staff.get(&path).await.expect(200)["submissions"]["total"].as_u64().unwrap() > 10_000);
}

#[tokio::test]
async fn repeated_or_concurrent_counting_changes_nothing() {
    let world = World::new().await;
    world.clock.advance_to_noon();
    over_forty_days(&world, "One").await;
    over_forty_days(&world, "Two").await;
    world.clinic("Without a submission").await;
    world.clock.advance(30 * 24 * 3600);
    let all = "select count(*) from daily_counts";
    let sum = "select sum(count * hashtext(clinic_id::text || day || dimension || value))::bigint from daily_counts";
    let counts = futures_util::future::join_all((0..4).map(|_| count_days(&world.app))).await;
    assert!(counts.into_iter().all(|days| days.is_ok()));
    let (rows, before) = (world.count(all).await, world.count(sum).await);
    let days = world.count("select count(*) from daily_counts where dimension = 'submissions'").await;
    let distinct =
        world.count("select sum(d) from (select max(day) - min(day) + 1 as d from daily_counts group by clinic_id) x");
    assert_eq!(distinct.await, days, "no day is left out");
    assert_eq!(count_days(&world.app).await.unwrap(), 0);
    assert_eq!((world.count(all).await, world.count(sum).await), (rows, before));
    // Counted completely and once, although four counted concurrently.
    let differ = "select count(*) from (
            (select clinic_id, day, dimension, value, count from daily_counts where count > 0 except
             select c.clinic_id, n.* from clinics c, submission_counts(c.clinic_id, '-infinity', 'infinity') n)
            union all
            (select c.clinic_id, n.* from clinics c, submission_counts(c.clinic_id, '-infinity', 'infinity') n
             where day <= (select max(day) from daily_counts) except
             select clinic_id, day, dimension, value, count from daily_counts)) x";
    assert_eq!(world.count(differ).await, 0);
    // A day that has just ended is not counted yet: it may still get a row.
    let ended = format!("{}T00:10:00Z", today(&world)).parse::<Timestamp>().unwrap();
    let ahead = 24 * 3600 + ended.as_second() - world.clock.now().as_second();
    world.clock.advance(ahead);
    let open = count_days(&world.app).await.unwrap();
    world.clock.advance(10 * 60);
    assert_eq!((open, count_days(&world.app).await.unwrap()), (0, 2));
}

#[tokio::test]
async fn the_job_counts_at_the_start_and_stops_on_request() {
    let world = World::new().await;
    world.clock.advance_to_noon();
    over_forty_days(&world, "One").await;
    world.clock.advance(10 * 24 * 3600);
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let job = tokio::spawn(counting::run(world.app.clone(), stopping));
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let counted = "select count(*) from daily_counts where dimension = 'submissions'";
    tokio::time::timeout(Duration::from_mins(1), async {
        while world.count(counted).await < 10 {
            pace.tick().await;
        }
    })
    .await
    .unwrap();
    stop.send(true).unwrap();
    job.await.unwrap();
}

/// Ten follow-ups: four closed with different outcomes, six open.
async fn cases(world: &World, clinic: &Clinic) {
    for _ in 0..10 {
        clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    }
    let sql = "with numbered as (select follow_up_id, row_number() over (order by follow_up_id) as n from follow_ups)
        update follow_ups f set
            flagged_at = now() - (array[1, 30, 100, 200, 400, 1000, 1, 1, 1, 1])[n] * interval '1 hour',
            due_at = now() + (array[1, -1, -1, 1, 1, -5, 1, -1, -1, 1])[n] * interval '1 hour',
            state = (array['open', 'open', 'assigned', 'contacted', 'booked', 'booked',
                           'closed', 'closed', 'closed', 'closed'])[n],
            assignee = case when n between 3 and 6 then (select credential_id from credentials limit 1) end,
            appointment_at = case when n between 5 and 6 then now() end,
            outcome = (array['attended', 'declined', 'unreachable', 'not_needed'])[n - 6],
            not_needed_reason = case when n = 10 then 'other' end,
            closed_at = case when n > 6 then '2026-05-10T12:00:00Z'::timestamptz end
        from numbered where numbered.follow_up_id = f.follow_up_id";
    world.connect().await.execute(sql).await.unwrap();
}

#[tokio::test]
async fn open_follow_ups_are_counted_by_state_and_age_and_closed_ones_by_outcome() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    cases(&world, &clinic).await;
    let stats = clinic.staff.get("/v1/statistics?from=2026-05-10&to=2026-05-10").await.expect(200);
    let open = &stats["open_follow_ups"];
    assert_eq!(open["states"], json!({"assigned": 1, "booked": 2, "contacted": 1, "open": 2}));
    assert_eq!((&open["total"], &open["overdue"]), (&json!(6), &json!(3)));
    let ages: Vec<_> =
        open["ages"].as_array().unwrap().iter().map(|class| class["follow_ups"].as_u64().unwrap()).collect();
    assert_eq!(ages, [1, 1, 1, 1, 1, 1]);
    assert_eq!(open["ages"][0]["below_hours"], 24);
    assert_eq!(open["ages"][5]["below_hours"], Value::Null);
    // The midpoints between 100 and 200 hours, and between 400 and 1000.
    assert_eq!((&open["median_age_hours"], &open["p90_age_hours"]), (&json!(150.0), &json!(700.0)));
    let closed = &stats["closed_follow_ups"];
    assert_eq!(closed["outcomes"], json!({"attended": 1, "declined": 1, "not_needed": 1, "unreachable": 1}));
    assert_eq!((&closed["total"], &closed["positive_predictive_value"]), (&json!(4), &Value::Null));
    for (from, to) in [("2026-05-09", "2026-05-09"), ("2026-05-11", "2026-05-11")] {
        let stats = clinic.staff.get(&format!("/v1/statistics?from={from}&to={to}")).await.expect(200);
        assert_eq!((&stats["closed_follow_ups"]["total"], &stats["open_follow_ups"]["total"]), (&json!(0), &json!(6)));
    }
    let foreign = other.staff.get("/v1/statistics?from=2026-05-10&to=2026-05-10").await.expect(200);
    assert_eq!(foreign["open_follow_ups"]["total"], 0);
    assert_eq!(foreign["open_follow_ups"]["median_age_hours"], Value::Null);
    assert_eq!(foreign["closed_follow_ups"]["total"], 0);
}

#[tokio::test]
async fn the_predictive_value_counts_attended_follow_ups_with_a_diagnosis_and_states_it() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    cases(&world, &clinic).await;
    let attended =
        "with numbered as (select follow_up_id, row_number() over (order by follow_up_id) as n from follow_ups)
        update follow_ups f set state = 'closed', outcome = 'attended', closed_at = '2026-05-10T12:00:00Z',
            not_needed_reason = null,
            diagnosis = (array['none', 'none', 'possible', 'probable', 'confirmed', 'confirmed'])[n]
        from numbered where numbered.follow_up_id = f.follow_up_id";
    world.connect().await.execute(attended).await.unwrap();
    let path = "/v1/statistics?from=2026-05-01&to=2026-05-31";
    let closed = clinic.staff.get(path).await.expect(200)["closed_follow_ups"].clone();
    assert_eq!(closed["diagnoses"], json!({"confirmed": 2, "none": 2, "possible": 1, "probable": 1}));
    let value = &closed["positive_predictive_value"];
    assert_eq!((&value["numerator"], &value["denominator"], &value["value"]), (&json!(3), &json!(6), &json!(0.5)));
    // Wilson's interval of 3 in 6.
    assert_eq!((&value["lower"], &value["upper"]), (&json!(0.1876), &json!(0.8124)));
    assert!(value["holds_for"].as_str().unwrap().starts_with("people whom the screening flagged"));
    let spanish = clinic.staff.request("GET", path).header("accept-language", "es");
    let spanish = clinic.staff.send(spanish).await;
    assert_eq!(spanish.header("content-language"), "es");
    let spanish = spanish.expect(200);
    let words = spanish["closed_follow_ups"]["positive_predictive_value"]["holds_for"].as_str().unwrap();
    assert!(words.starts_with("personas que el cribado"));
}

#[tokio::test]
async fn an_invalid_range_is_refused_and_every_read_is_audited() {
    let world = World::new().await;
    world.clock.advance_to_noon();
    let clinic = world.clinic("One").await;
    let read = "select count(*) from audit_entries where action = 'stats_read' and outcome = 'success'";
    for (query, pointer) in [
        ("from=2026-05-02&to=2026-05-01", "/to"),
        ("from=2020-01-01&to=2023-01-05", "/from"),
        ("from=-009999-01-01", "/from"),
        ("to=9999-12-31", "/to"),
        ("from=yesterday", "/from"),
        ("days=3", "/days"),
    ] {
        let answer = clinic.staff.get(&format!("/v1/statistics?{query}")).await;
        assert_eq!((answer.status, answer.pointers()), (400, vec![pointer.to_owned()]), "{query}");
    }
    assert_eq!(world.count(read).await, 0);
    let usual = clinic.staff.get("/v1/statistics").await.expect(200);
    assert_eq!(usual["submissions"]["days"].as_array().unwrap().len(), 30);
    assert_eq!(usual["to"], json!(today(&world)));
    let longest = clinic.staff.get("/v1/statistics?from=2020-01-01&to=2023-01-04").await.expect(200);
    assert_eq!(longest["submissions"]["days"].as_array().unwrap().len(), 1_100);
    assert_eq!(world.count(read).await, 2);
}
