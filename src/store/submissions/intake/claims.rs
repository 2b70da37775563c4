//! Idempotency keys of a batch, claimed first. While another transaction holds one of them, the insert waits for its end,
//! so that simultaneous copies of one request have one effect.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::{Intake, Outcome};
use crate::domain::{ids::ClinicId, submissions::Idempotency};
use crate::store::database::{Connection, at, removal_lock::beside_removals};
use crate::store::error::Result;
use crate::store::idempotency_keys::{Effect, Kept, Row};

/// The submissions of a batch that proceed, with their positions, and the outcomes of the others.
type Claimed<'a> = (Vec<(usize, &'a Intake)>, Vec<(usize, Outcome)>);

/// Claims every key of a batch. Submissions whose key is taken do not proceed. Expired keys are taken over. `None` when an
/// existing key was removed in between; the whole batch must then be tried again.
pub(super) async fn claim<'a>(connection: &mut Connection, part: &'a [Intake]) -> Result<Option<Claimed<'a>>> {
    let keyed: Vec<Keyed<'_>> = part
        .iter()
        .filter_map(|intake| Some(Keyed { intake, key: intake.accepted.draft.idempotency.as_ref()? }))
        .collect();
    let Some(now) = keyed.iter().map(|one| one.intake.accepted.received_at).max() else {
        return Ok(Some((part.iter().enumerate().collect(), Vec::new())));
    };
    let mut ours = insert(connection, &Columns::new(&keyed)).await?;
    let theirs: Vec<Keyed<'_>> = keyed.into_iter().filter(|one| !ours.contains(&one.submission())).collect();
    let mut known = read(connection, &theirs, now).await?;
    let past: Vec<Keyed<'_>> = theirs.into_iter().filter(|one| !known.contains_key(&one.submission())).collect();
    ours.extend(take_over(connection, &past, now).await?);
    let (mut fresh, mut outcomes) = (Vec::with_capacity(part.len()), Vec::new());
    for (place, intake) in part.iter().enumerate() {
        let submission = intake.accepted.submission_id.0;
        match known.remove(&submission) {
            Some(outcome) => outcomes.push((place, outcome)),
            None if intake.accepted.draft.idempotency.is_none() || ours.contains(&submission) => {
                fresh.push((place, intake));
            }
            None => return Ok(None),
        }
    }
    Ok(Some((fresh, outcomes)))
}

#[derive(Clone, Copy)]
struct Keyed<'a> {
    intake: &'a Intake,
    key: &'a Idempotency,
}

impl Keyed<'_> {
    fn submission(&self) -> Uuid {
        self.intake.accepted.submission_id.0
    }
}

struct Columns {
    clinics: Vec<Uuid>,
    senders: Vec<Uuid>,
    of_record: Vec<bool>,
    keys: Vec<String>,
    fingerprints: Vec<Vec<u8>>,
    submissions: Vec<Uuid>,
    expiries: Vec<jiff_sqlx::Timestamp>,
}

