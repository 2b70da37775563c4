//! The main function: a submission is scored and stored with the sources of its assessment, and staff get a follow-up.

use serde_json::{Value, json};

use crate::world::{World, fit, frail};

#[tokio::test]
async fn a_frail_person_is_flagged_and_listed_first_by_urgency_and_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    // An earlier follow-up of lower urgency, and a later one of equal urgency, are listed after it.
    let positive = json!({"age": 62, "activity": "moderate", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
        "medications": []});
    let routine = clinic.browser.submit(&json!({"answers": positive})).await.expect(201);
    assert_eq!(routine["follow_up"]["urgency"], "routine");
    let receipt = clinic.browser.submit(&json!({"answers": frail()})).await;
    let later = clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let location = receipt.header("location").to_owned();
    let receipt = receipt.expect(201);
    let assessment = &receipt["assessment"];
    assert_eq!(assessment["score"], json!({"total": 17, "lower": 17, "upper": 43, "max": 44, "validated": false}));
    assert_eq!(assessment["band"], "high");
    assert_eq!(receipt["assessment"]["flagged"], true);
    assert_eq!(receipt["origin"], "self_reported");
    let reasons = json!([{"kind": "band", "id": "high"}, {"kind": "instrument", "id": "sarc_f"},
        {"kind": "red_flag", "id": "steroid_with_weakness"}]);
    assert_eq!(assessment["flag_reasons"], reasons);
    let sarc_f = &assessment["instruments"][0];
    assert_eq!((&sarc_f["outcome"], &sarc_f["lower"]), (&json!("positive"), &json!(4)));
    assert_eq!(
        (&sarc_f["accuracy"]["sensitivity"]["percent"], &sarc_f["accuracy"]["source_id"]),
        (&json!(21.0), &json!("sarc_f_meta_2018"))
    );
    let findings = assessment["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 5);
    for finding in findings {
        assert!(!finding["reason"].as_str().unwrap().is_empty(), "{finding}");
        assert!(!finding["observed"].as_object().unwrap().is_empty(), "{finding}");
    }
    assert_eq!(assessment["consultation"]["offered"], true);
    assert_eq!(assessment["care_level"], "consultation");

    let worklist = clinic.staff.get("/v1/follow-ups").await.expect(200);
    let order: Vec<&Value> = worklist["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    let wanted = [&receipt, &later, &routine].map(|receipt| &receipt["follow_up"]["id"]);
    assert_eq!(order, wanted);
    let worklist = clinic.staff.get("/v1/follow-ups?urgency=this_week").await.expect(200);
    assert_eq!(worklist["items"][0]["id"], receipt["follow_up"]["id"]);
    let follow_up = clinic.staff.get(&format!("/v1/follow-ups/{}", id(&receipt["follow_up"]["id"]))).await.expect(200);
    assert_eq!(follow_up["submissions"][0]["id"], receipt["id"]);
    assert_eq!(follow_up["urgency"], "this_week");

    let stored = clinic.staff.get(&location).await.expect(200);
    assert_eq!(stored["assessment"], receipt["assessment"]);
    assert_eq!(stored["answers"], frail());
    clinic.browser.get(&location).await.expect(403);
    clinic.intake.get(&location).await.expect(404);
}

#[tokio::test]
async fn a_fit_person_is_not_flagged_and_sarc_f_does_not_apply() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": fit()})).await.expect(201);
    assert_eq!(receipt["assessment"]["flagged"], false);
    assert_eq!(receipt["follow_up"], Value::Null);
    assert_eq!(receipt["assessment"]["band"], "low");
    assert_eq!(receipt["assessment"]["instruments"][0]["outcome"], "not_applicable");
    assert_eq!(receipt["assessment"]["care_level"], "self_care");
    assert_eq!(receipt["assessment"]["consultation"]["offered"], false);
    assert_eq!(world.count("select count(*) from follow_ups").await, 0);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'submission_created'").await, 1);
}

#[tokio::test]
async fn five_faults_give_five_pointers_at_once() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"answers": {
        "age": 17, "stair_difficulty": "some", "falls_past_year": 1.5, "activity": "lazy",
        "medications": ["statin", "none_of_these"], "smokes": true,
    }});
    let answer = clinic.browser.submit(&body).await;
    let mut pointers = answer.pointers();
    pointers.sort();
    let wanted =
        ["/answers/activity", "/answers/age", "/answers/falls_past_year", "/answers/medications", "/answers/smokes"];
    assert_eq!(pointers, wanted);
    answer.expect(422);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn faults_of_all_parts_of_a_body_are_reported_together() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({
        "answers": {"age": 70, "smoker": "yes"},
        "subject": {"reference": 7, "nickname": "x", "contact": {"email": 7, "channel": ["pigeon"]}, "consent": {}},
        "answered_at": "2026-01-01T10:00:00", "source": {"system": "a"}, "pathway": "other", "extra": 1,
    });
    let answer = clinic.intake.submit(&body).await;
    let mut pointers = answer.pointers();
    pointers.sort();
    assert_eq!(
        pointers,
        [
            "/answered_at",
            "/answers/activity",
            "/answers/falls_past_year",
            "/answers/medications",
            "/answers/smoker",
            "/answers/stair_difficulty",
            "/extra",
            "/pathway",
            "/source/id",
            "/subject/consent/given_at",
            "/subject/consent/text_version",
            "/subject/consent/to_contact",
            "/subject/contact/channel",
            "/subject/contact/email",
            "/subject/nickname",
            "/subject/reference",
        ]
    );
    answer.expect(422);
}

