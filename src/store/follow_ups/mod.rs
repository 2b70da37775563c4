//! Follow-ups and their changes. The domain decides a change; `keep` writes it, on the version that it was decided on.

pub mod commands;
pub(super) mod counting;
pub mod events;
pub(super) mod keep;
pub(super) mod merged_cases;
pub(super) mod row;
pub mod worklist;

use row::{Row, follow_up_query};

use super::database::Store;
use super::error::Result;
use crate::domain::follow_ups::{Dated, FollowUp};
use crate::domain::ids::{ClinicId, FollowUpId};

pub async fn find(store: &Store, clinic_id: ClinicId, follow_up_id: FollowUpId) -> Result<Option<FollowUp>> {
    Ok(find_dated(store, clinic_id, follow_up_id).await?.map(|found| found.follow_up))
}

pub async fn find_dated(store: &Store, clinic_id: ClinicId, follow_up_id: FollowUpId) -> Result<Option<Dated>> {
    let row = follow_up_query!(
        select "where clinic_id = $1 and follow_up_id = $2",
        clinic_id.0,
        follow_up_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(Row::read_dated).transpose()
}
