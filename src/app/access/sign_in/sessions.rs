//! Sessions of staff who sign in to the web pages. A session works for its credential as a key does, with the same limits, and ends
//! with it, and with the settings of the issuer that admitted its person. Nothing is cached, so an ended session ends at once in every
//! instance.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Admission, Attempt, Found, SignedIn, admission, counted, keys, working};
use crate::app::access::actor;
use crate::app::access::limits::Budget;
use crate::app::ambient::random;
use crate::app::audit::{self, entry};
use crate::app::{App, AppError, Result};
use crate::domain::access::actor::Role;
use crate::domain::access::session::{Session, SignInWay};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::store::access::sessions::{self, SessionKey};

/// The text of a session's cookie. It is returned once; only a keyed hash is stored.
pub type SessionText = Zeroizing<String>;

/// The sender of a request of a page.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    pub address: IpAddr,
    pub request_id: Option<Uuid>,
}

impl Visitor {
    /// An attempt to work as staff.
    pub(super) fn attempt<'a>(&self, bearer: Option<&'a str>) -> Attempt<'a> {
        Attempt {
            bearer,
            address: self.address,
            // The pages check the origin themselves, and no key of staff is bound to one.
            origin: None,
            origin_is_known: false,
            endpoint: None,
            need: None,
            least: Role::Staff,
            budget: Budget::Scores,
            request_id: self.request_id,
        }
    }
}

/// Begins a session for the holder of a key of staff or of an admin. Failures are audited and limited as those of
/// [`super::admit`].
pub async fn begin(app: &App, key: &str, visitor: Visitor) -> Result<SessionText> {
    let found = keys::find(app, key).await.and_then(|found| working(app, found)).map(SignedIn::whole);
    let admission = admission(app, &visitor.attempt(Some(key)), found);
    let key_prefix = keys::prefix_of(key).map(|(_, prefix)| prefix);
    start(app, admission, (SignInWay::Key, key_prefix), visitor).await
}

/// Begins a session for an admitted person, who signed in this way and with the key of this prefix. Refusals of a working credential
/// are audited, as those of the API are.
pub(super) async fn start(
    app: &App,
    admission: Admission,
    (way, key_prefix): (SignInWay, Option<&str>),
    visitor: Visitor,
) -> Result<SessionText> {
    let action = AuditAction::SignedIn;
    let signed_in = match admission.outcome {
        Ok(signed_in) => signed_in,
        Err(error) => {
            if let Some(actor) = admission.actor {
                let id = actor.credential_id.0;
                audit::refusal(app, &actor, action, AuditOutcome::Refused, id, None).await?;
            }
            return Err(error);
        }
    };
    let actor = signed_in.actor(visitor.request_id);
    let secret = Zeroizing::new(random::<32>(&*app.ambient)?);
    let (key, text) = SessionKey::new(&app.store, actor.clinic_id, way, &secret);
    let audit = entry(app, &actor, action, actor.credential_id.0, &[])?;
    sessions::insert(&app.store, &key, actor.credential_id, key_prefix, &audit).await?;
    Ok(text)
}

/// Admits a request with the cookie of a session, for staff and admins. Without such a session, or if it is over, the outcome is
/// `NotSignedIn`; that is no failed sign-in, because old cookies are normal. A request that is no use of the session, such as one
/// that a page sends by itself, does not prolong it.
pub async fn resume(app: &App, text: &str, visitor: Visitor, is_use: bool) -> Admission {
    match find(app, text, is_use).await {
        Ok(found) => counted(app, &visitor.attempt(None), SignedIn::whole(found)),
        Err(error) => Admission::failed(error),
    }
}

async fn find(app: &App, text: &str, is_use: bool) -> Result<Arc<Found>> {
    let (key, session, found) = look_up(app, text).await?.ok_or(AppError::NotSignedIn(None))?;
    let found = working(app, Arc::new(found))?;
    let now = app.ambient.now();
    if is_use && session.is_use_due(now) {
        sessions::record_use(&app.store, &key, now).await?;
    }
    Ok(found)
}

/// The session of a cookie, unless it is over. Its credential may have ended.
async fn look_up(app: &App, text: &str) -> Result<Option<(SessionKey, Session, Found)>> {
    let issuer = app.tokens.as_ref().and_then(|tokens| tokens.sign_in_settings());
    let Some(key) = SessionKey::parse(&app.store, text, issuer) else { return Ok(None) };
    let found = sessions::find(&app.store, &key).await?;
    let now = app.ambient.now();
    Ok(found.filter(|(session, _)| !session.is_over(now)).map(|(session, found)| (key, session, found)))
}

/// Ends the session of a cookie, also one whose person may do nothing else, as over a limit or in a suspended clinic. Does nothing if
/// it is over or was ended before.
pub async fn end(app: &App, text: &str, request_id: Option<Uuid>) -> Result<()> {
    let Some((key, _, found)) = look_up(app, text).await? else { return Ok(()) };
    let actor = actor(&found.credential, request_id);
    let audit = entry(app, &actor, AuditAction::SignedOut, actor.credential_id.0, &[])?;
    Ok(sessions::delete(&app.store, &key, &audit).await?)
}
