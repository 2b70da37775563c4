//! The references of subjects, for those who may see them.

use std::collections::HashMap;

use uuid::Uuid;

use super::row::open_reference;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::subjects::{Identity, LookUp, decomposed};
use crate::store::database::Store;
use crate::store::error::Result;

/// The identities of these subjects. Unknown ids have none.
pub async fn identities(store: &Store, clinic_id: ClinicId, ids: &[SubjectId]) -> Result<HashMap<SubjectId, Identity>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select subject_id, reference_hash, reference_sealed, row_version as version, merged_into,
                  exists (select from subjects other
                          where other.clinic_id = s.clinic_id and other.merged_into = s.subject_id) as "has_merged!"
           from subjects s where clinic_id = $1 and subject_id = any($2)"#,
        clinic_id.0,
        &ids,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let mut identities = HashMap::with_capacity(rows.len());
    for row in rows {
        let subject_id = SubjectId(row.subject_id);
        let sealed = row.reference_hash.zip(row.reference_sealed);
        let identity = Identity {
            subject_id,
            reference: open_reference(&store.keys, clinic_id, sealed)?,
            version: row.version,
            merged_into: row.merged_into.map(SubjectId),
            has_merged: row.has_merged,
        };
        identities.insert(subject_id, identity);
    }
    Ok(identities)
}

/// The subjects with the value of a reference, whatever its system; at most `most`. A merged subject counts as the one that it was
/// merged into.
pub async fn with_value(store: &Store, clinic_id: ClinicId, value: &str, most: u32) -> Result<Vec<SubjectId>> {
    let normalized = LookUp::Reference.normalize(value);
    let other = decomposed(&normalized);
    let forms = std::iter::once(normalized).chain(other).filter(|form| !form.is_empty());
    let of_form = |form: String| store.keys.blind_indexes(clinic_id.0, LookUp::Reference, &form);
    let hashes: Vec<Vec<u8>> = forms.flat_map(of_form).collect();
    let ids = sqlx::query_scalar!(
        r#"select distinct coalesce(merged_into, subject_id) as "id!" from subjects
           where clinic_id = $1 and (reference_hash = any($2) or reference_value_hash = any($2)) limit $3"#,
        clinic_id.0,
        &hashes,
        i64::from(most),
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(ids.into_iter().map(SubjectId).collect())
}
