//! Contact data in the API: of a subject, and of a follow-up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::subjects::Contact;
use crate::http::kernel::names::{ChannelName, LanguageName};
use crate::http::kernel::text::{TELEPHONE, plain};

/// Contact data of a person.
#[derive(Clone, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Contact)]
pub struct ContactBody {
    /// The person's name.
    #[validate(length(min = 1, max = 200), custom(function = "plain"))]
    #[schema(required, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub name: Option<String>,
    /// A telephone number: digits, with spaces and `+ - ( ) . /` between them.
    #[validate(custom(function = "telephone_form"))]
    #[schema(required, min_length = 5, max_length = 40, pattern = r"^[ +\-()./]*([0-9][ +\-()./]*){5,20}$")]
    pub telephone: Option<String>,
    /// An e-mail address.
    #[validate(email, length(max = 254))]
    #[schema(required, format = Email, max_length = 254)]
    pub email: Option<String>,
    /// The preferred channel.
    #[schema(required)]
    pub channel: Option<ChannelName>,
    /// The preferred language.
    #[schema(required)]
    pub language: Option<LanguageName>,
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
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let form = text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    let fits = form && (5..=20).contains(&digits) && text.len() <= 40;
    fits.then_some(()).ok_or_else(|| ValidationError::new(TELEPHONE))
}