#[tokio::test]
async fn dark_urine_with_muscle_pain_is_reported_even_when_the_body_is_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let answers = json!({"age": 70, "dark_urine": true, "muscle_pain": true});
    let refused = clinic.browser.submit(&json!({"answers": answers})).await.expect(422);
    assert_eq!(refused["red_flags"][0]["id"], "dark_urine_with_muscle_trouble");
    assert_eq!(refused["care_level"], "emergency");
    assert!(refused["care_text"].as_str().unwrap().contains("112"));
    let scored = clinic.browser.post("/v1/scores", &json!({"answers": answers})).await.expect(200);
    assert_eq!(scored["care_level"], "emergency");
    assert_eq!(scored["consultation"]["offered"], false);
    let faulty = json!({"answers": {"age": 700, "dark_urine": true, "muscle_pain": true}});
    assert_eq!(clinic.browser.post("/v1/scores", &faulty).await.expect(422)["care_level"], "emergency");
    // The answers have no fault, but the submission to correct does not exist.
    let mut answers = fit();
    (answers["dark_urine"], answers["muscle_pain"]) = (json!(true), json!(true));
    let correction = json!({"answers": answers, "supersedes": "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071"});
    for user in [&clinic.intake, &clinic.staff] {
        assert_eq!(user.submit(&correction).await.expect(422)["care_level"], "emergency");
    }
}

#[tokio::test]
async fn an_alarm_item_of_an_earlier_form_is_refused_with_its_care_level_and_text() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (item, level) in [
        ("new_breathing_trouble", "emergency_ambulance"),
        ("new_face_droop_or_double_vision", "emergency_ambulance"),
        ("head_injury_or_confusion_after_fall", "emergency_ambulance"),
        ("weakness_worsening_over_days", "emergency"),
        ("new_bladder_or_bowel_loss_or_saddle_numbness", "emergency"),
        ("could_not_get_up_after_fall", "emergency"),
    ] {
        let mut answers = fit();
        answers[item] = json!(true);
        let body = json!({"answers": answers});
        for refused in [clinic.browser.submit(&body).await, clinic.browser.post("/v1/scores", &body).await] {
            let refused = refused.expect(422);
            assert_eq!(refused["errors"][0]["code"], "not_asked", "{refused}");
            assert_eq!(refused["care_level"], level, "{item}: {refused}");
            assert!(refused["care_text"].as_str().unwrap().contains("112"), "{refused}");
            assert_eq!(refused["red_flags"].as_array().unwrap().len(), 1, "{refused}");
            assert_ne!(refused["red_flags"][0]["reason"], "", "{refused}");
        }
        // An alarm item of the current form is not hidden by one that the form no longer has.
        answers["new_one_sided_weakness"] = json!(true);
        let refused = clinic.browser.submit(&json!({"answers": answers})).await.expect(422);
        assert_eq!(refused["care_level"], "emergency_ambulance", "{refused}");
        assert_eq!(refused["red_flags"].as_array().unwrap().len(), 2, "{refused}");
    }
    // Only the current table scores the items that it has: there, palpitations with weakness are not an emergency.
    let mut answers = fit();
    answers.as_object_mut().unwrap().extend(
        json!({"age": 82, "weakness": true, "palpitations": true, "medication_count": 2}).as_object().unwrap().clone(),
    );
    let refused = clinic.browser.submit(&json!({"answers": answers})).await.expect(422);
    assert_eq!(refused["care_level"], "consultation_24h", "{refused}");
    // Without an alarm, the refusal has no care level and no red flags.
    let mut answers = fit();
    answers["new_breathing_trouble"] = json!(false);
    let refused = clinic.browser.submit(&json!({"answers": answers})).await.expect(422);
    assert_eq!((&refused["care_level"], &refused["red_flags"]), (&Value::Null, &json!([])), "{refused}");
}

