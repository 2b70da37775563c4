//! Statistics: read them, and count past days.

use crate::app::{App, Result, audit::audited_read};
use crate::domain::submissions::statistics::{DayRange, Statistics, last_over};
use crate::domain::{access::actor::Actor, audit::AuditAction};
use crate::store::{self, database::Store};

/// The clinic's statistics for a range of days.
pub async fn read(app: &App, actor: &Actor, range: DayRange) -> Result<Statistics> {
    let now = app.ambient.now();
    let read = async |store: Store| store::submissions::statistics::read(&store, actor.clinic_id, range, now).await;
    let statistics = app.reports.read(read).await?;
    audited_read(app, actor, AuditAction::StatsRead, actor.clinic_id.0, &[]).await?;
    Ok(statistics)
}

/// Counts every past day of every clinic that is not counted yet, each in its own transaction, and returns the number
/// of days. Days counted before a failure stay counted.
pub async fn count_days(app: &App) -> Result<u64> {
    let last = last_over(app.ambient.now());
    let mut days = 0;
    for clinic in store::clinics::list(&app.store).await? {
        while store::submissions::statistics::count_next_day(&app.store, clinic.clinic_id, last).await?.is_some() {
            days += 1;
        }
    }
    Ok(days)
}
