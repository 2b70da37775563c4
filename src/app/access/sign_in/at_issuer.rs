//! Sign-in of people at the token issuer, for the web pages: the browser goes to the issuer and comes back with a code, and the
//! service exchanges the code for an ID token. It sends a code to the issuer only for a sign-in that it began, once, and within
//! the limits.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::sessions::{SessionText, Visitor, start};
use super::{Found, SignedIn, admission, audit_failure, working};
use crate::app::access::token_people;
use crate::app::access::tokens::{Tokens, code_flow::CodeFlow, code_flow::Proof};
use crate::app::ambient::{after, random};
use crate::app::{App, AppError, Result};
use crate::domain::access::session::SignInWay;
use crate::domain::access::token::CLOCK_SKEW;
use crate::store::access::begun_sign_ins::BegunSignIn;

/// How long a person may take at the issuer.
pub const LIFETIME: Duration = Duration::from_mins(10);

/// A sign-in that has begun.
pub struct Begun {
    /// The address of the issuer that the browser goes to.
    pub address: String,
    /// What the browser keeps until it comes back, for [`LIFETIME`] at most; other sites must not see it.
    pub kept: Zeroizing<String>,
}

/// What a browser brings back from the issuer.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// Empty if the issuer signed no person in.
    pub code: &'a str,
    pub state: &'a str,
    /// The text of [`Begun`]; empty if the browser has none.
    pub kept: &'a str,
    /// The path that the issuer sent the browser to.
    pub callback: &'a str,
}

/// Whether people can sign in at the issuer.
pub fn is_offered(app: &App) -> bool {
    flow(app).is_ok()
}

/// Begins a sign-in. The issuer sends the browser back to the path `callback`. Fails when it is not offered, or when the issuer is
/// unavailable.
pub async fn begin(app: &App, callback: &str) -> Result<Begun> {
    let (_, flow) = flow(app)?;
    let seed = Zeroizing::new(random::<32>(&*app.ambient)?);
    let begun = BegunSignIn::new(seed, after(app.ambient.now(), LIFETIME));
    let address = flow.address(&Proof::new(begun.seed()), callback).await?;
    Ok(Begun { address, kept: begun.text(&app.store) })
}

/// Begins a session for the person that the issuer signed in. Failures are audited and limited as those of
/// [`super::admit`].
pub async fn finish(app: &App, returned: Returned<'_>, visitor: Visitor) -> Result<SessionText> {
    let (tokens, flow) = flow(app)?;
    let found = identify(app, (tokens, flow), returned, visitor).await;
    // A browser that returns without a code made no guess.
    let code = Some(returned.code).filter(|code| !code.is_empty());
    let admission = admission(app, &visitor.attempt(code), found.map(SignedIn::whole));
    start(app, admission, (SignInWay::Issuer(flow.settings()), None), visitor).await
}

/// Finds the credential of the person for whom the issuer gave a code.
async fn identify(
    app: &App,
    (tokens, flow): (&Tokens, &CodeFlow),
    returned: Returned<'_>,
    visitor: Visitor,
) -> Result<Arc<Found>> {
    let refused = || AppError::NotSignedIn(None);
    let now = app.ambient.now();
    let begun =
        BegunSignIn::parse(&app.store, returned.kept).filter(|begun| !begun.is_over(now)).ok_or_else(refused)?;
    let proof = Proof::new(begun.seed());
    if proof.state != returned.state || returned.code.is_empty() {
        return Err(refused());
    }
    if let Err(retry_after) = app.limits.count_exchange(visitor.address) {
        audit_failure(app, None);
        return Err(AppError::Limited { retry_after });
    }
    let turn = flow.turn().await?;
    // Kept longer than any clock of an instance accepts it.
    if !begun.use_up(&app.store, after(now, LIFETIME + CLOCK_SKEW)).await? {
        tracing::info!(reason = "replayed", "a sign-in at the token issuer was refused");
        return Err(refused());
    }
    let token = flow.exchange(returned.code, &proof, returned.callback).await?;
    drop(turn);
    let person = tokens.person_of_sign_in(&token, flow.client_id(), &proof.nonce, &*app.ambient).await?;
    working(app, token_people::find_or_make(app, tokens.issuer(), &person, visitor.request_id).await?)
}

fn flow(app: &App) -> Result<(&Tokens, &CodeFlow)> {
    let tokens = app.tokens.as_deref().ok_or(AppError::NotFound)?;
    Ok((tokens, tokens.code_flow().ok_or(AppError::NotFound)?))
}
