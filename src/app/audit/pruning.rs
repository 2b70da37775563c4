//! Retention of the audit log: entries past their clinic's retention period are verified and then removed in whole seals. A
//! tombstone replaces them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::{operator_entry, verification::entry_breaks};
use crate::app::{App, Result};
use crate::domain::audit::seal::{Break, Chain, NOTHING, Tombstone};
use crate::domain::audit::{AUDIT_YEARS, AuditAction, AuditEntry};
use crate::domain::ids::ClinicId;
use crate::store::audit::pruning::{Covered, begin};
use crate::store::audit::trail::{ENTRIES, SealWithEntries};
use crate::store::clinics;

/// Approximate maximum of seals per transaction; each covers at most a thousand entries.
const SEALS_AT_ONCE: i64 = 10_000;
/// Approximate maximum of entries per transaction.
const ENTRIES_AT_ONCE: i64 = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pruning {
    /// The seals were removed; in a dry run, they would be.
    Removed(Tombstone),
    /// The seals do not verify, so nothing was removed.
    Refused(Vec<Break>),
}

/// Prunes one clinic, or every clinic that has a retention period for its audit log. If the oldest seals of a clinic do
/// not verify, nothing of it is removed. A dry run only reports what would be removed. Fails when the account is not
/// the owner of the database; what was removed stays removed.
pub async fn prune(
    app: &App,
    clinic_id: Option<ClinicId>,
    dry_run: bool,
    mut found: impl FnMut(ClinicId, Pruning),
) -> Result<()> {
    for clinic in clinics::list(&app.store).await? {
        let wanted = clinic_id.is_none_or(|wanted| wanted == clinic.clinic_id);
        let Some(years) = clinic.audit_retention_years.filter(|_| wanted) else { continue };
        let Some(before) = years_before(app.ambient.now(), years.max(AUDIT_YEARS)) else { continue };
        while let Some(pruning) = prune_some(app, clinic.clinic_id, before, dry_run).await? {
            let last = dry_run || matches!(pruning, Pruning::Refused(_));
            found(clinic.clinic_id, pruning);
            if last {
                break;
            }
        }
    }
    Ok(())
}

fn years_before(now: Timestamp, years: u32) -> Option<Timestamp> {
    let years = i64::from(years).years();
    now.to_zoned(TimeZone::UTC).checked_sub(years).ok().map(|before| before.timestamp())
}

/// Removes the oldest seals made before a time, in one transaction; `None` if there are none.
async fn prune_some(app: &App, clinic_id: ClinicId, before: Timestamp, dry_run: bool) -> Result<Option<Pruning>> {
    let mut snapshot = begin(&app.store, clinic_id).await?;
    let mut chain = Chain::default();
    let tombstones = snapshot.tombstones(clinic_id).await?;
    let mut broken: Vec<Break> = tombstones.into_iter().flat_map(|one| chain.follow_tombstone(one)).collect();
    let (first_seal, previous_mac) = (chain.last() + 1, chain.last_mac().unwrap_or(NOTHING));
    let (mut removed, mut after) = (None, None);
    loop {
        let mut seals = snapshot.seals(clinic_id, after).await?;
        let all = seals.len();
        let old = |seal: &&SealWithEntries| seal.sealed_at.is_some_and(|at| at < before.as_microsecond());
        seals.truncate(seals.iter().take_while(old).count());
        for seal in &seals {
            broken.extend(chain.follow(seal.link));
            for entries in seal.entries.chunks(ENTRIES) {
                broken.extend(entry_breaks(&mut snapshot, clinic_id, seal.key_version, entries).await?.0);
            }
        }
        if !broken.is_empty() {
            return Ok(Some(Pruning::Refused(broken)));
        }
        let Some(more) = snapshot.covered(clinic_id, &seals).await? else { break };
        if !dry_run {
            snapshot.remove(clinic_id, &seals).await?;
        }
        after = Some(chain.last());
        let whole = together(removed, more);
        removed = Some(whole);
        let full = chain.last() - first_seal >= SEALS_AT_ONCE || whole.entries >= ENTRIES_AT_ONCE;
        if seals.len() < all || (full && !dry_run) {
            break;
        }
    }
    let (Some(Covered { entries, first_at, last_at }), Some(last_mac)) = (removed, chain.last_mac()) else {
        return Ok(None);
    };
    let (last_seal, pruned_at) = (chain.last(), app.ambient.now());
    let tombstone = Tombstone { first_seal, last_seal, entries, first_at, last_at, previous_mac, last_mac, pruned_at };
    if !dry_run {
        let entry = operator_entry(app, clinic_id, AuditAction::AuditEntriesPruned, clinic_id.0)?;
        let occurrences = i32::try_from(entries).unwrap_or(i32::MAX);
        snapshot.bury(&tombstone, &AuditEntry { occurrences, ..entry }).await?;
    }
    Ok(Some(Pruning::Removed(tombstone)))
}

fn together(before: Option<Covered>, more: Covered) -> Covered {
    before.map_or(more, |before| Covered {
        entries: before.entries + more.entries,
        first_at: before.first_at.min(more.first_at),
        last_at: before.last_at.max(more.last_at),
    })
}
