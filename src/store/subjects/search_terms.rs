//! The terms by which contact data is found, as keyed hashes.

use uuid::Uuid;

use crate::domain::ids::ClinicId;
use crate::store::database::Connection;
use crate::store::error::Result;

/// Adds the terms of subjects, each with its subject. Terms that are stored already stay.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    clinic_id: ClinicId,
    terms: Vec<(Uuid, Vec<u8>)>,
) -> Result<()> {
    if terms.is_empty() {
        return Ok(());
    }
    let (subjects, hashes): (Vec<Uuid>, Vec<Vec<u8>>) = terms.into_iter().unzip();
    sqlx::query!(
        "insert into subject_search_terms (clinic_id, subject_id, term_hash)
         select $1::uuid, t.subject_id, t.term_hash from unnest($2::uuid[], $3::bytea[]) as t (subject_id, term_hash)
         on conflict do nothing",
        clinic_id.0,
        &subjects,
        &hashes,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes all terms of subjects.
pub(in crate::store) async fn remove(
    connection: &mut Connection,
    clinic_id: ClinicId,
    subjects: &[Uuid],
) -> Result<()> {
    sqlx::query!(
        "delete from subject_search_terms where clinic_id = $1 and subject_id = any($2)",
        clinic_id.0,
        subjects,
    )
    .execute(connection)
    .await?;
    Ok(())
}
