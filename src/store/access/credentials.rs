//! Credentials that sign in with a key. Only a keyed hash of each key is stored.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::access::credential::{Credential, Member};
use crate::domain::clinics::{Clinic, Profile};
use crate::domain::ids::{ClinicId, CredentialId, SenderId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::{access::actor::Role, audit::AuditEntry};
use crate::store::database::page::{Key, Scope};
use crate::store::database::writer::{Grouping, Work};
use crate::store::database::{Store, at, known};
use crate::store::{audit, clinics::row::ClinicRow, error::Result};

#[derive(Clone, Debug)]
pub struct SignedIn {
    pub credential: Credential,
    pub clinic: Clinic,
    /// When the presented key or token stops working, even if the credential continues to work. Set for a rotated-out key
    /// and for a token.
    pub until: Option<Timestamp>,
}

/// A credential found by the prefix of one of its keys.
#[derive(Clone, Debug)]
pub struct ByPrefix {
    pub signed_in: Arc<SignedIn>,
    hash: Vec<u8>,
}

/// Adds a credential and its audit entry in one transaction. Fails when the clinic does not exist.
pub async fn insert(store: &Store, credential: &Credential, key: &str, audit: &AuditEntry) -> Result<()> {
    let key_hash = store.keys.credential_hash(key);
    let mut transaction = store.begin(credential.clinic_id).await?;
    sqlx::query!(
        "insert into credentials
             (clinic_id, credential_id, role, display_name, prefix, key_hash, created_at, expires_at, origins, key_version,
              sender_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        credential.clinic_id.0,
        credential.credential_id.0,
        credential.role.as_str(),
        credential.display_name,
        credential.prefix,
        key_hash.as_slice(),
        at(credential.created_at) as _,
        credential.expires_at.map(at) as _,
        &credential.origins,
        i16::from(store.keys.version()?),
        credential.sender_id.0,
    )
    .execute(&mut *transaction)
    .await?;
    audit::commit(&store.keys, transaction, audit).await
}

/// A look-up of a key by its prefix. All waiting requests share one query, and only one query runs at a time. However many
/// invented keys are tried, they never use more than one database connection.
pub(in crate::store) struct LookUp(pub String);

/// Grouping of look-ups. The queue has no limit: each waiting request belongs to an HTTP connection, and their number is
/// limited.
pub(in crate::store) const LOOK_UPS: Grouping = Grouping { batch: 1_024, writers: 1, waiting: usize::MAX };

impl Work for LookUp {
    const QUEUE_NAME: &'static str = "sign_in";
    type Touched = ();
    type Outcome = Option<ByPrefix>;

    /// The clinic of a prefix is not known yet, so all prefixes share one queue.
    fn clinic_id(&self) -> ClinicId {
        ClinicId(Uuid::nil())
    }

    async fn commit(store: &Store, part: &[Self]) -> Result<Vec<Option<ByPrefix>>> {
        let prefixes: Vec<&str> = part.iter().map(|look_up| &*look_up.0).collect();
        find_by_prefixes(store, &prefixes).await
    }
}

/// Finds credentials by prefix with one query, in the order of the prefixes. A prefix matches the current or the previous
/// key. Revoked credentials and expired previous keys are returned too; the caller decides whether they may act.
async fn find_by_prefixes(store: &Store, prefixes: &[&str]) -> Result<Vec<Option<ByPrefix>>> {
    let rows = sqlx::query!(
        r#"select c.clinic_id, c.credential_id, c.sender_id, c.role, c.display_name, c.prefix, c.key_hash,
                  c.origins, c.previous_prefix, c.previous_key_hash, c.created_at as "created_at: jiff_sqlx::Timestamp",
                  c.expires_at as "expires_at: jiff_sqlx::Timestamp",
                  c.revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  c.previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp",
                  k.name, k.booking_url, k.emergency_number, k.language, k.pathways, k.languages,
                  k.suspended_at is not null as "suspended!", k.due_today_hours, k.due_this_week_hours,
                  k.due_routine_hours, k.retention_days, k.audit_retention_years, k.slug,
                  k.profile as "profile: Json<Profile>"
           from credentials c join clinics k on k.clinic_id = c.clinic_id
           where c.prefix = any ($1) or c.previous_prefix = any ($1)"#,
        prefixes as _
    )
    .fetch_all(&mut *store.auth().await?)
    .await?;
    let mut found = HashMap::new();
    for row in rows {
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
        }
        .read()?;
        let credential = CredentialRow {
            credential_id: row.credential_id,
            sender_id: row.sender_id,
            role: row.role,
            display_name: row.display_name,
            prefix: row.prefix.clone(),
            origins: row.origins,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            previous_expires_at: row.previous_expires_at,
        }
        .read(ClinicId(row.clinic_id))?;
        let previous_until = credential.previous_key_until;
        let keys = [(row.prefix, row.key_hash, None), (row.previous_prefix, row.previous_key_hash, previous_until)];
        for (prefix, hash, until) in keys {
            let Some((prefix, hash)) = prefix.zip(hash) else { continue };
            let signed_in = SignedIn { credential: credential.clone(), clinic: clinic.clone(), until };
            found.insert(prefix, ByPrefix { signed_in: Arc::new(signed_in), hash });
        }
    }
    Ok(prefixes.iter().map(|prefix| found.get(*prefix).cloned()).collect())
}

impl ByPrefix {
    pub fn is_key(&self, store: &Store, key: &str) -> bool {
        store.keys.is_credential_hash(key, &self.hash)
    }

    /// Rehashes a key whose hash was made with an earlier master key, including a rotated-out key that still works. `false`
    /// if there was nothing to do.
    pub async fn follow_master_key(&self, store: &Store, key: &str) -> Result<bool> {
        let current = store.keys.credential_hash(key);
        let Credential { clinic_id, credential_id, .. } = self.signed_in.credential;
        if self.hash == current {
            return Ok(false);
        }
        let mut transaction = store.begin(clinic_id).await?;
        sqlx::query!(
            "update credentials set
                 key_hash = case when key_hash = $5 then $3 else key_hash end,
                 key_version = case when key_hash = $5 then $4 else key_version end,
                 previous_key_hash = case when previous_key_hash = $5 then $3 else previous_key_hash end,
                 previous_key_version = case when previous_key_hash = $5 then $4 else previous_key_version end
             where clinic_id = $1 and credential_id = $2 and $5 in (key_hash, previous_key_hash)",
            clinic_id.0,
            credential_id.0,
            current.as_slice(),
            i16::from(store.keys.version()?),
            self.hash.as_slice(),
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// All credentials of a clinic, oldest first.
pub async fn list(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<Vec<Credential>> {
    let everything = PageRequest { limit: u16::MAX, cursor: None };
    Ok(page(store, clinic_id, &everything, now).await?.items)
}

/// One page of a clinic's credentials, oldest first.
pub async fn page(store: &Store, clinic_id: ClinicId, page: &PageRequest, now: Timestamp) -> Result<Page<Credential>> {
    let scope = Scope { clinic_id, list: "credentials by created_at", filter: String::new() };
    let after = scope.after(&store.keys, page, now)?;
    let rows = sqlx::query_as!(
        CredentialRow,
        r#"select credential_id, sender_id, role, display_name, prefix, origins,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp"
           from credentials
           where clinic_id = $1 and (created_at, credential_id) > (
               coalesce($2::timestamptz, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
           )
           order by created_at, credential_id limit $4"#,
        clinic_id.0,
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(page.limit) + 1,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let found = rows.into_iter().map(|row| row.read(clinic_id)).collect::<Result<Vec<_>, _>>()?;
    Ok(scope.page(&store.keys, page.limit, now, found, |last| Key::new(last.created_at, last.credential_id.0)))
}

pub async fn find(store: &Store, clinic_id: ClinicId, credential_id: CredentialId) -> Result<Option<Credential>> {
    let row = sqlx::query_as!(
        CredentialRow,
        r#"select credential_id, sender_id, role, display_name, prefix, origins,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp"
           from credentials where clinic_id = $1 and credential_id = $2"#,
        clinic_id.0,
        credential_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(|row| row.read(clinic_id)).transpose()
}

/// Gives a credential a new key. The current key works until `overlap_end` if set, and otherwise stops working at once; the
/// key before it stops working in any case. `false` when no such credential has a key that still works.
pub async fn rotate(
    store: &Store,
    credential_id: CredentialId,
    (prefix, key): (&str, &str),
    overlap_end: Option<Timestamp>,
    audit: &AuditEntry,
) -> Result<bool> {
    let key_hash = store.keys.credential_hash(key);
    let mut transaction = store.begin(audit.clinic_id).await?;
    let done = sqlx::query!(
        "update credentials set
             prefix = $3, key_hash = $4, key_version = $7, rotated_at = $5, previous_expires_at = $6,
             previous_prefix = case when $6::timestamptz is not null then prefix end,
             previous_key_hash = case when $6::timestamptz is not null then key_hash end,
             previous_key_version = case when $6::timestamptz is not null then key_version end
         where clinic_id = $1 and credential_id = $2 and prefix is not null and revoked_at is null
             and (expires_at is null or expires_at > $5)",
        audit.clinic_id.0,
        credential_id.0,
        prefix,
        key_hash.as_slice(),
        at(audit.at) as _,
        overlap_end.map(at) as _,
        i16::from(store.keys.version()?),
    )
    .execute(&mut *transaction)
    .await?;
    let rotated = done.rows_affected() == 1;
    if rotated {
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(rotated)
}

/// Revokes a credential. `false` when it does not exist or is already revoked.
pub async fn revoke(store: &Store, credential_id: CredentialId, audit: &AuditEntry) -> Result<bool> {
    let mut transaction = store.begin(audit.clinic_id).await?;
    let done = sqlx::query!(
        "update credentials set revoked_at = $3
         where clinic_id = $1 and credential_id = $2 and revoked_at is null",
        audit.clinic_id.0,
        credential_id.0,
        at(audit.at) as _,
    )
    .execute(&mut *transaction)
    .await?;
    let revoked = done.rows_affected() == 1;
    if revoked {
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(revoked)
}

/// Whether a credential may work on follow-ups now: an active credential of the role staff or admin.
pub async fn can_work(
    store: &Store,
    clinic_id: ClinicId,
    credential_id: CredentialId,
    now: jiff::Timestamp,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from credentials
               where clinic_id = $1 and credential_id = $2 and role in ('staff', 'admin') and revoked_at is null
                 and (expires_at is null or expires_at > $3)
           ) as "can!""#,
        clinic_id.0,
        credential_id.0,
        at(now) as _,
    )
    .fetch_one(&mut *store.clinic(clinic_id).await?)
    .await?)
}

/// Upper limit of the people in a list of those who work on follow-ups.
const MOST_STAFF: i64 = 1_000;

/// The people who can work on follow-ups now, by name: the holders of active credentials of the roles staff and admin.
pub async fn staff(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<Vec<Member>> {
    let rows = sqlx::query!(
        "select credential_id, display_name, role from credentials
         where clinic_id = $1 and role in ('staff', 'admin') and revoked_at is null and (expires_at is null or expires_at > $2)
         order by display_name, credential_id limit $3",
        clinic_id.0,
        at(now) as _,
        MOST_STAFF,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let member = |id, display_name, role: &str| {
        let role = known(Role::parse(role), "credentials", "role")?;
        Ok(Member { credential_id: CredentialId(id), display_name, role })
    };
    rows.into_iter().map(|row| member(row.credential_id, row.display_name, &row.role)).collect()
}

/// The columns of a credential, without its clinic and hashes.
pub(in crate::store) struct CredentialRow {
    pub credential_id: Uuid,
    pub sender_id: Uuid,
    pub role: String,
    pub display_name: String,
    pub prefix: Option<String>,
    pub origins: Vec<String>,
    pub created_at: jiff_sqlx::Timestamp,
    pub expires_at: Option<jiff_sqlx::Timestamp>,
    pub revoked_at: Option<jiff_sqlx::Timestamp>,
    pub previous_expires_at: Option<jiff_sqlx::Timestamp>,
}

impl CredentialRow {
    pub(in crate::store) fn read(self, clinic_id: ClinicId) -> Result<Credential> {
        Ok(Credential {
            clinic_id,
            credential_id: CredentialId(self.credential_id),
            sender_id: SenderId(self.sender_id),
            role: known(Role::parse(&self.role), "credentials", "role")?,
            display_name: self.display_name,
            prefix: self.prefix,
            origins: self.origins,
            created_at: self.created_at.to_jiff(),
            expires_at: self.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
            revoked_at: self.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
            previous_key_until: self.previous_expires_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}
