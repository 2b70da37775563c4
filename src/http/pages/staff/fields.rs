//! The forms of the pages of staff: fields with what was typed and what is wrong with it.

use super::desk::{Desk, named};
use super::given::Given;
use crate::domain::fault::{Fault, FaultCode};

/// A form that sends a command.
pub(super) struct Form {
    /// The id of its element; the ids of its fields begin with it.
    pub id: &'static str,
    pub action: String,
    /// The version of the follow-up that the page shows.
    pub version: Option<i32>,
    pub title: &'static str,
    /// What the command does.
    pub help: &'static str,
    pub fields: Vec<Field>,
    pub buttons: Vec<Button>,
    /// Names the draft of its note in the browser's tab.
    pub draft: String,
}

/// A field: a list, a note, or one line.
pub(super) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub value: String,
    /// What is wrong with the value; empty if nothing is known.
    pub fault: String,
    pub is_note: bool,
    /// The options of a list; empty for other fields.
    pub choices: Vec<Choice>,
    /// The type of a field of one line.
    pub input: &'static str,
}

pub(super) struct Choice {
    pub value: String,
    pub text: String,
    pub is_selected: bool,
}

pub(super) struct Button {
    /// The field that the button sets; empty if it sets none.
    pub name: &'static str,
    pub value: &'static str,
    pub text: &'static str,
}

/// A fault in the list above a form.
pub(super) struct Wrong {
    /// The anchor of the field; `None` if no field has the fault.
    pub anchor: Option<String>,
    pub text: String,
}

impl Field {
    pub(super) fn line(name: &'static str, label: &'static str, hint: &'static str, input: &'static str) -> Self {
        let (value, fault) = (String::new(), String::new());
        Self { name, label, hint, value, fault, is_note: false, choices: Vec::new(), input }
    }

    /// The note of a command.
    pub(super) fn note(label: &'static str) -> Self {
        Self { is_note: true, ..Self::line("note", label, "", "") }
    }

    /// A list of values with their texts, the first selected unless another one was.
    pub(super) fn list(name: &'static str, label: &'static str, options: Vec<(String, String)>) -> Self {
        let choice = |(value, text)| Choice { value, text, is_selected: false };
        Self { choices: options.into_iter().map(choice).collect(), ..Self::line(name, label, "", "") }
    }

    /// The field with a value.
    #[must_use]
    pub(super) fn with(mut self, value: &str) -> Self {
        value.clone_into(&mut self.value);
        for choice in &mut self.choices {
            choice.is_selected = choice.value == value;
        }
        self
    }
}

impl Form {
    /// The form with what was typed.
    #[must_use]
    pub(super) fn filled(mut self, given: &Given) -> Self {
        let filled = |field: Field| {
            let typed = given.typed(field.name);
            field.with(typed)
        };
        self.fields = self.fields.into_iter().map(filled).collect();
        self
    }

    /// Puts each fault beside its field, and returns the list of all.
    pub(super) fn mark(&mut self, faults: &[Fault], desk: &Desk) -> Vec<Wrong> {
        let mut list = Vec::new();
        for fault in faults {
            let text = words(fault, desk);
            let field = self.fields.iter_mut().find(|field| fault.pointer.trim_start_matches('/') == field.name);
            list.push(match field {
                Some(field) => {
                    field.fault.clone_from(&text);
                    let anchor = Some(format!("{}-{}", self.id, field.name));
                    Wrong { anchor, text: format!("{}: {text}", field.label) }
                }
                None => Wrong { anchor: None, text },
            });
        }
        list
    }
}

/// What is wrong, in the words of the page where the API speaks of its own fields.
fn words(fault: &Fault, desk: &Desk) -> String {
    let own = match fault.code {
        FaultCode::Required | FaultCode::Contradiction | FaultCode::NotFound => {
            named(&desk.texts.names.faults, fault.code.as_str())
        }
        _ => "",
    };
    if own.is_empty() { fault.detail(desk.language) } else { own.to_owned() }
}
