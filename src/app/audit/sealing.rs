//! Sealing of the audit log: unsealed entries become the next links of the chains.

use crate::app::{App, Result};
use crate::domain::{audit::seal::Head, ids::ClinicId};
use crate::store;

/// Seals all unsealed entries, of every clinic and of the system. The head of each chain that grew is logged, so that a
/// later truncation can be detected. Fails when a chain cannot be read; the others are sealed.
pub async fn seal(app: &App) -> Result<Vec<Head>> {
    let (mut heads, mut failed) = (Vec::new(), None);
    for clinic_id in store::audit::seals::waiting(&app.store).await? {
        match seal_clinic(app, clinic_id).await {
            Ok(Some(head)) => {
                tracing::info!(%head, "sealed");
                heads.push(head);
            }
            Ok(None) => {}
            // The chains of other clinics are still sealed.
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(heads), Err)
}

async fn seal_clinic(app: &App, clinic_id: ClinicId) -> Result<Option<Head>> {
    let mut last = None;
    // Entries that arrive meanwhile are left for the next run: seals of few entries would only lengthen the chain.
    loop {
        let sealed = store::audit::seals::seal_next(&app.store, clinic_id, app.ambient.now()).await?;
        last = sealed.map(|sealed| sealed.head).or(last);
        if !sealed.is_some_and(|sealed| sealed.full) {
            return Ok(last);
        }
    }
}
