//! What a front end needs to know about the clinic of its key.

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::screening::assessment::EmergencyNumberBody;
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::http::kernel::auth::Browser;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::names::LanguageName;

/// A clinic, as its front ends show it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Clinic)]
pub struct ClinicBody<'a> {
    /// Id of the clinic.
    pub id: Uuid,
    /// Name of the clinic.
    pub name: &'a str,
    /// The clinic's name in addresses.
    pub slug: Option<&'a str>,
    /// The language of texts for which the caller asks for none that the clinic offers.
    pub language: LanguageName,
    /// The languages that the clinic offers.
    pub languages: Vec<LanguageName>,
    /// Country code (ISO 3166-1 alpha-2).
    pub country: Option<&'a str>,
    /// Name of the time zone in the IANA time zone database.
    #[schema(example = "Europe/Madrid")]
    pub time_zone: &'a str,
    /// Where a person books a consultation.
    pub booking_url: &'a str,
    /// The numbers to call in an emergency, at least one; texts name the first.
    pub emergency_numbers: Vec<EmergencyNumberBody<'a>>,
    /// Address of the privacy notice in the language of the response.
    pub privacy_notice: Option<&'a str>,
    /// The text that a person agrees to before the clinic may contact them; null if the clinic has none in the language of the
    /// response. Without one, do not ask for contact data.
    pub consent: Option<ConsentTextBody<'a>>,
    /// Whether the clinic's own web form takes submissions.
    pub web_form_open: bool,
}

/// A text that a person agrees to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConsentText)]
pub struct ConsentTextBody<'a> {
    /// Version of the text: the `text_version` of a consent to it.
    #[schema(example = "2026-01")]
    pub version: &'a str,
    /// The text.
    pub text: &'a str,
}

/// Get the clinic
///
/// The clinic of the key, with its texts in the language of `Accept-Language`.
#[utoipa::path(
    tag = "screening",
    params(
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
    ),
    responses((status = 200, description = "The clinic", body = ClinicBody)),
    security(("key" = ["browser"]))
)]
#[get("/v1/clinic")]
pub async fn get_clinic(caller: Browser, accepted: AcceptedLanguages) -> HttpResponse {
    let clinic = caller.clinic();
    let language = accepted.for_clinic(clinic);
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "Accept-Language")).insert_header((CONTENT_LANGUAGE, language.as_str()));
    response.json(ClinicBody::new(clinic, language))
}

impl<'a> ClinicBody<'a> {
    fn new(clinic: &'a Clinic, language: Language) -> Self {
        let profile = &clinic.profile;
        let consent = profile.consent.as_ref().and_then(|consent| {
            Some(ConsentTextBody { version: &consent.version, text: consent.texts.get(&language)? })
        });
        Self {
            id: clinic.clinic_id.0,
            name: &clinic.name,
            slug: clinic.slug.as_deref(),
            language: LanguageName(clinic.language),
            languages: clinic.languages.iter().copied().map(LanguageName).collect(),
            country: profile.country.as_deref(),
            time_zone: profile.time_zone.as_deref().unwrap_or("UTC"),
            booking_url: &clinic.booking_url,
            emergency_numbers: profile.emergency_numbers.iter().map(EmergencyNumberBody::from).collect(),
            privacy_notice: profile.privacy_notice.get(&language).map(String::as_str),
            consent,
            web_form_open: clinic.web_form_open,
        }
    }
}
