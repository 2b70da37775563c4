//! Random answers are the same to the form and to the API: both store the same, or both refuse with the same alarm.

use sarcoscreen::domain::screening::asked::Asked;
use sarcoscreen::domain::screening::questionnaire::{Audience, Group, Kind, Spec};
use serde_json::{Map, Value, json};

use super::html::Page;
use super::screening::{FORM, Fields, blank, hidden, post};
use crate::web_form::opened;
use crate::world::{Clinic, World, releases};

const PERSONS: u64 = 500;

/// A sequence of numbers that is the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i32::try_from((self.0 >> 33) % u64::try_from(bound).unwrap()).unwrap()
    }

    fn option<'a>(&mut self, options: &[&'a str]) -> &'a str {
        options[usize::try_from(self.below(i32::try_from(options.len()).unwrap())).unwrap()]
    }
}

/// A random answer for the API and as a person types it.
fn answer(dice: &mut Dice, spec: &Spec, options: &[&str]) -> (Value, Vec<String>) {
    match spec.kind {
        Kind::Flag => {
            let yes = dice.below(4) == 0;
            (json!(yes), vec![yes.to_string()])
        }
        Kind::Choice(_) => {
            let chosen = dice.option(options);
            (json!(chosen), vec![chosen.to_owned()])
        }
        Kind::Set { .. } => {
            let chosen: Vec<&str> = options.iter().copied().filter(|_| dice.below(5) == 0).collect();
            let chosen = if chosen.is_empty() { vec![dice.option(options)] } else { chosen };
            (json!(chosen), chosen.into_iter().map(str::to_owned).collect())
        }
        Kind::Number { minimum, maximum, step, scale, .. } => {
            let units = minimum + step * dice.below((maximum - minimum) / step + 1);
            let number = if scale == 1 { json!(units) } else { json!(f64::from(units) / f64::from(scale)) };
            let text = number.to_string();
            let text = if dice.below(2) == 0 { text.replace('.', ",") } else { format!(" {text} ") };
            (number, vec![text])
        }
    }
}

/// The answers of a random person, who leaves out a third of what may be left out.
fn person(dice: &mut Dice, asked: &Asked) -> (Value, Fields) {
    let specs = Group::ALL.into_iter().flat_map(|group| asked.of_group(group));
    let (mut answers, mut fields) = (Map::new(), Fields::new());
    for spec in specs.filter(|spec| spec.audience() == Audience::Person) {
        if !spec.required() && dice.below(3) == 0 {
            continue;
        }
        let options: Vec<&str> = asked.options(spec.item).collect();
        let (value, typed) = answer(dice, spec, &options);
        answers.insert(spec.id.to_owned(), value);
        fields.extend(typed.into_iter().map(|text| (spec.id.to_owned(), text)));
    }
    (Value::Object(answers), fields)
}

fn level(page: &Page) -> Value {
    let care = page.elements.iter().find_map(|element| element.get("data-level"));
    care.map_or(Value::Null, |level| json!(level))
}

async fn submission(clinic: &Clinic, id: &str) -> Value {
    clinic.staff.get(&format!("/v1/submissions/{id}")).await.expect(200)
}

#[tokio::test]
async fn random_answers_have_one_result_in_the_form_and_in_the_api() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let releases = releases();
    let asked = &releases.current().table.asked;
    let (mut stored, mut refused) = (0, 0);
    for seed in 0..PERSONS {
        let (answers, typed) = person(&mut Dice(seed), asked);
        let mut fields = hidden(&blank(&world, "en").await);
        fields.extend(typed);
        let by_form = post(&world, &format!("{FORM}?lang=en"), &fields).await;
        let by_api = clinic.browser.submit(&json!({"answers": answers})).await;
        if by_form.status == 200 {
            let receipt = by_api.expect(201);
            let list = clinic.staff.get("/v1/submissions?limit=2").await.expect(200);
            let ids = [0, 1].map(|place: usize| list["items"][place]["id"].as_str().unwrap());
            assert_eq!(receipt["id"], ids[0], "{seed}");
            let [api, form] = [submission(&clinic, ids[0]).await, submission(&clinic, ids[1]).await];
            assert_eq!((&form["answers"], &form["assessment"]), (&api["answers"], &api["assessment"]), "{seed}");
            stored += 1;
        } else {
            assert_eq!((by_form.status, by_api.status), (422, 422), "{seed}: {}", by_api.text);
            assert_eq!(level(&Page::of(by_form, FORM)), by_api.json()["care_level"], "{seed}");
            refused += 1;
        }
    }
    println!("{PERSONS} persons by both ways: {stored} stored, {refused} refused, 0 differences");
    assert!(stored > 25 && refused > 25, "{stored} stored, {refused} refused");
}
