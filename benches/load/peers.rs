//! The service and two comparable services, measured in turn: scores, submissions, a page of the worklist.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::comparison::Comparison;
use crate::generator::{Found, Load, Plan, Source, ask, run};
use crate::peer::{Framework, KEY, Peer, Rows};
use crate::place::Place;
use crate::requests::{Repeated, Submissions, cohort_answers};
use crate::scores::FULL;
use crate::seed::Size;
use crate::staff::Staff;
use crate::usage::Usage;
use crate::world::{WARM_UP, World};
use crate::{Options, progress};

/// The view of the service that is closest to the responses of the peers. It is the first server of each comparison.
const SUMMARY: &str = "sarcoscreen, `summary`";
/// The default view.
const PERSON: &str = "sarcoscreen, `person`";
/// Answers that a submission must have.
const FIVE: &str = r#"{"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
    "medications": ["systemic_corticosteroid_3_weeks"]}"#;
const PAGE: &str = "/v1/follow-ups?limit=50";
const SIZE: Size = Size { submissions: 200_000, open: 20_000, closed: 40_000 };

/// A server with its requests.
struct Contender<S> {
    name: &'static str,
    address: SocketAddr,
    process: u32,
    source: Rc<S>,
}

/// Runs all rounds and prints the table.
pub(crate) async fn measure(options: &Options) {
    let mut comparison = Comparison::default();
    let remarks = scores_and_submissions(options, &mut comparison).await;
    worklist(options, &mut comparison).await;
    println!("{}\n{}", comparison.ratios(), comparison.text());
    for line in remarks {
        println!("{line}");
    }
}

async fn scores_and_submissions(options: &Options, comparison: &mut Comparison) -> Vec<String> {
    let mut world = World::new(options.clone()).await;
    let mut of_peers = Vec::new();
    for rows in Rows::ALL {
        // The peers with other rows do not run: all pools together need more connections than PostgreSQL has.
        let mut peers = start(&world.place, rows).await;
        agree(&world, &peers).await;
        if rows == Rows::Narrow {
            score(&world, &peers, comparison).await;
        }
        submit(&world, &peers, rows, comparison).await;
        for peer in &mut peers {
            of_peers.push(peer.compare().await);
        }
    }
    let mut remarks = world.compare().await.to_vec();
    remarks.extend(of_peers);
    let World { place, service, .. } = world;
    service.stop();
    drop(place);
    remarks
}

/// All rounds of scores. They do not depend on the rows.
async fn score(world: &World, peers: &[Peer], comparison: &mut Comparison) {
    let options = &world.options;
    let (five, full) = (scores(world, peers, FIVE), scores(world, peers, FULL));
    for round in 1..=options.rounds {
        progress(&format!("peers, scores, round {round} of {}", options.rounds));
        for (name, contenders) in [("scores, 5 answers", &five), ("scores, 59 answers", &full)] {
            let mut turns = Vec::new();
            for contender in contenders {
                turns.push((contender.name, contender.load(options, &world.place, 200).await));
            }
            note(comparison, name, &turns);
        }
    }
}

/// All rounds of submissions, for peers that write these rows.
async fn submit(world: &World, peers: &[Peer], rows: Rows, comparison: &mut Comparison) {
    let options = &world.options;
    let measured = format!("submissions, {} rows", rows.name());
    let contenders = submissions(world, peers, rows);
    let ours = contenders.len() - peers.len();
    for round in 1..=options.rounds {
        progress(&format!("peers, {measured}, round {round} of {}", options.rounds));
        let mut turns = Vec::new();
        for (index, contender) in contenders.iter().enumerate() {
            world.settle().await;
            let found = contender.load(options, &world.place, 201).await;
            match index.checked_sub(ours) {
                Some(peer) => peers[peer].keep_ids(&found.ids),
                None => world.keep_ids(&found.ids),
            }
            turns.push((contender.name, found));
        }
        note(comparison, &measured, &turns);
    }
}

async fn worklist(options: &Options, comparison: &mut Comparison) {
    let mut staff = Staff::new(0, &options.environment()).await;
    staff.grow(SIZE, SIZE).await;
    let source = Rc::new(Repeated::get(&staff.key, PAGE));
    let (address, process) = (staff.service.address(), staff.service.process());
    let mut contenders = vec![Contender { name: "sarcoscreen", address, process, source }];
    let mut pages = vec![staff.get(&staff.key, PAGE).await];
    let mut peers = start(&staff.place, Rows::Narrow).await;
    for peer in &mut peers {
        peer.fill(SIZE).await;
        pages.push(peer.get(PAGE).await);
        contenders.push(Contender::of(peer, Rc::new(Repeated::get(KEY, PAGE))));
    }
    assert!(pages.iter().all(|page| page["items"].as_array().unwrap().len() == 50), "a page is not full: {pages:?}");
    for round in 1..=options.rounds {
        progress(&format!("peers, worklist, round {round} of {}", options.rounds));
        let mut turns = Vec::new();
        for contender in &contenders {
            turns.push((contender.name, contender.load(options, &staff.place, 200).await));
        }
        note(comparison, "worklist, page of 50", &turns);
    }
    drop(peers);
    staff.service.stop();
}

