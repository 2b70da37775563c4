//! Model check: clients concurrently send random commands for a few follow-ups. Afterwards all responses must fit one
//! history in which each version was created once, from the version before it, as the model says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Colleague, act, hours_ahead, seed};
use crate::world::World;

const CLIENTS: usize = 8;
const COMMANDS: usize = 2_000;
const CASES: usize = 20;

/// A follow-up in the model.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    state: String,
    assignee: Option<usize>,
    attempts: i64,
}

/// A request of one client and its response; ticks order the starts and ends of all requests.
struct Exchange {
    client: usize,
    case: usize,
    version: i64,
    command: &'static str,
    body: Value,
    status: u16,
    began: u64,
    ended: u64,
    after: Value,
}

/// A second implementation of the state machine, written from its description; `None` if the command is refused.
fn model(before: &Model, exchange: &Exchange) -> Option<Model> {
    let mut after = before.clone();
    let own = before.assignee == Some(exchange.client);
    match (exchange.command, &*before.state) {
        ("notes", _) => {}
        ("reopen", "closed") => after = Model { state: "open".into(), assignee: None, ..after },
        ("reopen", _) | (_, "closed") => return None,
        ("claim", "open") => after = Model { state: "assigned".into(), assignee: Some(exchange.client), ..after },
        ("reassign", state) => {
            let to = exchange.body["index"].as_u64().map(|index| usize::try_from(index).unwrap());
            if before.assignee == to {
                return None;
            }
            let state = if state == "open" { "assigned" } else { state };
            after = Model { state: state.into(), assignee: to, ..after };
        }
        ("close", "open") if exchange.body["outcome"] != "not_needed" => return None,
        ("close", "open") => after.state = "closed".into(),
        (_, "open") | ("claim", _) => return None,
        _ if !own => return None,
        ("release", "assigned" | "contacted") => after = Model { state: "open".into(), assignee: None, ..after },
        ("contact", state) => {
            after.attempts += 1;
            if state == "assigned" && exchange.body["reached"] == true {
                after.state = "contacted".into();
            }
        }
        ("book", _) => after.state = "booked".into(),
        ("unbook", "booked") => after.state = "contacted".into(),
        ("close", _) if exchange.body["outcome"] == "unreachable" && before.attempts == 0 => return None,
        ("close", _) => after.state = "closed".into(),
        // No appointment of this run comes due.
        _ => return None,
    }
    Some(after)
}

/// Random numbers from a seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

pub(super) fn seed_of_run() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test is no program with settings")]
    let given = std::env::var("SARCOSCREEN_TEST_SEED").ok();
    given.map_or_else(rand_seed, |text| text.parse().unwrap())
}

fn rand_seed() -> u64 {
    use sarcoscreen::app::ambient::{Ambient as _, System};
    let mut bytes = [0; 8];
    System.fill(&mut bytes).unwrap();
    u64::from_be_bytes(bytes)
}

fn draw(dice: &mut Dice, appointment_at: &str, staff: &[Colleague]) -> (&'static str, Value) {
    match dice.below(12) {
        0 | 1 => ("claim", json!({})),
        2 => ("release", json!({})),
        3 => {
            let index = dice.below(staff.len());
            ("reassign", json!({"to": staff[index].id, "index": index}))
        }
        4 | 5 => ("contact", json!({"reached": dice.below(2) == 0})),
        6 => ("book", json!({"appointment_at": appointment_at})),
        7 => ("unbook", json!({})),
        8 => ("did-not-attend", json!({})),
        9 => {
            let closings = [
                json!({"outcome": "attended"}),
                json!({"outcome": "declined"}),
                json!({"outcome": "unreachable"}),
                json!({"outcome": "not_needed", "not_needed_reason": "other"}),
            ];
            ("close", closings[dice.below(4)].clone())
        }
        10 => ("reopen", json!({})),
        _ => ("notes", json!({"note": "n"})),
    }
}

/// One client's share of the commands, sent sequentially, for random follow-ups and versions.
async fn work(
    client: usize,
    mut dice: Dice,
    staff: &[Colleague],
    cases: &[String],
    appointment_at: &str,
    tick: &AtomicU64,
) -> Vec<Exchange> {
    let mut seen = [1; CASES];
    let mut exchanges = Vec::new();
    for _ in 0..COMMANDS / CLIENTS {
        let case = dice.below(CASES);
        let (command, body) = draw(&mut dice, appointment_at, staff);
        let mut sent = body.clone();
        sent.as_object_mut().unwrap().remove("index");
        // Half of the time the client reads the follow-up first; otherwise it uses the version that it saw last.
        if dice.below(2) == 0 {
            let shown = staff[client].user.get(&cases[case]).await.expect(200);
            seen[case] = shown["version"].as_i64().unwrap();
        }
        let began = tick.fetch_add(1, Ordering::SeqCst);
        let answer = act(&staff[client].user, &cases[case], command, seen[case], &sent).await;
        let ended = tick.fetch_add(1, Ordering::SeqCst);
        let version = seen[case];
        let after = answer.json();
        if answer.status == 200 {
            seen[case] = after["version"].as_i64().unwrap();
        } else if answer.status == 412 {
            let shown = staff[client].user.get(&cases[case]).await.expect(200);
            seen[case] = shown["version"].as_i64().unwrap();
        }
        exchanges.push(Exchange { client, case, version, command, body, status: answer.status, began, ended, after });
    }
    exchanges
}

