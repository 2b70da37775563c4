//! Follow-ups and their changes. The domain decides a change; `keep` writes it, on the version that it was decided on.

pub mod commands;
pub mod events;
pub(super) mod keep;
pub(super) mod merged_cases;
pub(super) mod row;
pub mod worklist;

use row::follow_up_query;

use super::database::Store;
use super::error::StoreError;
use crate::domain::follow_ups::FollowUp;
use crate::domain::ids::{ClinicId, FollowUpId};

/// # Errors
/// Fails when the database is unavailable.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
) -> Result<Option<FollowUp>, StoreError> {
    let row = follow_up_query!(
        select "where clinic_id = $1 and follow_up_id = $2",
        clinic_id.0,
        follow_up_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(FollowUp::try_from).transpose()
}
