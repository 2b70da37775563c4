//! Requests of clients and their results: every acknowledged submission, every response with its times, and every response
//! that breaks a promise.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use uuid::Uuid;

use super::client::{Answer, Failure, submission};
use super::run::Clinic;
use crate::people::{fit, frail};

/// Maximum number of broken promises whose text is kept.
const TEXTS: usize = 20;

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Submit,
    Worklist,
    Ready,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Status(u16),
    Failed(Failure),
}

/// A request with its times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) what: What,
    pub(crate) sent: Instant,
    pub(crate) done: Instant,
    pub(crate) end: End,
    /// Whether the response announces that the connection closes.
    pub(crate) closes: bool,
}

/// A submission that was acknowledged with 201.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) clinic: usize,
    pub(crate) id: Uuid,
    pub(crate) key: String,
    pub(crate) total: i32,
    pub(crate) flagged: bool,
}

/// The checked part of a 201. Its type skips the rest of the body, which is longer.
#[derive(Deserialize)]
struct Receipt {
    id: Uuid,
    follow_up: Option<IgnoredAny>,
    assessment: Assessment,
}

#[derive(Deserialize)]
struct Assessment {
    score: Score,
    flagged: bool,
}

#[derive(Deserialize)]
struct Score {
    total: i32,
}

pub(crate) struct Submission {
    pub(crate) clinic: usize,
    pub(crate) key: String,
    pub(crate) flagged: bool,
    pub(crate) request: String,
}

/// The subjects of the submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persons {
    /// Every fourth submission belongs to one of a few subjects and joins an open follow-up; the others have no subject
    /// reference.
    Few,
    /// Every submission belongs to a new subject of the first clinic, as in a first import.
    New,
}

/// The ledger of one scenario.
pub(crate) struct Ledger {
    clinics: &'static [Clinic],
    persons: Persons,
    /// Ledgers of one scenario use different idempotency keys.
    log: u64,
    next: AtomicU64,
    acknowledged: Mutex<Vec<Acknowledged>>,
    seen: Mutex<Vec<Seen>>,
    broken: Mutex<Vec<String>>,
    /// Expected totals of the two kinds of submissions.
    totals: [OnceLock<i32>; 2],
}

impl Ledger {
    pub(crate) fn new(clinics: &'static [Clinic], persons: Persons) -> Self {
        static LOGS: AtomicU64 = AtomicU64::new(0);
        Self {
            clinics,
            persons,
            log: LOGS.fetch_add(1, Ordering::Relaxed),
            next: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            seen: Mutex::default(),
            broken: Mutex::default(),
            totals: Default::default(),
        }
    }

