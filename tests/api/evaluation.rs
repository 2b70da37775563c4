//! Rule tables are evaluated on the outcomes that a clinic recorded. Only counts are printed, and too few are refused.

use serde_json::{Value, json};

use crate::follow_ups::act;
use crate::rule_tables::Terminal;
use crate::world::{Clinic, World, fit, frail};

const EVALUATE: [&str; 8] = ["rules", "evaluate", "2026.3", "2026.2", "--clinic", "One", "--replicates", "200"];

/// Submits answers of a subject, and then a measured grip strength.
async fn measured(clinic: &Clinic, reference: &str, answers: &Value, grip: Option<f64>) {
    let submit = async |answers: Value| {
        let body = json!({"answers": answers, "subject": {"reference": reference}});
        clinic.intake.submit(&body).await.expect(201)
    };
    submit(answers.clone()).await;
    if let Some(grip) = grip {
        let mut later = answers.clone();
        later["grip_strength_kg"] = json!(grip);
        submit(later).await;
    }
}

fn of_sex(mut answers: Value, sex: &str) -> Value {
    answers["sex"] = json!(sex);
    answers
}

#[tokio::test]
async fn a_clinic_is_evaluated_from_50_outcomes_on_and_no_person_is_printed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let other = world.clinic("Two").await;
    let (weak, strong) = (of_sex(frail(), "female"), of_sex(fit(), "female"));
    for person in 0..24 {
        measured(&clinic, &format!("W-{person}"), &weak, Some(15.9)).await;
        measured(&clinic, &format!("S-{person}"), &strong, Some(16.0)).await;
    }
    measured(&clinic, "S-24", &strong, Some(30.0)).await;
    // Without an outcome: never measured, or measured only in the first submission.
    measured(&clinic, "N-1", &strong, None).await;
    let mut first = weak.clone();
    first["grip_strength_kg"] = json!(10.0);
    measured(&clinic, "N-2", &first, None).await;
    measured(&other, "W-99", &weak, Some(9.0)).await;

    let terminal = Terminal::at(&world);
    let grip = [&EVALUATE[..], &["--outcome", "grip"]].concat();
    let refused = terminal.run(&grip);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("49 subjects have this outcome recorded") && said.contains("needs 50"), "{said}");
    assert!(refused.stdout.is_empty());

    measured(&clinic, "W-24", &weak, Some(8.0)).await;
    let (found, code) = terminal.json(&[&grip[..], &["--json"]].concat());
    assert_eq!(code, Some(0), "{found}");
    assert_eq!((&found["rows"], &found["measured"], &found["never_measured"]), (&json!(52), &json!(50), &json!(2)));
    assert_eq!(found["rule_tables"], json!(["2026.3", "2026.2"]));
    let outcome = &found["outcomes"][0];
    assert_eq!((&outcome["people"], &outcome["cases"]), (&json!(50), &json!(25)));
    // Every weak person is frail and every strong one fit, so the total separates them.
    let total = outcome["predictors"].as_array().unwrap().iter().find(|one| one["predictor"] == "total").unwrap();
    assert_eq!((&total["rule_table"], &total["area"]["value"]), (&json!("2026.3"), &json!(1.0)));
    let band = |band: &str| {
        let rows = found["by_band"].as_array().unwrap();
        let row = rows.iter().find(|row| row["rule_table"] == "2026.3" && row["band"] == band).unwrap();
        [row["measured"].as_u64().unwrap(), row["never_measured"].as_u64().unwrap()]
    };
    assert_eq!([band("low"), band("moderate"), band("high")], [[25, 1], [0, 0], [25, 1]]);

    let said = terminal.said(&grip);
    assert!(said.contains("Verification bias") && said.contains("2 do not"), "{said}");
    for hidden in ["W-1", "S-1", "N-1", "N-2"] {
        assert!(!said.contains(hidden), "{hidden} is in\n{said}");
    }
    let gait = terminal.run(&[&EVALUATE[..], &["--outcome", "gait"]].concat());
    assert!(String::from_utf8(gait.stderr).unwrap().contains("0 subjects have this outcome"));
}

#[tokio::test]
async fn a_diagnosis_is_read_from_the_follow_up_and_an_unknown_outcome_is_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for person in 0..50 {
        let body = json!({"answers": of_sex(frail(), "male"), "subject": {"reference": format!("D-{person}")}});
        let receipt = clinic.intake.submit(&body).await.expect(201);
        let path = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
        act(&clinic.staff, &path, "claim", 1, &json!({})).await.expect(200);
        let diagnosis = ["none", "possible", "probable", "confirmed"][person % 4];
        let attended = json!({"outcome": "attended", "diagnosis": diagnosis});
        act(&clinic.staff, &path, "close", 2, &attended).await.expect(200);
    }
    let terminal = Terminal::at(&world);
    let (found, _) = terminal.json(&[&EVALUATE[..], &["--outcome", "diagnosis", "--json"]].concat());
    // Of 50 people 0 to 49, those of rest 2 are 12 and those of rest 3 are 12.
    assert_eq!((&found["outcomes"][0]["people"], &found["outcomes"][0]["cases"]), (&json!(50), &json!(24)));
    for (outcome, says) in [("weakness", "grip, gait, diagnosis"), ("grip", "0 subjects")] {
        let refused = terminal.run(&[&EVALUATE[..], &["--outcome", outcome]].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8(refused.stderr).unwrap().contains(says), "{outcome}");
    }
}

#[tokio::test]
async fn a_corrected_first_submission_keeps_its_time_and_tests_are_not_read() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (weak, strong) = (of_sex(frail(), "female"), of_sex(fit(), "female"));
    let mut examined = strong.clone();
    examined["grip_strength_kg"] = json!(15.9);
    let mut retested = strong.clone();
    retested["grip_strength_kg"] = json!(40.0);
    for person in 0..50 {
        let of = |answers: &Value| json!({"answers": answers, "subject": {"reference": format!("C-{person}")}});
        let submit = async |body: Value| clinic.intake.submit(&body).await.expect(201);
        let test = |answers: &Value| {
            let mut body = of(answers);
            body["test"] = json!(true);
            body
        };
        // The test before is not the first submission, and the test after is not the measurement.
        submit(test(&weak)).await;
        let first = submit(of(&strong)).await;
        submit(test(&retested)).await;
        submit(of(&examined)).await;
        // The correction comes after the measurement. Its answers count with the time of the corrected ones.
        let mut corrected = of(&weak);
        corrected["supersedes"] = first["id"].clone();
        submit(corrected).await;
    }
    let terminal = Terminal::at(&world);
    let (found, _) = terminal.json(&[&EVALUATE[..], &["--outcome", "grip", "--json"]].concat());
    assert_eq!((&found["rows"], &found["measured"], &found["never_measured"]), (&json!(50), &json!(50), &json!(0)));
    let outcome = &found["outcomes"][0];
    assert_eq!((&outcome["people"], &outcome["cases"]), (&json!(50), &json!(50)));
    let bands = found["by_band"].as_array().unwrap().iter().filter(|row| row["rule_table"] == "2026.3");
    let measured: Vec<_> =
        bands.map(|row| (row["band"].as_str().unwrap(), row["measured"].as_u64().unwrap())).collect();
    assert_eq!(measured, [("low", 0), ("moderate", 0), ("high", 50)]);
    // Without a person who is not weak there is no area.
    assert_eq!(outcome["predictors"][0]["area"], json!({"value": null, "low": null, "high": null}));
}
