//! Requests as bytes, assembled from prepared parts.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use sarcoscreen::app::demo::cohort;
use sarcoscreen::rules::Releases;

use crate::generator::Source;

/// Number of existing subjects of each clinic.
pub(crate) const KNOWN_PEOPLE: u64 = 2_000;
/// Number of submissions in 1,000 that belong to existing subjects.
pub(crate) const OF_KNOWN_PEOPLE: u64 = 100;

/// Submissions of a synthetic cohort to several clinics, each with its own idempotency key and a reference. A share of them
/// belongs to existing subjects of the clinic.
pub(crate) struct Submissions {
    /// The request up to the idempotency key, for each clinic.
    heads: Vec<Vec<u8>>,
    /// The rest of the request up to the number of the reference, for each person of the cohort.
    bodies: Vec<Vec<u8>>,
    dice: Dice,
    /// The number of the first new reference.
    first: u64,
    number: Cell<u64>,
    /// The number of remaining requests; `None` if unlimited.
    left: Cell<Option<u64>>,
    /// Whether the requests create the existing subjects, one after the other.
    introducing: Cell<bool>,
}

impl Submissions {
    /// Creates the source for clinics, given by their keys.
    pub(crate) fn new(keys: &[String]) -> Self {
        Self::with(keys, "", 0)
    }

    /// Creates a source with further headers. Sources of different series share no idempotency key and no new reference.
    pub(crate) fn with(keys: &[String], headers: &str, series: u64) -> Self {
        let head = |key: &String| format!("{}{headers}idempotency-key: ", post(key, "/v1/submissions"));
        let body = |answers: &String| {
            let body = format!(r#"{{"answers":{answers},"subject":{{"reference":"MRN-"#);
            // The number of the reference and the closing brackets of the objects.
            let length = body.len() + 12 + 3;
            format!("\r\ncontent-length: {length}\r\n\r\n{body}")
        };
        Self {
            heads: keys.iter().map(|key| head(key).into_bytes()).collect(),
            bodies: cohort_answers().iter().map(|answers| body(answers).into_bytes()).collect(),
            dice: Dice::new(1 + series),
            first: KNOWN_PEOPLE + series * 1_000_000_000,
            number: Cell::new(0),
            left: Cell::new(None),
            introducing: Cell::new(false),
        }
    }

    /// The number of people in the cohort.
    pub(crate) const fn people(&self) -> usize {
        self.bodies.len()
    }

    /// The next requests are one for each person of the cohort, at the first clinic.
    pub(crate) fn each_once(&self) {
        self.number.set(0);
        self.left.set(Some(self.bodies.len() as u64));
        self.introducing.set(true);
    }

    /// The next requests create the existing subjects of the clinics.
    pub(crate) fn introduce(&self) {
        self.number.set(0);
        self.left.set(Some(KNOWN_PEOPLE * self.heads.len() as u64));
        self.introducing.set(true);
    }

    /// The next requests are the measured ones, without end.
    pub(crate) fn endless(&self) {
        self.number.set(self.first);
        self.left.set(None);
        self.introducing.set(false);
    }
}

impl Submissions {
    /// A batch of `count` submissions, with the index of its clinic.
    pub(crate) fn batch(&self, count: usize) -> (usize, Vec<u8>) {
        let mut body = b"{\"items\":[".to_vec();
        let mut clinic = 0;
        for index in 0..count {
            body.extend_from_slice(if index == 0 { b"{\"idempotency_key\":\"" } else { b",{\"idempotency_key\":\"" });
            let (of, person, reference) = self.choose();
            clinic = of;
            self.dice.key(&mut body);
            body.extend_from_slice(b"\",\"submission\":");
            let submission = &self.bodies[person as usize];
            let start = submission.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            body.extend_from_slice(&submission[start..]);
            digits(&mut body, reference);
            body.extend_from_slice(b"\"}}}");
        }
        body.extend_from_slice(b"]}");
        (clinic as usize, body)
    }

