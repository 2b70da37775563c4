//! `$populate` from records in other units: the values of the form, their rounding, and what the issues say.

use serde_json::{Value, json};

use super::operations::{POPULATE, answers, parameters, part};
use crate::world::World;

const UCUM: &str = "http://unitsofmeasure.org";

/// A quantity with a UCUM code.
fn coded(value: f64, code: &str) -> Value {
    json!({"value": value, "unit": "as recorded", "system": UCUM, "code": code})
}

/// A quantity with the text of its unit only.
fn named(value: f64, unit: &str) -> Value {
    json!({"value": value, "unit": unit})
}

/// A value below a limit, which is not exact.
fn below(value: f64, code: &str) -> Value {
    json!({"comparator": "<", "value": value, "system": UCUM, "code": code})
}

fn observation(code: &str, quantity: &Value) -> Value {
    let system = if code.contains('-') { "http://loinc.org" } else { "urn:sarcoscreen:results" };
    json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-11-01",
        "code": {"coding": [{"system": "urn:another", "code": "x"}, {"system": system, "code": code}]},
        "valueQuantity": quantity})
}

/// The texts of the issues, joined.
fn issues(output: &Value) -> String {
    let listed = part(output, "issues")["issue"].as_array().cloned().unwrap_or_default();
    listed.iter().map(|issue| issue["diagnostics"].as_str().unwrap()).collect::<Vec<_>>().join("; ")
}

/// Records: code, quantity, the answer of the form (null for none), and a part of the issues (empty for none).
fn records() -> Vec<(&'static str, Value, Value, &'static str)> {
    let decimal = |value: f64| json!({"valueDecimal": value});
    let integer = |value: i32| json!({"valueInteger": value});
    vec![
        ("29463-7", coded(64.5, "kg"), decimal(64.5), ""),
        ("29463-7", coded(64.53, "kg"), decimal(64.5), "weight_kg is rounded: 64.53 kg became 64.5 kg"),
        ("29463-7", coded(150.0, "[lb_av]"), decimal(68.0), "weight_kg is converted: 150 [lb_av] became 68 kg"),
        ("29463-7", coded(2400.0, "[oz_av]"), decimal(68.0), "converted"),
        ("29463-7", coded(64_500.0, "g"), decimal(64.5), "converted: 64500 g became 64.5 kg"),
        ("29463-7", coded(10.5, "[stone_av]"), decimal(66.7), "converted"),
        ("29463-7", named(150.0, "lbs"), decimal(68.0), "converted: 150 [lb_av]"),
        ("29463-7", named(70.0, "kg"), decimal(70.0), ""),
        ("8302-2", coded(172.0, "cm"), decimal(172.0), ""),
        ("8302-2", coded(68.0, "[in_i]"), decimal(172.7), "height_cm is converted: 68 [in_i] became 172.7 cm"),
        ("8302-2", coded(1.72, "m"), decimal(172.0), "converted: 1.72 m became 172 cm"),
        ("8302-2", coded(1720.0, "mm"), decimal(172.0), "converted"),
        ("8302-2", coded(5.5, "[ft_i]"), decimal(167.6), "converted"),
        ("8302-2", named(68.0, "inches"), decimal(172.7), "converted"),
        ("calf_circumference_cm", coded(13.0, "[in_i]"), decimal(33.0), "converted"),
        ("calf_circumference_cm", coded(33.26, "cm"), decimal(33.3), "rounded"),
        ("grip_strength_kg", coded(50.0, "[lb_av]"), decimal(22.7), "converted"),
        ("grip_strength_kg", coded(300.0, "N"), decimal(30.6), "converted"),
        ("grip_strength_kg", coded(25.0, "kgf"), decimal(25.0), "converted: 25 kgf became 25 kg"),
        ("five_chair_stands_s", coded(12_340.0, "ms"), decimal(12.34), "converted"),
        ("timed_up_and_go_s", coded(0.25, "min"), decimal(15.0), "converted"),
        ("timed_up_and_go_s", coded(11.1234, "s"), decimal(11.12), "rounded: 11.1234 s became 11.12 s"),
        ("gait_speed_m_s", coded(75.0, "cm/s"), decimal(0.75), "converted"),
        ("gait_speed_m_s", coded(3.6, "km/h"), decimal(1.0), "converted"),
        ("gait_speed_m_s", coded(2.5, "[ft_i]/s"), decimal(0.76), "converted"),
        ("creatine_kinase_u_l", coded(2.5, "ukat/L"), integer(150), "converted: 2.5 ukat/L became 150 U/L"),
        ("creatine_kinase_u_l", coded(190.4, "U/L"), integer(190), "rounded"),
        ("myoglobin_ug_l", coded(65.0, "ng/mL"), integer(65), "converted"),
        ("vitamin_d_nmol_l", coded(20.0, "ng/mL"), integer(50), "converted: 20 ng/mL became 50 nmol/L"),
        ("vitamin_d_nmol_l", named(31.0, "ng/ml"), integer(78), "converted"),
        // Refused, because a value must never be guessed.
        ("29463-7", coded(70.0, "[pt_us]"), Value::Null, "its unit cannot be converted"),
        ("29463-7", named(70.0, "units"), Value::Null, "its unit cannot be converted"),
        ("29463-7", coded(300.0, "N"), Value::Null, "its unit cannot be converted"),
        ("29463-7", coded(9000.0, "kg"), Value::Null, "weight_kg is left unanswered"),
        ("29463-7", below(70.0, "kg"), Value::Null, "no exact value"),
        ("83174-3", coded(25.0, "kg"), Value::Null, "the form has no measured item with its code"),
    ]
}

