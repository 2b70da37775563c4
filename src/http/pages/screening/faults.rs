//! Faults in the words of the person who fills in the form. The API words them for a developer.

use super::sent::{asked, unit};
use super::visit::Visit;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::screening::questionnaire::{Item, Kind, Spec};

/// The place of the answer whether the clinic may contact the person.
pub(super) const CONSENT: &str = "to_contact";
/// The pointer of an agreement to a text that the clinic has changed.
pub(super) const CONSENT_POINTER: &str = "/subject/consent/text_version";
pub(super) const CONSENT_CHANGED: Sentence = Sentence::new(
    "the clinic has changed the text; show the current one and ask again",
    "la clínica ha cambiado el texto; muestre el actual y pregunte de nuevo",
);

/// A fault of one question.
pub(super) struct FieldFault {
    /// The id of the question's first field.
    pub field: &'static str,
    /// The step that has the question.
    pub step: &'static str,
    /// The question in a few words.
    pub label: String,
    pub text: String,
}

/// The first fault of each question, in the order of the form. A fault elsewhere is none of the person's.
pub(super) fn in_words(visit: &Visit<'_>, faults: &[Fault]) -> Vec<FieldFault> {
    let of = |spec: &'static Spec| {
        let fault = faults.iter().find(|fault| item(fault) == Some(spec.item))?;
        Some(FieldFault {
            field: spec.id,
            step: spec.group.as_str(),
            label: visit.words().item(spec.item).to_owned(),
            text: text(visit, spec, fault),
        })
    };
    let consent = faults.iter().any(|fault| fault.pointer == CONSENT_POINTER).then(|| FieldFault {
        field: CONSENT,
        step: "contact",
        label: visit.texts.contact_title.clone(),
        text: visit.texts.fault_consent.clone(),
    });
    asked(visit.table()).into_iter().filter_map(of).chain(consent).collect()
}

fn item(fault: &Fault) -> Option<Item> {
    Item::from_id(fault.pointer.strip_prefix("/answers/")?.split('/').next()?)
}

fn text(visit: &Visit<'_>, spec: &'static Spec, fault: &Fault) -> String {
    let texts = visit.texts;
    let number = |units: i32, scale: i32| visit.words().decimal(i64::from(units) * 1000 / i64::from(scale));
    match (fault.code, spec.kind) {
        (FaultCode::Required, _) => texts.fault_required.clone(),
        (FaultCode::Type | FaultCode::Precision, Kind::Number { scale: 1, .. }) => texts.fault_whole.clone(),
        (FaultCode::Type, Kind::Number { .. }) => texts.fault_number.clone(),
        (FaultCode::OutOfRange, Kind::Number { maximum, scale, .. }) => {
            let range = texts.fault_range.replace("{minimum}", &number(spec.least(), scale));
            let range = range.replace("{maximum}", &number(maximum, scale));
            range.replace("{unit}", unit(visit.table(), visit.language, spec))
        }
        (FaultCode::Precision, Kind::Number { step, scale, .. }) => {
            texts.fault_step.replace("{step}", &number(step, scale))
        }
        (FaultCode::Contradiction, Kind::Set { exclusive: Some(none), .. }) => {
            texts.fault_both.replace("{none}", visit.words().option(spec.item, none))
        }
        (FaultCode::Implausible, _) if spec.item == Item::WeightKg => texts.fault_weight.clone(),
        (FaultCode::Implausible, _) => texts.fault_loss.clone(),
        (FaultCode::NotAsked | FaultCode::UnknownOption | FaultCode::Type | FaultCode::Duplicate, _) => {
            texts.fault_choice.clone()
        }
        _ => fault.detail(visit.language),
    }
}
