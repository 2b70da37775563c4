//! Contact data in the API: of a submission, of a subject, and of a follow-up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::fault::{Fault, FaultCode};
use crate::domain::subjects::Contact;
use crate::domain::subjects::contact::{ContactWarning, SentContact, is_email, is_telephone};
use crate::http::kernel::names::{ChannelName, LanguageName};
use crate::http::kernel::text::{EMAIL, TELEPHONE, plain};

/// Contact data of a submission. It never refuses the submission: surrounding spaces and other spellings are taken, a blank text
/// is an absent one, and `warnings` of the response lists what was not kept.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactInput)]
pub struct ContactInput {
    /// The person's name. 200 characters are kept.
    pub name: Option<String>,
    /// A telephone number, also with an extension (`;ext=12`, `x 12`). It is kept if it is nothing else and has 5 to 20 digits.
    pub telephone: Option<String>,
    /// An e-mail address, which may be internationalized.
    pub email: Option<String>,
    /// The preferred channel: telephone or email.
    pub channel: Option<String>,
    /// The preferred language as a tag such as `es-MX`. It is kept if the service has texts in the language.
    pub language: Option<String>,
}

/// Contact data of a person.
#[derive(Clone, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Contact)]
pub struct ContactBody {
    /// The person's name.
    #[validate(length(min = 1, max = 200), custom(function = "plain"))]
    #[schema(required, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub name: Option<String>,
    /// A telephone number: digits, with spaces and `+ - ( ) . /` between them, and an extension after `;ext=`.
    #[validate(custom(function = "telephone_form"))]
    #[schema(
        required,
        min_length = 5,
        max_length = 40,
        pattern = r"^[ +\-()./]*([0-9][ +\-()./]*){5,20}(;ext=[0-9]{1,10})?$"
    )]
    pub telephone: Option<String>,
    /// An e-mail address, which may be internationalized.
    #[validate(custom(function = "email_form"))]
    #[schema(required, min_length = 3, max_length = 254, pattern = r"^[^@\s]+@[^@\s]+$")]
    pub email: Option<String>,
    /// The preferred channel.
    #[schema(required)]
    pub channel: Option<ChannelName>,
    /// The preferred language.
    #[schema(required)]
    pub language: Option<LanguageName>,
}

impl ContactInput {
    /// The fields, all texts.
    const FIELDS: [&'static str; 5] = ["name", "telephone", "email", "channel", "language"];

    /// The contact data that is kept, and what is not. U+0000 is a fault of a text elsewhere; here it is one more character that
    /// is not kept.
    pub fn parse(self, faults: &mut Vec<Fault>) -> (Contact, Vec<ContactWarning>) {
        faults.retain(|fault| {
            let field = fault.pointer.strip_prefix("/subject/contact/");
            fault.code != FaultCode::Text || field.is_none_or(|field| !Self::FIELDS.contains(&field))
        });
        Contact::from_sent(SentContact {
            name: self.name.as_deref(),
            telephone: self.telephone.as_deref(),
            email: self.email.as_deref(),
            channel: self.channel.as_deref(),
            language: self.language.as_deref(),
        })
    }
}

impl From<ContactBody> for Contact {
    fn from(body: ContactBody) -> Self {
        Self {
            name: body.name,
            telephone: body.telephone,
            email: body.email,
            channel: body.channel.map(|channel| channel.0),
            language: body.language.map(|language| language.0),
        }
    }
}

impl From<Contact> for ContactBody {
    fn from(contact: Contact) -> Self {
        Self {
            name: contact.name,
            telephone: contact.telephone,
            email: contact.email,
            channel: contact.channel.map(ChannelName),
            language: contact.language.map(LanguageName),
        }
    }
}

fn telephone_form(text: &str) -> Result<(), ValidationError> {
    is_telephone(text).then_some(()).ok_or_else(|| ValidationError::new(TELEPHONE))
}

fn email_form(text: &str) -> Result<(), ValidationError> {
    is_email(text).then_some(()).ok_or_else(|| ValidationError::new(EMAIL))
}
