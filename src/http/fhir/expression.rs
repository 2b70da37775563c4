//! The total of SARC-F as a `FHIRPath` expression, built from the points in the rule table.

use serde_json::{Value, json};

use super::options;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::condition::{Quantity, View};
use crate::domain::screening::instrument::{Component, Instrument, Method};
use crate::domain::screening::questionnaire::{Audiences, Item, Kind};

const CALCULATED: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression";

/// The extension with which a form filler computes the total.
pub(super) fn calculated(instrument: &Instrument) -> Option<Value> {
    Some(json!({
        "url": CALCULATED,
        "valueExpression": {
            "description": "The total of SARC-F; empty until all five questions are answered",
            "language": "text/fhirpath",
            "expression": total(instrument)?,
        },
    }))
}

/// Sums the questions by `linkId`. A sum with an empty term is empty, so an open question is never counted as zero.
fn total(instrument: &Instrument) -> Option<String> {
    let Method::Sum { components, .. } = &instrument.method else { return None };
    let parts: Option<Vec<String>> = components.iter().map(part).collect();
    Some(parts?.join(" + "))
}

fn part(component: &Component) -> Option<String> {
    let Quantity::Item(item) = component.quantity else { return None };
    let answer = format!("%resource.descendants().where(linkId='{}').answer.value", item.id());
    match item.spec().kind {
        Kind::Choice(options) => {
            let points = |place: usize| Some(points(component, item, i32::try_from(place).ok()?));
            let all: Option<Vec<_>> =
                options.iter().enumerate().map(|(place, one)| Some((one, points(place)?))).collect();
            Some(all?.into_iter().rev().fold("{}".to_owned(), |otherwise, (option, points)| {
                let code = options::code(item.id(), option);
                format!("iif({answer}.code = '{code}', {points}, {otherwise})")
            }))
        }
        Kind::Number { minimum, maximum, scale: 1, .. } => {
            let mut least = points(component, item, minimum);
            let mut mapped = least.to_string();
            for value in minimum..=maximum {
                let points = points(component, item, value);
                if points != least {
                    least = points;
                    mapped = format!("iif({answer} >= {value}, {points}, {mapped})");
                }
            }
            Some(format!("iif({answer}.exists(), {mapped}, {{}})"))
        }
        Kind::Number { .. } | Kind::Flag | Kind::Set { .. } => None,
    }
}

fn points(component: &Component, item: Item, value: i32) -> i32 {
    let mut answers = Answers::default();
    answers.set(item, Some(value));
    component.bounds(View { answers: &answers, audiences: Audiences::ALL }).lower
}
