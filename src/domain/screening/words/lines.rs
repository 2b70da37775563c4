//! Phrases as lines of text.

use super::phrases::{ALL_OF, ANY_OF};
use super::{Phrase, Words};

impl Words<'_> {
    /// A phrase in one line. A part that has parts itself is in brackets.
    pub fn line(self, phrase: &Phrase) -> String {
        let (parts, between) = match phrase {
            Phrase::Text(text) => return text.clone(),
            Phrase::Any(parts) => (parts, self.say(ANY_OF)),
            Phrase::All(parts) => (parts, self.say(ALL_OF)),
            Phrase::List(parts) => (parts, "; "),
        };
        let part = |part: &Phrase| {
            let text = self.line(part);
            if parts.len() > 1 && text.contains("; ") { format!("({text})") } else { text }
        };
        parts.iter().map(part).collect::<Vec<_>>().join(between)
    }

    /// The lines of a phrase: one for each part of an enumeration, one for any other phrase.
    pub fn lines(self, phrase: &Phrase) -> Vec<String> {
        match phrase {
            Phrase::List(parts) => parts.iter().map(|part| self.line(part)).collect(),
            _ => vec![self.line(phrase)],
        }
    }
}
