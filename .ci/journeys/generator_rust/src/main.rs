//! Journeys with the Rust client of openapi-generator; .ci/clients builds and runs them: `journeys front_end`, `intake`, `staff`.

mod front_end;
mod intake;
mod staff;

use std::env;

use sarcoscreen_client::apis::Error;
use sarcoscreen_client::apis::configuration::Configuration;
use sarcoscreen_client::models;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn main() {
    let mut configuration = Configuration::new();
    configuration.base_path = setting("BASE");
    configuration.bearer_access_token = Some(setting("KEY"));
    match env::args().nth(1).as_deref() {
        Some("front_end") => front_end::run(&configuration),
        Some("intake") => intake::run(&configuration),
        Some("staff") => staff::run(&configuration),
        other => panic!("no journey {other:?}"),
    }
}

fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is missing"))
}

/// The name of the person of this run.
fn name() -> String {
    format!("Ada {}", setting("RUN"))
}

/// The reference of the person of this run.
fn reference() -> String {
    format!("CLIENT-{}", setting("RUN"))
}

/// The answers of a person who is flagged, of an age.
fn answers(age: u32) -> Value {
    json!({"age": age, "falls_past_year": 4, "activity": "inactive", "stair_difficulty": "a_lot_or_unable",
        "medications": ["none_of_these"]})
}

/// A model of the client, from its JSON.
fn model<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a model of the client")
}

/// The problem that a request is refused with.
fn refusal<T, E: std::fmt::Debug>(result: Result<T, Error<E>>) -> models::Problem {
    match result {
        Err(Error::ResponseError(response)) => serde_json::from_str(&response.content).expect("a problem"),
        Err(other) => panic!("failed: a refusal, not {other:?}"),
        Ok(_) => panic!("failed: the request must be refused"),
    }
}

/// Whether a problem names a field.
fn names(problem: &models::Problem, pointer: &str) -> bool {
    problem.errors.iter().any(|fault| fault.pointer == pointer)
}

fn must(what: &str, holds: bool) {
    assert!(holds, "failed: {what}");
    println!("ok: {what}");
}
