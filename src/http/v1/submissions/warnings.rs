//! Warnings of a submission in the API: the parts of its contact data that were not kept.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::language::Language;
use crate::domain::subjects::contact::ContactWarning;
use crate::http::kernel::names::WarningCodeName;

/// A part of a stored submission that was not kept as it was sent.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionWarning)]
pub struct WarningBody {
    /// JSON pointer (RFC 6901) of the part in the submission.
    pub pointer: &'static str,
    /// The kind of warning.
    pub code: WarningCodeName,
    /// What was not kept, and what to send instead, in the language of the response. It never repeats what was sent.
    pub text: &'static str,
}

impl WarningBody {
    pub fn all(warnings: &[ContactWarning], language: Language) -> Vec<Self> {
        warnings.iter().map(|warning| Self::new(*warning, language)).collect()
    }

    fn new(warning: ContactWarning, language: Language) -> Self {
        let text = match language {
            Language::En => english(warning),
            Language::Es => spanish(warning),
        };
        Self { pointer: pointer(warning), code: WarningCodeName(warning), text }
    }
}

const fn pointer(warning: ContactWarning) -> &'static str {
    match warning {
        ContactWarning::NameCleaned | ContactWarning::NameShortened => "/subject/contact/name",
        ContactWarning::TelephoneNotKept => "/subject/contact/telephone",
        ContactWarning::EmailNotKept | ContactWarning::EmailAddressOnly => "/subject/contact/email",
        ContactWarning::ChannelNotKept => "/subject/contact/channel",
        ContactWarning::LanguageNotKept => "/subject/contact/language",
    }
}

const fn english(warning: ContactWarning) -> &'static str {
    match warning {
        ContactWarning::NameCleaned => {
            "Control characters were removed from the name. Send a name without control characters."
        }
        ContactWarning::NameShortened => {
            "Only the first 200 characters of the name were kept. Send a name of at most 200 characters."
        }
        ContactWarning::TelephoneNotKept => {
            "The telephone number was not kept. Send 5 to 20 digits, with spaces and + - ( ) . / between them; send an extension \
             as ;ext=12 at the end; at most 40 characters."
        }
        ContactWarning::EmailNotKept => {
            "The e-mail address was not kept. Send one address, such as name@example.org, of at most 254 characters."
        }
        ContactWarning::EmailAddressOnly => {
            "Only the e-mail address was kept, without the name beside it. Send the address alone."
        }
        ContactWarning::ChannelNotKept => "The preferred channel was not kept. Send telephone or email.",
        ContactWarning::LanguageNotKept => {
            "The preferred language was not kept, because the service has no texts in it. Send en or es."
        }
    }
}

const fn spanish(warning: ContactWarning) -> &'static str {
    match warning {
        ContactWarning::NameCleaned => {
            "Se han quitado los caracteres de control del nombre. Envíe un nombre sin caracteres de control."
        }
        ContactWarning::NameShortened => {
            "Solo se han guardado los primeros 200 caracteres del nombre. Envíe un nombre de 200 caracteres como máximo."
        }
        ContactWarning::TelephoneNotKept => {
            "No se ha guardado el número de teléfono. Envíe de 5 a 20 cifras, con espacios y + - ( ) . / entre ellas; envíe la \
             extensión al final, como ;ext=12; 40 caracteres como máximo."
        }
        ContactWarning::EmailNotKept => {
            "No se ha guardado la dirección de correo. Envíe una sola dirección, como nombre@example.org, de 254 caracteres como \
             máximo."
        }
        ContactWarning::EmailAddressOnly => {
            "Solo se ha guardado la dirección de correo, sin el nombre que la acompaña. Envíe solo la dirección."
        }
        ContactWarning::ChannelNotKept => "No se ha guardado el canal preferido. Envíe «telephone» o «email».",
        ContactWarning::LanguageNotKept => {
            "No se ha guardado el idioma preferido, porque el servicio no tiene textos en él. Envíe «en» o «es»."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_has_a_pointer_and_a_text_of_its_own_in_each_language() {
        let mut texts = std::collections::HashSet::new();
        for language in Language::ALL {
            for code in ContactWarning::ALL {
                let warning = WarningBody::new(code, language);
                let field = warning.pointer.strip_prefix("/subject/contact/").unwrap();
                assert!(code.as_str().starts_with(field), "{}", code.as_str());
                assert!(texts.insert(warning.text), "{}", warning.text);
            }
        }
    }
}