    pub(crate) const fn clinics(&self) -> &'static [Clinic] {
        self.clinics
    }

    pub(crate) fn next(&self) -> Submission {
        static BODIES: OnceLock<[String; 2]> = OnceLock::new();
        let bodies = BODIES.get_or_init(|| [fit(), frail()].map(|answers| json!({"answers": answers}).to_string()));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let flagged = number % 5 < 2;
        let (clinic, reference) = match self.persons {
            Persons::Few => (number % self.clinics.len() as u64, number.is_multiple_of(4).then_some(number % 97)),
            Persons::New => (0, Some(number)),
        };
        let clinic = usize::try_from(clinic).unwrap();
        let mut body = bodies[usize::from(flagged)].clone();
        if let Some(reference) = reference {
            body.truncate(body.len() - 1);
            write!(body, ",\"subject\":{{\"reference\":\"F-{reference}\"}}}}").unwrap();
        }
        let key = format!("faults-{}-{number}", self.log);
        let request = submission(&self.clinics[clinic].intake, &key, &body);
        Submission { clinic, key, flagged, request }
    }

    /// Records how a request ended. Returns whether the submission is acknowledged.
    pub(crate) fn note(
        &self,
        what: What,
        sent: Instant,
        result: &Result<Answer, Failure>,
        of: Option<&Submission>,
    ) -> bool {
        let (end, closes) = match result {
            Ok(answer) => (End::Status(answer.status), answer.closes),
            Err(failure) => (End::Failed(*failure), false),
        };
        self.seen.lock().unwrap().push(Seen { what, sent, done: Instant::now(), end, closes });
        let Ok(answer) = result else {
            if end == End::Failed(Failure::Hangs) {
                self.broken(format!("{what:?} was not answered"));
            }
            return false;
        };
        if let Some(broken) = broken(what, answer) {
            self.broken(broken);
        }
        match of {
            Some(submission) if answer.status == 201 => self.acknowledge(submission, answer),
            _ => false,
        }
    }

    fn acknowledge(&self, submission: &Submission, answer: &Answer) -> bool {
        let receipt = answer.parsed::<Receipt>();
        let receipt = receipt.unwrap_or_else(|| panic!("201 without an id, a total or a flag: {}", answer.json()));
        let (id, total, flagged) = (receipt.id, receipt.assessment.score.total, submission.flagged);
        let of_kind = *self.totals[usize::from(flagged)].get_or_init(|| total);
        if of_kind != total || receipt.assessment.flagged != flagged || receipt.follow_up.is_some() != flagged {
            self.broken(format!("a submission that scores {of_kind} is answered with {}", answer.json()));
        }
        let (clinic, key) = (submission.clinic, submission.key.clone());
        self.acknowledged.lock().unwrap().push(Acknowledged { clinic, id, key, total, flagged });
        true
    }

    pub(super) fn broken(&self, text: String) {
        self.broken.lock().unwrap().push(text);
    }

    /// Number of acknowledged submissions.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Number of keys that were acknowledged with two ids.
    pub(crate) fn twice(&self) -> usize {
        let mut ids = HashMap::new();
        let all = self.acknowledged();
        all.iter().filter(|one| *ids.entry(&one.key).or_insert(one.id) != one.id).count()
    }

    /// The requests that were sent in an interval, ordered by their ends.
    pub(crate) fn sent_within(&self, what: What, from: Instant, to: Instant) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| one.what == what && (from..to).contains(&one.sent)).copied().collect()
    }

    /// Time from a moment to the first response with this status, among the requests sent after the moment.
    pub(crate) fn first(&self, what: What, status: u16, after: Instant) -> Option<Duration> {
        let seen = self.seen.lock().unwrap();
        let fit = seen.iter().filter(|one| one.what == what && one.sent >= after && one.end == End::Status(status));
        fit.map(|one| one.done - after).min()
    }

    /// Number of requests by kind and end.
    pub(crate) fn ends(&self) -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        for seen in self.seen.lock().unwrap().iter() {
            *ends.entry(format!("{:?} {:?}", seen.what, seen.end)).or_default() += 1;
        }
        ends
    }

    pub(crate) fn ended(&self, end: End) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.end == end).count()
    }

    /// The number of broken promises, and some of their texts.
    pub(crate) fn all_broken(&self) -> (usize, Vec<String>) {
        let broken = self.broken.lock().unwrap();
        (broken.len(), broken.iter().take(TEXTS).cloned().collect())
    }
}

/// The promise that this response alone breaks, if any.
fn broken(what: What, answer: &Answer) -> Option<String> {
    let status = answer.status;
    match status {
        429 | 503 if !answer.retry_after => Some(format!("{what:?} {status} without Retry-After")),
        // Readiness has its own format for a 503.
        503 if what == What::Ready => None,
        429 | 503 if !answer.problem => Some(format!("{what:?} {status} without a problem: {}", answer.json())),
        // A request with the same key is in progress.
        409 if what == What::Submit && answer.retry_after => None,
        200 | 201 | 429 | 503 => None,
        _ => Some(format!("{what:?} is answered with {status}: {}", answer.json())),
    }
}
