//! Identities for the synthetic cohort: randomly combined names, and telephone numbers and addresses that belong to no real
//! person.

use jiff::Timestamp;

use super::dice::Dice;
use super::form::CONSENT_VERSION;
use crate::domain::language::Language;
use crate::domain::subjects::{Channel, Consent, Contact, Reference, SubjectDraft};

const SEED: u64 = 555;
const GIVEN: [&str; 20] = [
    "Ada", "Bruno", "Carmen", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Karin", "Luis", "Marta",
    "Nora", "Oscar", "Paula", "Quentin", "Rosa", "Samuel", "Teresa",
];
const FAMILY: [&str; 20] = [
    "Almeida", "Brandt", "Castillo", "Dubois", "Eriksen", "Fuentes", "Grant", "Holm", "Ibarra", "Jansen", "Keller",
    "Lindgren", "Moreno", "Novak", "Ortega", "Pereira", "Quinn", "Romero", "Santos", "Turner",
];

/// The person at an index of the cohort, from 0. One in fifteen gave no contact data; of the others, four in five consented to
/// contact.
pub(super) fn subject(place: usize, now: Timestamp) -> SubjectDraft {
    let reference = Reference::parse(None, (&format!("DEMO-{:04}", place + 1), "")).ok();
    if place % 15 == 14 {
        return SubjectDraft { reference, ..SubjectDraft::default() };
    }
    let mut dice = Dice::new(SEED.wrapping_add(u64::try_from(place).unwrap_or_default()));
    let given = dice.pick(&GIVEN).unwrap_or("Demo");
    let family = dice.pick(&FAMILY).unwrap_or("Person");
    let by_telephone = dice.chance(600);
    let contact = Contact {
        name: Some(format!("{given} {family}")),
        // 555-0100 to 555-0199 are reserved for fiction.
        telephone: Some(format!("+1 {} 555 01{:02}", dice.between(201, 989), dice.between(0, 99))),
        email: dice.chance(700).then(|| format!("{given}.{family}.{}@example.org", place + 1).to_lowercase()),
        channel: Some(Channel::Telephone),
        language: Some(if dice.chance(250) { Language::Es } else { Language::En }),
    };
    let channel = if by_telephone || contact.email.is_none() { Channel::Telephone } else { Channel::Email };
    let consent = Consent { to_contact: dice.chance(800), text_version: CONSENT_VERSION.to_owned(), given_at: now };
    SubjectDraft { reference, contact: Contact { channel: Some(channel), ..contact }, consent: Some(consent) }
}