async fn start(place: &Place, rows: Rows) -> Vec<Peer> {
    let mut peers = Vec::new();
    for framework in Framework::ALL {
        peers.push(Peer::start(place, framework, rows).await);
    }
    peers
}

/// Fails unless every peer computes the same total and certain band as the service, for each person of the cohort and for
/// the measured answers.
async fn agree(world: &World, peers: &[Peer]) {
    let people = cohort_answers();
    for answers in people.iter().map(String::as_str).chain([FIVE, FULL]) {
        let body = body(answers);
        let request = Repeated::post(&world.clinics[0].intake, "/v1/scores?view=summary", &body);
        let (status, answer) = ask(world.service.address(), &request.0).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let ours: Value = serde_json::from_slice(&answer).unwrap();
        for peer in peers {
            let theirs = peer.post("/v1/scores", &body).await;
            let (ours, theirs) =
                ((&ours["score"]["total"], &ours["band_at_least"]), (&theirs["total"], &theirs["band"]));
            assert_eq!(ours, theirs, "the service's total and band, and those of {}: {body}", peer.name());
        }
    }
    progress(&format!("the peers agree on the totals of {} people", people.len()));
}

/// The same answers, scored by each server.
fn scores(world: &World, peers: &[Peer], answers: &str) -> Vec<Contender<Repeated>> {
    let body = body(answers);
    let ours = |name, view| {
        let path = format!("/v1/scores?view={view}");
        Contender::service(name, world, Repeated::post(&world.clinics[0].intake, &path, &body))
    };
    let mut contenders = vec![ours(SUMMARY, "summary"), ours(PERSON, "person")];
    let source = Rc::new(Repeated::post(KEY, "/v1/scores", &body));
    contenders.extend(peers.iter().map(|peer| Contender::of(peer, Rc::clone(&source))));
    contenders
}

/// The submissions of the part `intake`. Each server has its own, since an idempotency key is used once.
fn submissions(world: &World, peers: &[Peer], rows: Rows) -> Vec<Contender<Submissions>> {
    let keys: Vec<_> = world.clinics.iter().map(|clinic| clinic.intake.clone()).collect();
    let endless = |keys: &[String], header, series| {
        let submissions = Submissions::with(keys, header, series);
        submissions.endless();
        submissions
    };
    let first = if rows == Rows::Narrow { 1 } else { 3 };
    let mut contenders = vec![
        Contender::service(SUMMARY, world, endless(&keys, "prefer: return=minimal\r\n", first)),
        Contender::service(PERSON, world, endless(&keys, "", first + 1)),
    ];
    let keys = vec![KEY.to_owned(); keys.len()];
    contenders.extend(peers.iter().map(|peer| Contender::of(peer, Rc::new(endless(&keys, "", 1)))));
    contenders
}

fn body(answers: &str) -> String {
    json!({ "answers": serde_json::from_str::<Value>(answers).unwrap() }).to_string()
}

fn note(comparison: &mut Comparison, measured: &str, turns: &[(&str, Found)]) {
    comparison.note(measured, turns);
    let rates: Vec<_> = turns.iter().map(|(name, found)| format!("{name} {:.0}/s", found.rate)).collect();
    progress(&format!("{measured}: {}", rates.join(", ")));
}

impl<S: Source + 'static> Contender<S> {
    fn service(name: &'static str, world: &World, source: S) -> Self {
        let (address, process) = (world.service.address(), world.service.process());
        Self { name, address, process, source: Rc::new(source) }
    }

    fn of(peer: &Peer, source: Rc<S>) -> Self {
        Self { name: peer.name(), address: peer.address(), process: peer.process(), source }
    }

    /// Puts the load on the server; every response must have this status.
    async fn load(&self, options: &Options, place: &Place, status: u16) -> Found {
        let plan = Plan {
            address: self.address,
            connections: options.connections,
            load: Load::Maximum,
            warm_up: WARM_UP,
            time: Duration::from_secs(options.seconds),
        };
        let found = run(plan, &self.source, || Usage::now(self.process, place.postgres())).await;
        found.only(status);
        found
    }
}
