//! Settings of a clinic: suspended and resumed within seconds, responses in its languages, and audited.

use std::time::{Duration, Instant};

use sarcoscreen::app::clinics::{change, list};
use sarcoscreen::domain::clinics::{Clinic, DueHours};
use sarcoscreen::domain::language::Language;
use serde_json::json;

use crate::world::{User, World, fit};

async fn waits_for(user: &User, status: u16) {
    let changed = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    loop {
        pace.tick().await;
        // The limit of five seconds applies to the time of the request, not of its response.
        let sent = changed.elapsed();
        if user.get("/v1/follow-ups").await.status == status {
            return;
        }
        assert!(sent < Duration::from_secs(5), "not {status} for a request that was sent after {sent:?}");
    }
}

async fn only(world: &World) -> Clinic {
    list(&world.app).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_suspended_clinic_refuses_all_requests_within_five_seconds_and_loses_no_data() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let stored = clinic.intake.submit(&json!({"answers": fit()})).await.header("location").to_owned();
    waits_for(&clinic.staff, 200).await;
    change(&world.app, &Clinic { suspended: true, ..only(&world).await }).await.unwrap();
    waits_for(&clinic.staff, 403).await;
    for user in [&clinic.browser, &clinic.intake, &clinic.staff, &clinic.admin] {
        let refused = user.submit(&json!({"answers": fit()})).await;
        assert_eq!(refused.expect(403)["type"], "/docs/problems#clinic_suspended");
    }
    change(&world.app, &Clinic { suspended: false, ..only(&world).await }).await.unwrap();
    waits_for(&clinic.staff, 200).await;
    clinic.staff.get(&stored).await.expect(200);
    assert_eq!(world.count("select count(*) from submissions").await, 1);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'clinic_changed'").await, 2);
}

#[tokio::test]
async fn responses_use_the_languages_of_the_clinic() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let one = Clinic { language: Language::Es, languages: vec![Language::Es], ..only(&world).await };
    change(&world.app, &one).await.unwrap();
    for accepted in ["en", "en, es;q=0.1", "de", "es-MX"] {
        let request = clinic.browser.request("POST", "/v1/scores").header("accept-language", accepted);
        let answer = clinic.browser.send(request.json(&json!({"answers": fit()}))).await;
        assert_eq!(answer.header("content-language"), "es", "{accepted}");
    }
    // The questionnaire does not depend on a clinic.
    let request = clinic.browser.request("GET", "/v1/questionnaire").header("accept-language", "en");
    assert_eq!(clinic.browser.send(request).await.header("content-language"), "en");
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused_and_change_nothing() {
    let world = World::new().await;
    world.clinic("One").await;
    let before = only(&world).await;
    let wrong = [
        Clinic { languages: vec![Language::Es], ..before.clone() },
        Clinic { due: DueHours { today: 48, this_week: 24, routine: 720 }, ..before.clone() },
        Clinic { due: DueHours { today: 0, ..DueHours::SUGGESTED }, ..before.clone() },
        Clinic { retention_days: Some(0), ..before.clone() },
        Clinic { booking_url: "http://clinic.example".to_owned(), ..before.clone() },
    ];
    for clinic in wrong {
        change(&world.app, &clinic).await.unwrap_err();
    }
    assert_eq!(only(&world).await, before);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'clinic_changed'").await, 0);
    let right = Clinic { due: DueHours { today: 4, this_week: 72, routine: 300 }, retention_days: Some(365), ..before };
    change(&world.app, &right).await.unwrap();
    assert_eq!(only(&world).await, right);
}
