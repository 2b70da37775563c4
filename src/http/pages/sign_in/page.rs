//! The sign-in page, and the page after signing in at the issuer.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderName, REFRESH, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _};
use askama::Template;

use super::destination::{checked, in_selected_language, with_destination};
use super::{AT_ISSUER, SIGN_IN, SIGN_OUT, SignedIn};
use crate::app::access::sign_in::at_issuer;
use crate::app::error::AppError;
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::address::{self, in_language};
use crate::http::pages::layout::Layout;
use crate::http::pages::texts::{self, SignInTexts};
use crate::http::pages::{HTML, POLICY, rendered};

/// The sign-in page of a request, in each of its states.
pub(super) struct SignIn {
    language: Language,
    texts: &'static SignInTexts,
    is_at_issuer: bool,
    to: String,
    /// Where its form is sent.
    address: String,
}

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage {
    layout: Layout,
    texts: &'static SignInTexts,
    /// What happened, or what is wrong.
    message: Option<&'static str>,
    is_fault: bool,
    person: Option<Person>,
    /// Absent where a key may not be sent.
    form: Option<Form>,
}

/// A person who is signed in already.
struct Person {
    text: String,
    go_on: String,
    sign_out: String,
}

struct Form {
    action: String,
    to: String,
    /// The address of the sign-in at the issuer, if it is offered.
    at_issuer: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/signed_in.html")]
struct SignedInPage {
    layout: Layout,
    texts: &'static SignInTexts,
    to: String,
}

impl SignIn {
    pub(super) fn new(request: &HttpRequest, state: &State) -> Result<Self, Problem> {
        let language = address::language(request);
        let to = checked(address::parameter(request, "to").unwrap_or_default());
        let address = in_selected_language(request, SIGN_IN);
        let is_at_issuer = at_issuer::is_offered(&state.app);
        Ok(Self { language, texts: &texts::of(language)?.sign_in, is_at_issuer, to, address })
    }

    pub(super) fn returning_to(self, to: String) -> Self {
        Self { to: checked(to), ..self }
    }

    /// In the language in which the sign-in began.
    pub(super) fn in_language(self, language: Language) -> Result<Self, Problem> {
        let address = in_language(SIGN_IN, language);
        Ok(Self { language, texts: &texts::of(language)?.sign_in, address, ..self })
    }

    pub(super) fn destination(&self) -> &str {
        &self.to
    }

    pub(super) fn empty(&self, person: Option<&SignedIn>, is_signed_out: bool) -> Result<HttpResponse, Problem> {
        let message = is_signed_out.then_some(&*self.texts.signed_out);
        let person = person.map(|person| Person {
            text: self.texts.signed_in_as.replace("{name}", &person.name).replace("{clinic}", &person.clinic.name),
            go_on: self.to.clone(),
            sign_out: in_language(SIGN_OUT, self.language),
        });
        self.answer(StatusCode::OK, message, person, Some(self.form()))
    }

    /// The page over an open network: it has no form.
    pub(super) fn without_tls(&self, status: StatusCode) -> Result<HttpResponse, Problem> {
        self.answer(status, Some(&*self.texts.no_tls), None, None)
    }

    pub(super) fn without_key(&self) -> Result<HttpResponse, Problem> {
        self.answer(StatusCode::UNPROCESSABLE_ENTITY, Some(&*self.texts.no_key), None, Some(self.form()))
    }

    /// The page after a refused key. Errors of the service are not for this page.
    pub(super) fn refused(&self, error: AppError) -> Result<HttpResponse, Problem> {
        self.failed(error, &self.texts.wrong_key)
    }

    /// The page after a sign-in at the issuer that failed.
    pub(super) fn refused_at_issuer(&self, error: AppError) -> Result<HttpResponse, Problem> {
        self.failed(error, &self.texts.not_at_issuer)
    }

    fn failed(&self, error: AppError, not_signed_in: &'static str) -> Result<HttpResponse, Problem> {
        let (status, text) = match &error {
            AppError::NotSignedIn(_) => (StatusCode::UNAUTHORIZED, not_signed_in),
            AppError::Limited { .. } => (StatusCode::TOO_MANY_REQUESTS, &*self.texts.too_many),
            AppError::RoleTooLow { .. } | AppError::OriginNotAllowed => (StatusCode::FORBIDDEN, &*self.texts.not_staff),
            AppError::ClinicSuspended(_) => (StatusCode::FORBIDDEN, &*self.texts.suspended),
            _ => return Err(error.into()),
        };
        let mut response = self.answer(status, Some(text), None, Some(self.form()))?;
        // The page has the headers that the problem of the API would have.
        let problem = Problem::from(error).error_response();
        for name in [RETRY_AFTER, WWW_AUTHENTICATE] {
            if let Some(value) = problem.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }

    /// The page after signing in at the issuer. The issuer's site sent the browser here, so it does not send the new cookie to a
    /// redirect. It sends it once this page leads on, which `Refresh` does without script.
    pub(super) fn signed_in(&self, cookies: [(HeaderName, String); 2]) -> Result<HttpResponse, Problem> {
        let layout = Layout::new(self.language, SIGN_IN, self.texts.signed_in.clone(), None)?;
        let body = rendered(&SignedInPage { layout, texts: self.texts, to: self.to.clone() })?;
        let mut response = begun(StatusCode::OK, self.language);
        response.insert_header((REFRESH, format!("0; url={}", self.to)));
        for cookie in cookies {
            response.append_header(cookie);
        }
        Ok(response.body(body))
    }

    fn form(&self) -> Form {
        let at_issuer = self.is_at_issuer.then(|| {
            let address = with_destination(AT_ISSUER, &self.to);
            in_language(&address, self.language)
        });
        Form { action: self.address.clone(), to: self.to.clone(), at_issuer }
    }

    fn answer(
        &self,
        status: StatusCode,
        message: Option<&'static str>,
        person: Option<Person>,
        form: Option<Form>,
    ) -> Result<HttpResponse, Problem> {
        let is_fault = status != StatusCode::OK;
        let title = if is_fault { self.texts.title_fault.clone() } else { self.texts.title.clone() };
        let layout = Layout::new(self.language, &with_destination(SIGN_IN, &self.to), title, None)?;
        let body = rendered(&SignInPage { layout, texts: self.texts, message, is_fault, person, form })?;
        Ok(begun(status, self.language).body(body))
    }
}

/// Starts the response of a page that is stored nowhere.
fn begun(status: StatusCode, language: Language) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .content_type(HTML)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CONTENT_LANGUAGE, language.as_str()));
    response
}