    /// The clinic, the person and the number of the reference of the next submission.
    fn choose(&self) -> (u64, u64, u64) {
        let number = self.number.get();
        self.number.set(number + 1);
        let people = self.bodies.len() as u64;
        if self.introducing.get() {
            (number / KNOWN_PEOPLE, number % people, number % KNOWN_PEOPLE)
        } else {
            let known = self.dice.below(1_000) < OF_KNOWN_PEOPLE;
            let reference = if known { self.dice.below(KNOWN_PEOPLE) } else { number };
            (number % self.heads.len() as u64, self.dice.below(people), reference)
        }
    }
}

impl Source for Submissions {
    fn next(&self, request: &mut Vec<u8>) -> bool {
        match self.left.get() {
            Some(0) => return false,
            Some(left) => self.left.set(Some(left - 1)),
            None => {}
        }
        let (clinic, person, reference) = self.choose();
        request.extend_from_slice(&self.heads[clinic as usize]);
        self.dice.key(request);
        request.extend_from_slice(&self.bodies[person as usize]);
        digits(request, reference);
        request.extend_from_slice(b"\"}}");
        true
    }
}

/// The same request again and again.
pub(crate) struct Repeated(pub(crate) Vec<u8>);

impl Repeated {
    /// A GET request for a path.
    pub(crate) fn get(key: &str, path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes())
    }

    /// A POST request with a body to a path.
    pub(crate) fn post(key: &str, path: &str, body: &str) -> Self {
        Self(format!("{}content-length: {}\r\n\r\n{body}", post(key, path), body.len()).into_bytes())
    }

    /// A submission with an idempotency key.
    pub(crate) fn submission(key: &str, idempotency_key: &str, body: &str) -> Self {
        let (head, length) = (post(key, "/v1/submissions"), body.len());
        Self(format!("{head}idempotency-key: {idempotency_key}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes())
    }
}

impl Source for Repeated {
    fn next(&self, request: &mut Vec<u8>) -> bool {
        request.extend_from_slice(&self.0);
        true
    }
}

/// The answers of the cohort, as JSON.
pub(crate) fn cohort_answers() -> Vec<String> {
    let releases = Releases::load().unwrap();
    let people = cohort(&releases.current().table.asked);
    people.iter().map(|answers| serde_json::to_string(answers).unwrap()).collect()
}

/// The start of a POST request, up to the last headers.
fn post(key: &str, path: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench.example\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n"
    )
}

/// Requests in turn.
pub(crate) struct Varied {
    requests: Vec<Vec<u8>>,
    next: Cell<usize>,
}

impl Varied {
    pub(crate) fn new(requests: impl Iterator<Item = Vec<u8>>) -> Self {
        Self { requests: requests.collect(), next: Cell::new(0) }
    }
}

impl Source for Varied {
    fn next(&self, request: &mut Vec<u8>) -> bool {
        let index = self.next.get();
        self.next.set((index + 1) % self.requests.len());
        request.extend_from_slice(&self.requests[index]);
        true
    }
}

fn digits(text: &mut Vec<u8>, mut number: u64) {
    let start = text.len();
    text.extend_from_slice(b"000000000000");
    for place in text[start..].iter_mut().rev() {
        *place += (number % 10) as u8;
        number /= 10;
    }
}

/// A repeatable number generator (splitmix64).
struct Dice {
    state: Cell<u64>,
    text: RefCell<String>,
}

impl Dice {
    const fn new(seed: u64) -> Self {
        Self { state: Cell::new(seed), text: RefCell::new(String::new()) }
    }

    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// An idempotency key of 36 characters, as long as a UUID.
    fn key(&self, request: &mut Vec<u8>) {
        let mut text = self.text.borrow_mut();
        text.clear();
        write!(text, "{:016x}-{:016x}-r1", self.next(), self.next()).unwrap();
        request.extend_from_slice(text.as_bytes());
    }
}