#[tokio::test]
async fn two_thousand_random_commands_of_eight_clients_fit_one_history_per_follow_up() {
    let seed_used = seed_of_run();
    println!("seed {seed_used}; set SARCOSCREEN_TEST_SEED to run it again");
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, CASES).await;
    let staff = join_all((0..CLIENTS).map(|_| Colleague::of(&world, &clinic))).await;
    let page = clinic.staff.get("/v1/follow-ups").await.expect(200);
    let cases: Vec<String> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("/v1/follow-ups/{}", item["id"].as_str().unwrap()))
        .collect();
    assert_eq!(cases.len(), CASES);
    let appointment_at = hours_ahead(&world, 48);
    let tick = AtomicU64::new(0);
    let clients = (0..CLIENTS).map(|client| {
        let dice = Dice(seed_used.wrapping_add(client as u64));
        work(client, dice, &staff, &cases, &appointment_at, &tick)
    });
    let exchanges: Vec<Exchange> = join_all(clients).await.into_iter().flatten().collect();
    let mut faults = Vec::new();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for one in &exchanges {
        *statuses.entry(one.status).or_default() += 1;
    }
    for (index, path) in cases.iter().enumerate() {
        let of_case: Vec<&Exchange> = exchanges.iter().filter(|one| one.case == index).collect();
        let shown = clinic.staff.get(path).await.expect(200);
        faults.extend(differences(&of_case, &staff, &shown));
        let history = clinic.staff.get(&format!("{path}/history")).await.expect(200);
        for item in history["items"].as_array().unwrap() {
            let made = of_case.iter().find(|one| one.status == 200 && item["version"] == one.after["version"]);
            if made
                .is_none_or(|made| made.after != item["after"] || item["by"]["credential_id"] != staff[made.client].id)
            {
                faults.push(format!("{path}: no request created version {} of the history", item["version"]));
            }
        }
    }
    println!(
        "{} commands of {CLIENTS} clients on {CASES} cases: {statuses:?}, {} differences",
        exchanges.len(),
        faults.len()
    );
    assert!(faults.is_empty(), "seed {seed_used}: {}", faults.join("\n"));
    assert!(
        [200, 409, 412].iter().all(|status| statuses.get(status).is_some_and(|count| *count >= 100)),
        "{statuses:?}"
    );
}

/// The responses for one follow-up, or its final state, that do not match the model.
fn differences(exchanges: &[&Exchange], staff: &[Colleague], shown: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut versions = vec![Model { state: "open".into(), ..Model::default() }];
    // For each version: the tick at which it certainly existed, and the tick at which its creation began.
    let mut made: Vec<(u64, u64)> = vec![(0, 0)];
    loop {
        let current = i64::try_from(versions.len()).unwrap();
        let before = &versions[versions.len() - 1];
        let makers: Vec<&&Exchange> =
            exchanges.iter().filter(|one| one.status == 200 && one.version == current).collect();
        let [maker] = makers[..] else {
            if !makers.is_empty() {
                faults.push(format!("{} commands succeeded on version {current}", makers.len()));
            }
            break;
        };
        let Some(after) = model(before, maker) else {
            faults.push(format!("{} was done on {before:?} by {}", maker.command, maker.client));
            break;
        };
        let assignee = after.assignee.map_or(Value::Null, |index| json!(staff[index].id));
        let fits = maker.after["state"] == after.state
            && (after.state == "closed" || maker.after["assignee"] == assignee)
            && maker.after["attempts"] == after.attempts
            && maker.after["version"] == current + 1;
        if !fits {
            faults.push(format!("{} on {before:?} gave {}", maker.command, maker.after));
        }
        made.push((maker.began, maker.ended));
        versions.push(after);
    }
    let last = versions.len();
    if shown["version"] != last || shown["state"] != versions[last - 1].state {
        faults.push(format!("the follow-up has version {shown}, the model {last} {:?}", versions[last - 1]));
    }
    for one in exchanges {
        let version = usize::try_from(one.version).unwrap();
        let fits = match one.status {
            200 => true,
            // Refused: the version was seen while it was the latest, and the model refuses too.
            409 => {
                let next_ended = made.get(version).map_or(u64::MAX, |next| next.1);
                versions.get(version - 1).is_some_and(|model_of| model(model_of, one).is_none())
                    && one.began < next_ended
            }
            // Version conflict: the creation of the next version had begun before the response.
            412 => made.get(version).is_some_and(|next| next.0 < one.ended),
            _ => false,
        };
        if !fits {
            faults
                .push(format!("{} on version {} was answered {}: {}", one.command, one.version, one.status, one.after));
        }
    }
    faults
}
