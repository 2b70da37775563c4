//! The persons of a batch: found by their reference, or added. The reference of somebody who was found to be another person
//! finds that person.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::StoreError;
use super::super::keys::{Keys, SealNonce};
use super::super::row::at;
use super::super::session::{become_app, become_writer};
use super::super::subject_row::seal_reference;
use super::{Intake, Resolved};
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::subject::{LookUp, Reference};

/// A reference as it is written.
pub(super) struct Written {
    pub(super) hash: Vec<u8>,
    sealed: Vec<u8>,
    /// The hashes under earlier keys, while the key file holds some.
    earlier: Vec<Vec<u8>>,
    /// The beginning of the hash that every instance makes, in whatever order it holds its keys.
    lock: i64,
}

impl Written {
    pub(super) fn of(
        keys: &Keys,
        clinic_id: ClinicId,
        reference: &Reference,
        nonce: SealNonce,
    ) -> Result<Self, StoreError> {
        let normalized = LookUp::Reference.normalize(reference.as_str());
        let mut earlier = keys.blind_indexes(clinic_id.0, LookUp::Reference, &normalized);
        let eldest = earlier.get(keys.eldest()).and_then(|hash| hash.first_chunk::<8>().copied()).unwrap_or_default();
        let hash = earlier.remove(0);
        let sealed = seal_reference(keys, clinic_id, &hash, nonce, reference.as_str())?;
        Ok(Self { hash, sealed, earlier, lock: i64::from_be_bytes(eldest) })
    }
}

/// Finds or adds the person of each.
pub(super) async fn resolve<'a>(
    connection: &mut PgConnection,
    fresh: Vec<(usize, &'a Intake)>,
) -> Result<Vec<Resolved<'a>>, StoreError> {
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    move_to_the_current_key(connection, &fresh).await?;
    let found = insert(connection, &fresh).await?;
    let resolved = fresh.into_iter().map(|(place, intake)| {
        let person = intake.reference.as_ref().map_or(Person::New(intake.accepted.subject_id.0), |written| {
            Person::Known(intake.clinic(), written.hash.clone())
        });
        let broken = StoreError::Inconsistent { table: "subjects", what: "neither found nor added" };
        let subject_id = SubjectId(*found.get(&person).ok_or(broken)?);
        Ok(Resolved { intake, subject_id, follow_up: None, place })
    });
    resolved.collect()
}

/// How a person of a batch is told from the others.
#[derive(PartialEq, Eq, Hash)]
enum Person {
    /// By the reference's hash.
    Known(Uuid, Vec<u8>),
    /// By the id, for somebody without a reference.
    New(Uuid),
}

async fn insert(
    connection: &mut PgConnection,
    fresh: &[(usize, &Intake)],
) -> Result<HashMap<Person, Uuid>, StoreError> {
    let written = |of: fn(&Written) -> &Vec<u8>| -> Vec<Option<Vec<u8>>> {
        fresh.iter().map(|(_, intake)| intake.reference.as_ref().map(of).cloned()).collect()
    };
    let clinics: Vec<_> = fresh.iter().map(|(_, intake)| intake.clinic()).collect();
    let ids: Vec<_> = fresh.iter().map(|(_, intake)| intake.accepted.subject_id.0).collect();
    let times: Vec<_> = fresh.iter().map(|(_, intake)| at(intake.accepted.received_at)).collect();
    let rows = sqlx::query!(
        "insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, created_at, updated_at)
         select clinic_id, subject_id, reference_hash, reference_sealed, at, at
         from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::timestamptz[])
             as i (clinic_id, subject_id, reference_hash, reference_sealed, at)
         order by clinic_id, reference_hash
         on conflict (clinic_id, reference_hash) do update set updated_at = excluded.updated_at
         returning clinic_id, subject_id, reference_hash, merged_into",
        &clinics,
        &ids,
        &written(|written| &written.hash) as _,
        &written(|written| &written.sealed) as _,
        &times as _,
    )
    .fetch_all(connection)
    .await?;
    let persons = rows.into_iter().map(|row| {
        let person = match row.reference_hash {
            Some(hash) => Person::Known(row.clinic_id, hash),
            None => Person::New(row.subject_id),
        };
        (person, row.merged_into.unwrap_or(row.subject_id))
    });
    Ok(persons.collect())
}

/// While the key file holds earlier keys, a person may still stand under the hash of one: such a row is moved to the
/// current key first, so that nobody becomes two. The lock is for instances that hold the same keys in another order.
async fn move_to_the_current_key(connection: &mut PgConnection, fresh: &[(usize, &Intake)]) -> Result<(), StoreError> {
    let written =
        fresh.iter().filter_map(|(_, intake)| Some((intake.accepted.actor.clinic_id, intake.reference.as_ref()?)));
    let mut older: Vec<(ClinicId, &Written)> = written.filter(|(_, written)| !written.earlier.is_empty()).collect();
    if older.is_empty() {
        return Ok(());
    }
    // Every transaction takes the locks in one order.
    older.sort_by_key(|(_, written)| written.lock);
    for (clinic_id, written) in older {
        become_app(connection, clinic_id).await?;
        sqlx::query!("select pg_advisory_xact_lock($1)", written.lock).execute(&mut *connection).await?;
        sqlx::query!(
            "update subjects set reference_hash = $2, reference_sealed = $3
             where clinic_id = $1 and reference_hash = any($4)",
            clinic_id.0,
            written.hash,
            written.sealed,
            &written.earlier,
        )
        .execute(&mut *connection)
        .await?;
    }
    become_writer(connection).await
}
