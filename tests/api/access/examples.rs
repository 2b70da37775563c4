//! The examples of responses in the document are what the server responds to the example requests: shortened, with
//! placeholder ids, times and secrets.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use sarcoscreen::app::ambient::Ambient as _;
use serde_json::Value;

use super::{Rows, call, operations, ready, request_with};
use crate::web_form::opened;
use crate::world::World;

/// Number of elements that an example keeps of a list.
const KEPT: usize = 2;
/// The checked-in examples.
const KEPT_AT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/examples.json");
/// The examples of this run, to be copied there after an intended change.
const MADE_AT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/examples.json");
/// Operations whose example request contains ids or times that do not exist on a newly started server.
const OTHERWISE: [&str; 4] = ["reassign_follow_up", "book_follow_up", "merge_subjects", "search_subjects"];
/// The date of all examples.
const DAY: Date = jiff::civil::date(2026, 3, 2);

#[tokio::test]
async fn the_examples_of_the_document_match_the_servers_responses() {
    let world = World::new().await;
    start_in_the_morning(&world);
    let today = world.clock.now().to_zoned(TimeZone::UTC).date();
    let clinic = opened(&world, "Example clinic").await;
    let rows = Rows::of(&world, &clinic).await;
    let mut examples = BTreeMap::new();
    for operation in operations(&world).await {
        let rows = ready(&world, &clinic, &clinic.admin, &operation, &rows).await;
        let (_, ours, fine) = call(&operation, &rows);
        let shown = Some(operation.example.clone()).filter(|body| !body.is_null());
        let body = shown.filter(|_| !OTHERWISE.contains(&&*operation.id)).or(ours);
        let answer = clinic.admin.send(request_with(&clinic.admin, &operation, &rows, body)).await;
        assert_eq!(answer.status, fine, "{}: {}", operation.id, answer.text);
        if answer.header("content-type") == "application/json" {
            examples.insert(operation.id, Masks { today, ids: Vec::new() }.example("", answer.json()));
        }
    }
    std::fs::write(MADE_AT, format!("{}\n", serde_json::to_string_pretty(&examples).unwrap())).unwrap();
    let kept: BTreeMap<String, Value> = serde_json::from_str(&std::fs::read_to_string(KEPT_AT).unwrap()).unwrap();
    for (id, example) in &examples {
        let kept = kept.get(id).unwrap_or(&Value::Null);
        assert!(kept == example, "{id} responds {example}, the example is {kept}; new examples: {MADE_AT}");
    }
    assert_eq!(kept.len(), examples.len());
}

/// Sets the clock to the morning, so that no day and no hour ends while the test runs.
fn start_in_the_morning(world: &World) {
    let now = world.clock.now().to_zoned(TimeZone::UTC);
    let morning = now.date().checked_add(1.day()).unwrap().at(9, 10, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    world.clock.advance(morning.timestamp().as_second() - now.timestamp().as_second());
}

/// Values that differ from run to run, and their placeholders in examples.
struct Masks {
    today: Date,
    ids: Vec<String>,
}

impl Masks {
    fn example(&mut self, name: &str, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().take(KEPT).map(|item| self.example(name, item)).collect(),
            Value::Object(fields) => Value::Object(
                fields.into_iter().map(|(name, value)| (name.clone(), self.example(&name, value))).collect(),
            ),
            Value::String(text) => Value::String(self.text(name, text)),
            other => other,
        }
    }

    fn text(&mut self, name: &str, text: String) -> String {
        if let Ok(id) = text.parse::<uuid::Uuid>() {
            let id = id.to_string();
            let place = self.ids.iter().position(|known| *known == id).unwrap_or_else(|| {
                self.ids.push(id);
                self.ids.len() - 1
            });
            return format!("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f60{place:02x}");
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return self.moved(at);
        }
        if let Ok(day) = text.parse::<Date>() {
            return self.same_day(day).to_string();
        }
        match name {
            "cursor" | "next_cursor" => "AbCdEfGh0123456789".to_owned(),
            "key" => format!("{}{}_{}", &text[..3], "a".repeat(13), "A".repeat(43)),
            "key_prefix" => format!("{}{}_", &text[..3], "a".repeat(13)),
            "secret" => format!("whsec_{}", "A".repeat(43) + "="),
            "reference" => "DEMO-0001".to_owned(),
            "receipt_code" => "2T65TMHP".to_owned(),
            _ => text,
        }
    }

    /// The same time of day, on the day that has the same distance from the examples' date as `at` has from today. Times
    /// before today came with the request and stay unchanged.
    fn moved(&self, at: Timestamp) -> String {
        let at = at.to_zoned(TimeZone::UTC);
        if at.date() < self.today {
            return at.timestamp().to_string();
        }
        let hour = self.same_day(at.date()).at(at.hour(), 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
        hour.timestamp().to_string()
    }

    fn same_day(&self, day: Date) -> Date {
        DAY.checked_add(self.today.until(day).unwrap()).unwrap()
    }
}