impl Columns {
    fn new(keyed: &[Keyed<'_>]) -> Self {
        Self {
            clinics: keyed.iter().map(|one| one.intake.clinic()).collect(),
            senders: keyed.iter().map(|one| one.key.sender_id.0).collect(),
            of_record: keyed.iter().map(|one| one.key.of_record).collect(),
            keys: keyed.iter().map(|one| one.key.key.clone()).collect(),
            fingerprints: keyed.iter().map(|one| one.key.fingerprint.to_vec()).collect(),
            submissions: keyed.iter().map(Keyed::submission).collect(),
            expiries: keyed.iter().map(|one| at(one.key.expires_at)).collect(),
        }
    }
}

/// The submissions whose keys were free and are claimed now. Existing keys are not locked.
async fn insert(connection: &mut Connection, columns: &Columns) -> Result<HashSet<Uuid>> {
    let ours = sqlx::query_scalar!(
        r#"insert into idempotency_keys
               (clinic_id, sender_id, of_record, idempotency_key, fingerprint, submission_id, expires_at)
           select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::bytea[], $6::uuid[],
                                $7::timestamptz[])
               as i (clinic_id, sender_id, of_record, idempotency_key, fingerprint, submission_id, expires_at)
           order by clinic_id, sender_id, of_record, idempotency_key
           on conflict (clinic_id, sender_id, of_record, idempotency_key) do nothing
           returning submission_id as "submission_id!""#,
        &columns.clinics,
        &columns.senders,
        &columns.of_record,
        &columns.keys,
        &columns.fingerprints,
        &columns.submissions,
        &columns.expiries as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(ours.into_iter().collect())
}

/// The recorded use of unexpired keys of other requests, by the submission that wanted the key.
async fn read(connection: &mut Connection, theirs: &[Keyed<'_>], now: Timestamp) -> Result<HashMap<Uuid, Outcome>> {
    if theirs.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = Columns::new(theirs);
    let rows = sqlx::query!(
        r#"select wanted as "wanted!", fingerprint, submission_id, resource_id, resource_version
           from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::uuid[])
               as i (clinic_id, sender_id, of_record, idempotency_key, wanted)
           join idempotency_keys k using (clinic_id, sender_id, of_record, idempotency_key)
           where k.expires_at > $6 and ($7::uuid[] is null or k.clinic_id = any($7))"#,
        &columns.clinics,
        &columns.senders,
        &columns.of_record,
        &columns.keys,
        &columns.submissions,
        at(now) as _,
        connection.named(&columns.clinics),
    )
    .fetch_all(connection)
    .await?;
    let mut known = HashMap::new();
    for row in rows {
        let Some(one) = theirs.iter().find(|one| one.submission() == row.wanted) else { continue };
        let (submission_id, resource_id, resource_version) = (row.submission_id, row.resource_id, row.resource_version);
        let kept = Row { fingerprint: row.fingerprint, submission_id, resource_id, resource_version };
        let outcome = match kept.kept(one.key)? {
            Kept::Same(Effect::Submission(submission_id)) => Outcome::Replay(submission_id),
            Kept::Same(Effect::Version(..)) | Kept::Other => Outcome::KeyReused,
        };
        known.insert(row.wanted, outcome);
    }
    Ok(known)
}

/// The submissions whose keys were expired and are claimed now.
async fn take_over(connection: &mut Connection, past: &[Keyed<'_>], now: Timestamp) -> Result<HashSet<Uuid>> {
    if past.is_empty() {
        return Ok(HashSet::new());
    }
    let columns = Columns::new(past);
    for clinic in columns.clinics.iter().collect::<BTreeSet<_>>() {
        beside_removals(connection, ClinicId(*clinic)).await?;
    }
    let ours = sqlx::query_scalar!(
        r#"with input as (
               select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::bytea[], $6::uuid[],
                                    $7::timestamptz[])
                   as i (clinic_id, sender_id, of_record, idempotency_key, fingerprint, submission_id, expires_at)
           ), past as (
               select k.clinic_id, k.sender_id, k.of_record, k.idempotency_key
               from idempotency_keys k join input using (clinic_id, sender_id, of_record, idempotency_key)
               where k.expires_at <= $8 and ($9::uuid[] is null or k.clinic_id = any($9))
               order by k.clinic_id, k.sender_id, k.of_record, k.idempotency_key for update of k
           )
           update idempotency_keys k
           set fingerprint = i.fingerprint, submission_id = i.submission_id, resource_id = null, resource_version = null,
               expires_at = i.expires_at
           from past join input i using (clinic_id, sender_id, of_record, idempotency_key)
           where k.clinic_id = past.clinic_id and k.sender_id = past.sender_id and k.of_record = past.of_record
             and k.idempotency_key = past.idempotency_key and ($9 is null or k.clinic_id = any($9))
           returning k.submission_id as "submission_id!""#,
        &columns.clinics,
        &columns.senders,
        &columns.of_record,
        &columns.keys,
        &columns.fingerprints,
        &columns.submissions,
        &columns.expiries as _,
        at(now) as _,
        connection.named(&columns.clinics),
    )
    .fetch_all(connection)
    .await?;
    Ok(ours.into_iter().collect())
}
