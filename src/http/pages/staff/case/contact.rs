//! How to reach the person, or what to do without consent.

use super::facts::Fact;
use super::{Read, counting};
use crate::domain::subjects::Contact;
use crate::http::pages::staff::desk::{Desk, named};

pub(super) struct ContactView {
    /// Whether the person may be contacted.
    pub is_allowed: bool,
    /// What to do, if there is nothing to call.
    pub text: &'static str,
    pub facts: Vec<Fact>,
    pub telephone: Option<Telephone>,
    /// The codes that the person may read out.
    pub codes: Vec<String>,
}

pub(super) struct Telephone {
    pub text: String,
    /// The number for the telephone of the device.
    pub call: String,
}

impl ContactView {
    pub(super) fn new(desk: &Desk, read: &Read) -> Self {
        let texts = &desk.texts.case;
        let contact = read.detail.contact.as_ref();
        let refused = read.subject.consent.as_ref().is_some_and(|consent| !consent.to_contact);
        let facts = contact.map(|contact| facts(desk, contact)).unwrap_or_default();
        let telephone = contact.and_then(|contact| contact.telephone.clone()).map(Telephone::new);
        let text = match contact {
            None if refused => &*texts.consent_refused,
            None => &*texts.consent_unknown,
            Some(_) if facts.is_empty() && telephone.is_none() => &*texts.contact_unknown,
            Some(_) => "",
        };
        let codes = counting(read).map(|stored| spaced(&stored.receipt_code.to_string())).collect();
        Self { is_allowed: contact.is_some(), text, facts, telephone, codes }
    }
}

impl Telephone {
    fn new(text: String) -> Self {
        let call = text.split(';').next().unwrap_or_default();
        let call = call.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
        Self { text, call }
    }
}

fn facts(desk: &Desk, contact: &Contact) -> Vec<Fact> {
    let (texts, names) = (&desk.texts.case, &desk.texts.names);
    let name = contact.name.as_ref().map(|name| Fact::new(&texts.name, name.clone()));
    let email = contact.email.as_ref().map(|email| Fact::new(&texts.email, email.clone()));
    let channel = contact.channel.map(|one| Fact::new(&texts.channel, named(&names.channels, one.as_str())));
    let language = contact.language.map(|one| Fact::new(&texts.language, named(&names.languages, one.as_str())));
    name.into_iter().chain(email).chain(channel).chain(language).collect()
}

/// A receipt code in two groups of four.
fn spaced(code: &str) -> String {
    let half = code.len() / 2;
    let (first, second) = (code.get(..half).unwrap_or_default(), code.get(half..).unwrap_or_default());
    format!("{first} {second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_to_call_has_its_digits_without_the_extension() {
        for (text, call) in [("+34 600-111 (222);ext=12", "+34600111222"), ("600 111 222", "600111222")] {
            let telephone = Telephone::new(text.to_owned());
            assert_eq!((&*telephone.call, &*telephone.text), (call, text));
        }
        assert_eq!(spaced("2T65TMHP"), "2T65 TMHP");
    }
}
