//! The startup message: the addresses of the service, and commands to paste.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::demo::{self, Demo};

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

/// The startup message; with the metrics address if metrics are enabled, and with what to try if there is a demo clinic.
pub(super) fn text(listening: SocketAddr, metrics: Option<SocketAddr>, demo: Option<(&Path, &Demo)>) -> String {
    let url = format!("http://{}", reachable(listening));
    let mut text = format!(
        "sarcoscreen is listening on {listening}\n  staff          {url}/staff\n  rules          {url}/rules\n  \
         documentation  {url}/docs\n  OpenAPI        {url}/openapi.json\n  readiness      {url}/health/ready\n"
    );
    if let Some(metrics) = metrics {
        let _ = writeln!(text, "  metrics        http://{}/metrics", reachable(metrics));
    }
    if let Some((data_dir, demo)) = demo {
        let _ = writeln!(text, "  demo keys      {}", demo::path(data_dir).display());
        text.push_str(&pages(&url, demo));
        text.push_str(&commands(&url, demo));
    }
    text.push_str("\nCtrl-C stops it.\n");
    text
}

/// What to try in a browser.
fn pages(url: &str, Demo { credentials, form }: &Demo) -> String {
    let mut text = String::new();
    if let Some(slug) = form {
        let _ = write!(text, "\nIn a browser, fill in the screening form and send it:\n\n  {url}/s/{slug}\n");
    }
    let _ = write!(
        text,
        "\nSign in to the pages of staff with the key `staff` of the demo keys, and take the next case:\n\n  \
         {url}/staff\n  {staff}\n\nRead the rules:\n\n  {url}/rules\n",
        staff = credentials.staff,
    );
    text
}

/// What to try with curl.
fn commands(url: &str, Demo { credentials, .. }: &Demo) -> String {
    format!(
        "\nScreen a person with curl, as a front end would:\n\
         \n  curl -sS {url}/v1/submissions -H 'Authorization: Bearer {browser}' \\\n    \
         -H 'Content-Type: application/json' \\\n    -d '{ANSWERS}'\n\
         \nSee whom to call first, as a staff tool would:\n\
         \n  curl -sS {url}/v1/follow-ups -H 'Authorization: Bearer {staff}'\n",
        browser = credentials.browser,
        staff = credentials.staff,
    )
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::Path;

    use serde_json::Value;

    use super::{ANSWERS, text};
    use crate::domain::screening::answers::{Answers, RawAnswers};
    use crate::rules::Releases;
    use crate::server::demo::{Demo, DemoCredentials};

    #[test]
    fn the_printed_person_can_be_submitted() {
        let body: Value = serde_json::from_str(ANSWERS).unwrap();
        let text = body["answers"].to_string();
        let (answers, faults) = Answers::parse(&serde_json::from_str::<RawAnswers<'_>>(&text).unwrap());
        assert_eq!((faults, answers.missing().count()), (Vec::new(), 0));
        assert_eq!(Releases::load().unwrap().current().table.not_asked(&answers), []);
    }

    #[test]
    fn the_pages_are_named_with_the_form_only_while_it_is_open() {
        let key = |role: &str| format!("key of {role}");
        let credentials = DemoCredentials {
            clinic: String::new(),
            browser: key("browser"),
            intake: key("intake"),
            staff: key("staff"),
            admin: key("admin"),
        };
        let listening: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        let said = |form: Option<&str>| {
            let demo = Demo { credentials: credentials.clone(), form: form.map(str::to_owned) };
            text(listening, None, Some((Path::new("/data"), &demo)))
        };
        let open = said(Some("demo"));
        let address = |path: &str| format!("  http://127.0.0.1:8080{path}\n");
        for part in [&*address("/s/demo"), &*address("/staff"), &*address("/rules"), "key of staff", "/data/"] {
            assert!(open.contains(part), "{part} is not in\n{open}");
        }
        let closed = said(None);
        assert!(!closed.contains("/s/") && closed.contains(&address("/staff")), "{closed}");
        let bare = text(listening, None, None);
        assert!(bare.contains(&address("/staff")) && !bare.contains("key of"), "{bare}");
    }
}
