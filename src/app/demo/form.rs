//! The web form of the demo clinic: its made-up texts, and how it is opened.

use crate::app::access::web_form;
use crate::app::{App, Result, clinics};
use crate::domain::clinics::{Clinic, ConsentText, Profile};
use crate::domain::language::Language;

/// The demo clinic's name in addresses.
pub(super) const SLUG: &str = "demo";
/// The version of the text that the people of the cohort agreed to.
pub(super) const CONSENT_VERSION: &str = "demo-1";
/// The address of the privacy notice and the consent text in each language.
const TEXTS: [(Language, &str, &str); Language::ALL.len()] = [
    (
        Language::En,
        "https://example.org/privacy",
        "This is a demonstration with a made-up text: the clinic may contact me about my answers by telephone or \
         e-mail. Please enter no data of real people.",
    ),
    (
        Language::Es,
        "https://example.org/privacidad",
        "Esto es una demostración con un texto inventado: la clínica puede ponerse en contacto conmigo por teléfono o \
         por correo electrónico a propósito de mis respuestas. No escriba datos de personas reales, por favor.",
    ),
];

/// Opens the web form of the demo clinic, unless it was opened before: an operator may have closed it. The settings that the form
/// needs and the clinic lacks are added first. Nothing happens if other settings are in the way.
pub async fn offer_web_form(app: &App, clinic: &Clinic) -> Result<()> {
    if web_form::was_opened(app, clinic.clinic_id).await? {
        return Ok(());
    }
    let complete = Clinic {
        slug: clinic.slug.clone().or_else(|| Some(SLUG.to_owned())),
        profile: with_texts(clinic.profile.clone()),
        ..clinic.clone()
    };
    let clinics = clinics::list(app).await?;
    let is_taken = clinics.iter().any(|one| one.clinic_id != clinic.clinic_id && one.slug == complete.slug);
    if is_taken || !complete.web_form_faults().is_empty() {
        return Ok(());
    }
    if complete != *clinic {
        clinics::change(app, &complete).await?;
    }
    web_form::open(app, &complete, None).await
}

/// The profile with the texts of the form that it lacks.
pub(super) fn with_texts(mut profile: Profile) -> Profile {
    for (language, notice, _) in TEXTS {
        profile.privacy_notice.entry(language).or_insert_with(|| notice.to_owned());
    }
    profile.consent = profile.consent.or_else(|| {
        let texts = TEXTS.map(|(language, _, text)| (language, text.to_owned())).into();
        Some(ConsentText { version: CONSENT_VERSION.to_owned(), texts })
    });
    profile
}
