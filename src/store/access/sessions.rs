//! Sessions of the web pages. The cookie of a session has its clinic, a secret of 256 random bits, and a tag that only a holder
//! of the master key can make. The database has a keyed hash of the secret. A cookie with another tag causes no query, however
//! many are tried. Tag and hash are bound to the way of the sign-in, so a session at the token issuer ends when its settings change.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::credentials::{CredentialRow, SignedIn};
use crate::domain::access::session::{Session, SignInWay, over_since};
use crate::domain::audit::AuditEntry;
use crate::domain::clinics::Profile;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::store::database::{Store, at, bound};
use crate::store::{audit, clinics::row::ClinicRow, error::Result};

/// The length of a cookie's text: 16 bytes of the clinic, 32 of the secret and 32 of the tag, in Base64.
const TEXT_LENGTH: usize = 107;
const BATCH: i64 = 10_000;

/// The place of a session in the database, read from a cookie of this service.
#[derive(Clone, Copy, Debug)]
pub struct SessionKey {
    clinic_id: ClinicId,
    hash: [u8; 32],
    way: SignInWay,
}

impl SessionKey {
    /// A new session in a clinic, and the text of its cookie.
    pub fn new(store: &Store, clinic_id: ClinicId, way: SignInWay, secret: &[u8; 32]) -> (Self, Zeroizing<String>) {
        let (tag, hash) = store.keys.new_cookie(clinic_id.0, bound_to(&way), secret);
        let bytes = Zeroizing::new([&clinic_id.0.as_bytes()[..], &secret[..], &tag[..]].concat());
        (Self { clinic_id, hash, way }, Zeroizing::new(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Reads the text of a cookie; `None` if it is not of this service. `issuer` is the hash of the issuer's settings, if people can
    /// sign in there.
    pub fn parse(store: &Store, text: &str, issuer: Option<[u8; 32]>) -> Option<Self> {
        if text.len() != TEXT_LENGTH {
            return None;
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let (clinic, rest) = bytes.split_first_chunk::<16>()?;
        let (secret, tag) = rest.split_at_checked(32)?;
        let clinic_id = ClinicId(Uuid::from_bytes(*clinic));
        let mut ways = [Some(SignInWay::Key), issuer.map(SignInWay::Issuer)].into_iter().flatten();
        ways.find_map(|way| {
            let hash = store.keys.cookie_hash(clinic_id.0, bound_to(&way), secret, tag)?;
            Some(Self { clinic_id, hash, way })
        })
    }
}

/// What a cookie is bound to beside its clinic.
fn bound_to(way: &SignInWay) -> &[u8] {
    match way {
        SignInWay::Key => b"session with a key",
        SignInWay::Issuer(settings) => settings,
    }
}

/// Adds a session and its audit entry in one transaction. `key_prefix` is that of the key that began it.
pub async fn insert(
    store: &Store,
    key: &SessionKey,
    credential_id: CredentialId,
    key_prefix: Option<&str>,
    audit: &AuditEntry,
) -> Result<()> {
    let mut transaction = store.begin(key.clinic_id).await?;
    sqlx::query!(
        "insert into staff_sessions (clinic_id, token_hash, credential_id, key_prefix, started_at, last_used_at)
         values ($1, $2, $3, $4, $5, $5)",
        key.clinic_id.0,
        key.hash.as_slice(),
        credential_id.0,
        key_prefix,
        at(audit.at) as _,
    )
    .execute(&mut *transaction)
    .await?;
    audit::commit(&store.keys, transaction, audit).await
}

/// Finds a session with its credential and its clinic. `None` if it was ended, or if the key that began it was rotated out. A
/// session that is over, a revoked credential and an expired earlier key are returned too; the caller decides about them.
pub async fn find(store: &Store, key: &SessionKey) -> Result<Option<(Session, SignedIn)>> {
    let row = sqlx::query!(
        r#"select s.started_at as "started_at: jiff_sqlx::Timestamp", s.last_used_at as "last_used_at: jiff_sqlx::Timestamp",
                  case when s.key_prefix is distinct from c.prefix then c.previous_expires_at end as "key_until: jiff_sqlx::Timestamp",
                  c.credential_id, c.sender_id, c.role, c.display_name, c.prefix, c.origins, c.web_form,
                  c.created_at as "created_at: jiff_sqlx::Timestamp",
                  c.expires_at as "expires_at: jiff_sqlx::Timestamp", c.revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  c.previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp",
                  k.clinic_id, k.name, k.booking_url, k.emergency_number, k.language, k.pathways, k.languages,
                  k.suspended_at is not null as "suspended!", k.due_today_hours, k.due_this_week_hours, k.due_routine_hours,
                  k.retention_days, k.audit_retention_years, k.slug, k.profile as "profile: Json<Profile>",
                  exists (select from credentials f
                          where f.clinic_id = k.clinic_id and f.web_form and f.revoked_at is null) as "web_form_open!"
           from staff_sessions s
           join credentials c on c.clinic_id = s.clinic_id and c.credential_id = s.credential_id
           join clinics k on k.clinic_id = s.clinic_id
           where s.clinic_id = $1 and s.token_hash = $2
             and (s.key_prefix is not distinct from c.prefix or s.key_prefix = c.previous_prefix)"#,
        key.clinic_id.0,
        key.hash.as_slice(),
    )
    .fetch_optional(&mut *store.clinic(key.clinic_id).await?)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let session = session(key, row.started_at, row.last_used_at);
    let clinic = ClinicRow {
        clinic_id: row.clinic_id,
        name: row.name,
        booking_url: row.booking_url,
        emergency_number: row.emergency_number,
        language: row.language,
        pathways: row.pathways,
        languages: row.languages,
        suspended: row.suspended,
        due_today_hours: row.due_today_hours,
        due_this_week_hours: row.due_this_week_hours,
        due_routine_hours: row.due_routine_hours,
        retention_days: row.retention_days,
        audit_retention_years: row.audit_retention_years,
        slug: row.slug,
        profile: row.profile,
        web_form_open: row.web_form_open,
    }
    .read()?;
    let credential = CredentialRow {
        credential_id: row.credential_id,
        sender_id: row.sender_id,
        role: row.role,
        display_name: row.display_name,
        prefix: row.prefix,
        origins: row.origins,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        previous_expires_at: row.previous_expires_at,
        web_form: row.web_form,
    }
    .read(key.clinic_id)?;
    Ok(Some((session, SignedIn { credential, clinic, until: row.key_until.map(jiff_sqlx::Timestamp::to_jiff) })))
}

fn session(key: &SessionKey, started_at: jiff_sqlx::Timestamp, last_used_at: jiff_sqlx::Timestamp) -> Session {
    Session { way: key.way, started_at: started_at.to_jiff(), last_used_at: last_used_at.to_jiff() }
}

/// Stores that a session is in use.
pub async fn record_use(store: &Store, key: &SessionKey, now: Timestamp) -> Result<()> {
    let mut transaction = store.begin(key.clinic_id).await?;
    sqlx::query!(
        "update staff_sessions set last_used_at = $3 where clinic_id = $1 and token_hash = $2 and last_used_at < $3",
        key.clinic_id.0,
        key.hash.as_slice(),
        at(now) as _,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Ends a session and adds the audit entry in one transaction. Does nothing if the session was ended before.
pub async fn delete(store: &Store, key: &SessionKey, audit: &AuditEntry) -> Result<()> {
    let mut transaction = store.begin(key.clinic_id).await?;
    let done = sqlx::query!(
        "delete from staff_sessions where clinic_id = $1 and token_hash = $2",
        key.clinic_id.0,
        key.hash.as_slice(),
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 1 {
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(())
}

/// Deletes a batch of a clinic's sessions that are over, and returns their number.
pub async fn forget(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<u64> {
    let (used, started) = over_since(now);
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let gone = sqlx::query!(
        "delete from staff_sessions s
         using (
             select token_hash from staff_sessions
             where clinic_id = $1 and (last_used_at <= $2 or started_at <= $3) limit $4 for update skip locked
         ) past
         where s.clinic_id = $1 and s.token_hash = past.token_hash",
        clinic_id.0,
        bound(used) as _,
        bound(started) as _,
        BATCH,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(gone)
}
