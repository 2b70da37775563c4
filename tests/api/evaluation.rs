//! Rule tables are evaluated on the outcomes that a clinic recorded. Only counts are printed, and too few are refused.

use std::process::Output;

use serde_json::{Value, json};

use crate::follow_ups::act;
use crate::rule_tables::Terminal;
use crate::world::{Clinic, World, fit, frail};

const EVALUATE: [&str; 8] = ["rules", "evaluate", "2026.3", "2026.2", "--clinic", "One", "--replicates", "200"];

/// The options of each form of the output.
const FORMS: [&[&str]; 3] = [&[], &["--json"], &["--markdown"]];

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

/// 100 frail and 100 fit people, first without and then with measurements, in two batches. Of the frail people 80 have a low
/// grip strength and 60 a slow gait, of the fit people 20 and 10.
async fn seed(clinic: &Clinic) {
    let item = |person: usize, measured: bool| {
        let (is_frail, place) = (person < 100, person % 100);
        let mut answers = of_sex(if is_frail { frail() } else { fit() }, "female");
        if measured {
            let (weak, slow) = if is_frail { (80, 60) } else { (20, 10) };
            answers["grip_strength_kg"] = json!(if place < weak { 15.9 } else { 16.0 });
            answers["gait_speed_m_s"] = json!(if place < slow { 0.8 } else { 0.81 });
        }
        let subject = json!({"reference": format!("SEED-{person}")});
        json!({"submission": {"answers": answers, "subject": subject}})
    };
    for measured in [false, true] {
        let items: Vec<Value> = (0..200).map(|person| item(person, measured)).collect();
        let results = clinic.intake.post("/v1/submissions/batch", &json!({"items": items})).await.expect(200);
        let results = results["items"].as_array().unwrap();
        assert!(results.iter().all(|result| result["status"] == 201), "{results:?}");
    }
}

#[tokio::test]
async fn a_known_relation_is_found_in_200_outcomes_and_no_row_of_a_person_is_printed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&clinic).await;
    let terminal = Terminal::at(&world);
    // The total has two values. Grip: 80 of 100 weak people are frail, 20 of 100 others. Gait: 60 of 70 slow, 40 of 130 others.
    let known_shares = [("grip", 0.8, 0.8, 100), ("gait", 60.0 / 70.0, 90.0 / 130.0, 70)];
    for (outcome, sensitivity, specificity, cases) in known_shares {
        let of_outcome = [&EVALUATE[..], &["--outcome", outcome]].concat();
        let (found, code) = terminal.json(&[&of_outcome[..], &["--json"]].concat());
        assert_eq!((code, &found["rows"], &found["measured"]), (Some(0), &json!(200), &json!(200)), "{found}");
        let figures = &found["outcomes"][0];
        assert_eq!((&figures["people"], &figures["cases"]), (&json!(200), &json!(cases)), "{outcome}");
        let total = figures["predictors"].as_array().unwrap().iter().find(|one| one["predictor"] == "total").unwrap();
        let high = &total["cut_offs"][1];
        // A person with the outcome is above one without if only the first is frail, and equal if both are or neither is.
        let equal = sensitivity * (1.0 - specificity) + (1.0 - sensitivity) * specificity;
        let known = [
            (&total["area"], sensitivity * specificity + equal / 2.0),
            (&high["sensitivity"], sensitivity),
            (&high["specificity"], specificity),
            (&high["positive_likelihood_ratio"], sensitivity / (1.0 - specificity)),
        ];
        for (found, known) in known {
            let [value, low, high] = ["value", "low", "high"].map(|name| found[name].as_f64().unwrap());
            assert!((value - known).abs() < 1e-9 && low < known && known < high, "{outcome} {known}: {found}");
        }
        let [low, high] = ["low", "high"].map(|name| total["area"][name].as_f64().unwrap());
        assert!(high - low < 0.16, "{outcome}: {low} to {high}");
        let printed = FORMS.map(|form| terminal.run(&[&of_outcome[..], form].concat()));
        no_person_is_in(&world, &printed).await;
    }
}

/// Neither a reference nor the id of a subject or of a submission is in what was printed.
async fn no_person_is_in(world: &World, printed: &[Output]) {
    let ids = "select subject_id::text from subjects union all select submission_id::text from submissions";
    let ids: Vec<String> = sqlx::query_scalar(ids).fetch_all(&mut world.connect().await).await.unwrap();
    assert_eq!(ids.len(), 600);
    for output in printed {
        assert!(output.status.success(), "{output:?}");
        let said = [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream)).concat();
        assert!(!said.contains("SEED-") && ids.iter().all(|id| !said.contains(id)), "{said}");
    }
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
