//! Retry keys of a batch: claimed first. While another transaction holds one, the insert waits for that one to end, so that
//! simultaneous copies of one request settle to one effect.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::StoreError;
use super::super::idempotency_keys::{Effect, Kept, Row};
use super::super::row::at;
use super::{Intake, Outcome};
use crate::domain::submission::Idempotency;

/// Those of a batch that go on, with their places in it, and the outcomes of the others.
type Claimed<'a> = (Vec<(usize, &'a Intake)>, Vec<(usize, Outcome)>);

/// Claims every key of a batch; whose key is taken does not go on. A key past its time is taken over.
pub(super) async fn claim<'a>(connection: &mut PgConnection, part: &'a [Intake]) -> Result<Claimed<'a>, StoreError> {
    let keyed: Vec<(usize, &Intake, &Idempotency)> = part
        .iter()
        .enumerate()
        .filter_map(|(place, intake)| Some((place, intake, intake.accepted.draft.idempotency.as_ref()?)))
        .collect();
    if keyed.is_empty() {
        return Ok((part.iter().enumerate().collect(), Vec::new()));
    }
    let ours = insert(connection, &keyed).await?;
    let (mut fresh, mut outcomes) = (Vec::with_capacity(part.len()), Vec::new());
    for (place, intake) in part.iter().enumerate() {
        match &intake.accepted.draft.idempotency {
            Some(key) if !ours.contains(&intake.accepted.submission_id.0) => {
                outcomes.push((place, taken(connection, intake, key).await?));
            }
            _ => fresh.push((place, intake)),
        }
    }
    Ok((fresh, outcomes))
}

/// The submissions whose keys are theirs now.
async fn insert(
    connection: &mut PgConnection,
    keyed: &[(usize, &Intake, &Idempotency)],
) -> Result<HashSet<Uuid>, StoreError> {
    let clinics: Vec<_> = keyed.iter().map(|(_, intake, _)| intake.clinic()).collect();
    let origins: Vec<_> = keyed.iter().map(|(_, intake, key)| key.space(intake.accepted.origin).to_owned()).collect();
    let keys: Vec<_> = keyed.iter().map(|(_, _, idempotency)| idempotency.key.clone()).collect();
    let fingerprints: Vec<_> = keyed.iter().map(|(_, _, idempotency)| idempotency.fingerprint.to_vec()).collect();
    let submissions: Vec<_> = keyed.iter().map(|(_, intake, _)| intake.accepted.submission_id.0).collect();
    let expiries: Vec<_> = keyed.iter().map(|(_, _, idempotency)| at(idempotency.expires_at)).collect();
    let now = keyed.iter().map(|(_, intake, _)| intake.accepted.received_at).max();
    let ours = sqlx::query_scalar!(
        r#"insert into idempotency_keys as k
               (clinic_id, origin, idempotency_key, fingerprint, submission_id, expires_at)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::timestamptz[])
               as i (clinic_id, origin, idempotency_key, fingerprint, submission_id, expires_at)
           order by clinic_id, origin, idempotency_key
           on conflict (clinic_id, origin, idempotency_key) do update
               set fingerprint = excluded.fingerprint, submission_id = excluded.submission_id,
                   resource_id = null, resource_version = null, expires_at = excluded.expires_at
               where k.expires_at <= $7
           returning submission_id as "submission_id!""#,
        &clinics,
        &origins,
        &keys,
        &fingerprints,
        &submissions,
        &expiries as _,
        now.map(at) as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(ours.into_iter().collect())
}

/// What a key stands for that another request has.
async fn taken(connection: &mut PgConnection, intake: &Intake, key: &Idempotency) -> Result<Outcome, StoreError> {
    let kept = sqlx::query_as!(
        Row,
        "select fingerprint, submission_id, resource_id, resource_version from idempotency_keys
         where clinic_id = $1 and origin = $2 and idempotency_key = $3",
        intake.clinic(),
        key.space(intake.accepted.origin),
        key.key,
    )
    .fetch_one(connection)
    .await?;
    Ok(match kept.kept(key)? {
        Kept::Same(Effect::Submission(submission_id)) => Outcome::Replay(submission_id),
        Kept::Same(Effect::Version(..)) | Kept::Other => Outcome::KeyReused,
    })
}