#[tokio::test]
async fn no_self_care_is_advised_while_an_alarm_is_partly_met() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let with = |more: Value| {
        let mut answers = fit();
        answers.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"answers": answers})
    };
    assert_eq!(clinic.browser.post("/v1/scores", &with(json!({}))).await.expect(200)["care_level"], "self_care");
    let half = json!({"weight_loss_6_months_kg": 10, "weight_loss_past_year_kg": 10, "weight_loss_unintended": null});
    let scored = clinic.browser.post("/v1/scores", &with(half)).await.expect(200);
    assert_eq!(scored["care_level"], Value::Null);
    let text = scored["consultation"]["text"].as_str().unwrap();
    assert!(text.contains("without trying"), "{text}");
    assert!(!text.contains("alarm"), "{text}");
    // One decisive value is missing: the follow-up is routine, and the flag reason is the missing value.
    for (missing, item) in [
        (json!({"creatine_kinase_u_l": 300}), "creatine_kinase_upper_limit_u_l"),
        (json!({"myoglobin_ug_l": 300}), "myoglobin_upper_limit_ug_l"),
        (
            json!({"weight_kg": null, "weight_loss_6_months_kg": 4, "weight_loss_past_year_kg": 4,
            "weight_loss_unintended": true}),
            "weight_kg",
        ),
        (json!({"sex": null, "grip_strength_kg": 20}), "sex"),
    ] {
        let stored = clinic.browser.submit(&with(missing)).await.expect(201);
        assert_eq!(stored["assessment"]["flag_reasons"], json!([{"kind": "value_missing", "id": item}]));
        assert_eq!(stored["follow_up"]["urgency"], "routine", "{item}");
        let assessment = &stored["assessment"];
        assert_eq!(assessment["care_level"], "consultation", "{item}");
        let text = assessment["consultation"]["text"].as_str().unwrap();
        assert!(text.contains("next days") && !text.contains("alarm"), "{item}: {text}");
    }
}

#[tokio::test]
async fn an_offered_appointment_does_not_suggest_that_an_open_alarm_can_wait() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let urgent = "Call 112 now if you have new trouble breathing";
    let text = async |answers: Value| {
        let scored = clinic.browser.post("/v1/scores", &json!({"answers": answers})).await.expect(200);
        (scored["care_level"].clone(), scored["consultation"].clone())
    };
    let (level, open) = text(json!({"age": 70, "dark_urine": true})).await;
    assert_eq!(level, "consultation_24h");
    assert!(open["text"].as_str().unwrap().contains(urgent), "{open}");
    // With one invalid answer, the text still says that the alarm is urgent.
    let refused = json!({"answers": {"dark_urine": true, "muscle_pain": "yes"}});
    let refused = clinic.browser.post("/v1/scores", &refused).await.expect(422);
    assert!(refused["care_text"].as_str().unwrap().contains(urgent), "{refused}");
    // An emergency has no offer of a consultation and no booking link.
    let (level, emergency) = text(json!({"age": 70, "dark_urine": true, "muscle_pain": true, "weakness": true})).await;
    assert_eq!(level, "emergency");
    assert_eq!((&emergency["offered"], &emergency["booking_url"]), (&json!(false), &Value::Null));
    let many: serde_json::Map<String, Value> = (0..200).map(|index| (format!("x{index}"), json!(1))).collect();
    let mut crowded = json!({"answers": {"dark_urine": true, "muscle_pain": true}});
    crowded.as_object_mut().unwrap().extend(many);
    assert_eq!(clinic.browser.submit(&crowded).await.expect(422)["care_level"], "emergency");
}

#[tokio::test]
async fn a_fault_never_repeats_what_was_sent() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for body in [
        json!({"answers": "x, expected CANARY"}),
        json!({"answers": {"age": "x, expected CANARY", "sex": "CANARY"}, "subject": "x, expected CANARY"}),
        json!({"answers": frail(), "subject": {"contact": {"channel": ["x, expected CANARY"], "email": {"a": "CANARY"}}}}),
        json!({"answers": frail(), "subject": {"consent": {"to_contact": "y expected CANARY"}}}),
    ] {
        let refused = clinic.intake.submit(&body).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(!refused.text.contains("CANARY"), "{}", refused.text);
    }
}

fn id(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_score_names_the_sources_of_instruments_and_the_next_screening() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let scored = clinic.browser.post("/v1/scores?view=full", &json!({"answers": fit()})).await.expect(200);
    assert_eq!((&scored["next_screen"]["days"], &scored["sources_language"]), (&json!(365), &json!("en")));
    let form = world.holder(None).get("/v1/questionnaire").await.expect(200);
    for place in [&scored, &form] {
        for instrument in place["instruments"].as_array().unwrap() {
            assert!(!instrument["sources"].as_array().unwrap().is_empty(), "{instrument}");
        }
        let sarc_f = place["instruments"].as_array().unwrap().iter().find(|one| one["id"] == "sarc_f").unwrap();
        assert!(sarc_f["explanation"].as_str().unwrap().contains("adapted from SARC-F"), "{sarc_f}");
        let dois: Vec<_> = sarc_f["sources"].as_array().unwrap().iter().map(|source| &source["doi"]).collect();
        assert!(dois.contains(&&json!("10.1016/j.jamda.2013.05.018")), "{dois:?}");
    }
    // An emergency has no date for the next screening.
    let mut answers = fit();
    answers["new_confusion"] = json!(true);
    let scored = clinic.browser.post("/v1/scores", &json!({"answers": answers})).await.expect(200);
    assert_eq!(scored["next_screen"], json!(null));
}
