//! Admission of the clinics' own web forms. A form has no key: the service acts as the form's credential.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::remembered::Forms;
use super::{Admission, Exceeded, Found, SignedIn, working};
use crate::app::access::limits::Budget;
use crate::app::{App, AppError, Result};
use crate::store::access::web_forms;

/// Decides whether a request of a web form is accepted: the form of the clinic is open, its clinic is not suspended, and the limits
/// of the form and of the visitor's address are not exceeded. Fails when no clinic with this slug has an open form.
pub async fn admit(app: &App, slug: &str, address: IpAddr, budget: Budget, request_id: Option<Uuid>) -> Admission {
    let signed_in = match find(app, slug).await {
        Ok(found) => SignedIn::whole(found),
        Err(error) => return Admission { actor: None, rate_status: None, outcome: Err(error) },
    };
    let actor = signed_in.actor(request_id);
    let counted = app.limits.count(&actor, address, budget);
    let rate_status = Some(counted.unwrap_or_else(|exceeded| exceeded.rate_status));
    let outcome = match counted {
        Ok(_) => Ok(signed_in),
        Err(Exceeded { wait, .. }) => Err(AppError::Limited { retry_after: wait }),
    };
    Admission { actor: Some(actor), rate_status, outcome }
}

/// The form's credential, without an admission.
pub async fn open(app: &App, slug: &str) -> Result<SignedIn> {
    find(app, slug).await.map(SignedIn::whole)
}

/// The slug of the clinic whose web form is open, if exactly one is.
pub async fn only(app: &App) -> Result<Option<String>> {
    let forms = forms(app).await?;
    let mut slugs = forms.keys();
    Ok(match (slugs.next(), slugs.next()) {
        (Some(slug), None) => Some(slug.clone()),
        _ => None,
    })
}

/// The web sites that may show the open form of a clinic in a frame; none if it is not open.
pub async fn origins(app: &App, slug: &str) -> Vec<String> {
    let forms = forms(app).await.ok();
    forms.and_then(|forms| Some(forms.get(slug)?.credential.origins.clone())).unwrap_or_default()
}

/// Finds the open form of a clinic.
async fn find(app: &App, slug: &str) -> Result<Arc<Found>> {
    working(app, forms(app).await?.get(slug).cloned().ok_or(AppError::NotFound)?)
}

/// The open forms. One query reads those of all clinics, so invented slugs cost no query.
async fn forms(app: &App) -> Result<Arc<Forms>> {
    let read = async {
        let forms = web_forms::open(&app.store).await?.into_iter();
        let by_slug = forms.filter_map(|form| Some((form.clinic.slug.clone()?, Arc::new(form))));
        Ok::<_, AppError>(Arc::new(by_slug.collect::<Forms>()))
    };
    app.remembered.web_forms.try_get_with((), read).await.map_err(AppError::shared)
}