#[tokio::test]
async fn records_in_other_units_are_converted_rounded_and_reported() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    println!("| code | recorded | answer | issues |\n|---|---|---|---|");
    for (code, quantity, wanted, said) in records() {
        let output = intake.post(POPULATE, &parameters(&[observation(code, &quantity)])).await.expect(200);
        let found = answers(part(&output, "response"));
        println!("| {code} | {quantity} | {found:?} | {} |", issues(&output));
        assert_eq!(found.first().map_or(&Value::Null, |(_, answer)| answer), &wanted, "{code} {quantity}");
        assert!(if said.is_empty() { issues(&output).is_empty() } else { issues(&output).contains(said) }, "{output}");
    }
}

#[tokio::test]
async fn a_laboratory_limit_belongs_to_the_value_of_its_observation() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let kinase = |value: f64, at: &str, high: Value| {
        let mut one = observation("creatine_kinase_u_l", &coded(value, "U/L"));
        one["effectiveDateTime"] = json!(at);
        one["referenceRange"] = json!([{"high": high}]);
        one
    };
    let earlier = kinase(300.0, "2026-01-01", coded(3.2, "ukat/L"));
    let populated = async |contexts: &[Value]| {
        let output = intake.post(POPULATE, &parameters(contexts)).await.expect(200);
        let mut found = answers(part(&output, "response"));
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found.into_iter().map(|(item, answer)| (item, answer["valueInteger"].clone())).collect::<Vec<_>>()
    };
    let both =
        [("creatine_kinase_u_l".to_owned(), json!(300)), ("creatine_kinase_upper_limit_u_l".to_owned(), json!(192))];
    assert_eq!(populated(std::slice::from_ref(&earlier)).await, both);
    // A later value without a limit does not get the limit of another report, in either order.
    let later = kinase(120.0, "2026-02-01", Value::Null);
    let alone = [("creatine_kinase_u_l".to_owned(), json!(120))];
    assert_eq!(populated(&[earlier.clone(), later.clone()]).await, alone);
    assert_eq!(populated(&[later, earlier]).await, alone);
}

#[tokio::test]
async fn a_bundle_is_read_and_a_form_takes_only_its_own_items() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let found =
        [observation("29463-7", &coded(150.0, "[lb_av]")), observation("grip_strength_kg", &coded(50.0, "[lb_av]"))];
    let entries: Vec<Value> = found.iter().map(|resource| json!({"resource": resource})).collect();
    let bundle = json!({"resourceType": "Bundle", "type": "searchset", "entry": entries});
    let mut whole = parameters(&[bundle]);
    let output = intake.post(POPULATE, &whole).await.expect(200);
    assert_eq!(answers(part(&output, "response")).len(), 2, "{output}");
    whole["parameter"][0]["valueCanonical"] = json!("urn:sarcoscreen:questionnaire:person|2026.3");
    let output = intake.post(POPULATE, &whole).await.expect(200);
    let response = part(&output, "response");
    assert_eq!(response["questionnaire"], "urn:sarcoscreen:questionnaire:person|2026.3");
    let items: Vec<String> = answers(response).into_iter().map(|(item, _)| item).collect();
    assert_eq!(items, ["weight_kg"]);
    assert!(issues(&output).contains("grip_strength_kg is ignored: this form does not ask for it"), "{output}");
    let by_id = intake.post("/fhir/Questionnaire/2026.3-person/$populate", &whole).await.expect(200);
    assert_eq!(part(&by_id, "response")["questionnaire"], response["questionnaire"]);
    // Values that contradict each other are not answered.
    let short = [observation("29463-7", &coded(150.0, "kg")), observation("8302-2", &coded(1.0, "m"))];
    let output = intake.post(POPULATE, &parameters(&short)).await.expect(200);
    let items: Vec<String> = answers(part(&output, "response")).into_iter().map(|(item, _)| item).collect();
    assert_eq!(items, ["height_cm"], "{output}");
}
