//! The startup message: the addresses of the service, and commands to paste.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::demo::{self, DemoCredentials};

/// The example person of the README: 82 years old, inactive, four falls, cannot climb stairs, takes corticosteroids.
const ANSWERS: &str = r#"{"answers": {"age": 82, "activity": "inactive", "falls_past_year": 4,
       "stair_difficulty": "a_lot_or_unable", "medications": ["systemic_corticosteroid_3_weeks"]}}"#;

/// A listener's address as this machine can reach it.
pub fn reachable(mut listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() {
        let local = if listening.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        listening.set_ip(local);
    }
    listening
}

/// The startup message; with the metrics address if metrics are enabled, and with commands if there is a demo clinic.
pub(super) fn text(
    listening: SocketAddr,
    metrics: Option<SocketAddr>,
    demo: Option<(&Path, &DemoCredentials)>,
) -> String {
    let url = format!("http://{}", reachable(listening));
    let mut text = format!(
        "sarcoscreen is listening on {listening}\n  documentation  {url}/docs\n  OpenAPI        {url}/openapi.json\n  \
         readiness      {url}/health/ready\n"
    );
    if let Some(metrics) = metrics {
        let _ = writeln!(text, "  metrics        http://{}/metrics", reachable(metrics));
    }
    if let Some((data_dir, keys)) = demo {
        let _ = write!(
            text,
            "  demo keys      {file}\n\
             \n\
             Screen a person, as a front end would:\n\
             \n  curl -sS {url}/v1/submissions -H 'Authorization: Bearer {browser}' \\\n    \
             -H 'Content-Type: application/json' \\\n    -d '{ANSWERS}'\n\
             \n\
             See whom to call first, as staff would:\n\
             \n  curl -sS {url}/v1/follow-ups -H 'Authorization: Bearer {staff}'\n",
            file = demo::path(data_dir).display(),
            browser = keys.browser,
            staff = keys.staff,
        );
    }
    text.push_str("\nCtrl-C stops it.\n");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::ANSWERS;
    use crate::domain::screening::answers::{Answers, RawAnswers};
    use crate::rules::Releases;

    #[test]
    fn the_printed_person_can_be_submitted() {
        let body: Value = serde_json::from_str(ANSWERS).unwrap();
        let text = body["answers"].to_string();
        let (answers, faults) = Answers::parse(&serde_json::from_str::<RawAnswers<'_>>(&text).unwrap());
        assert_eq!((faults, answers.missing().count()), (Vec::new(), 0));
        assert_eq!(Releases::load().unwrap().current().table.not_asked(&answers), []);
    }
}
