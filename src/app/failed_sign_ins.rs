//! Failed sign-ins, on record in the system's chain: the first of a credential at once, those of the minute after it
//! counted and told in one entry. No address and no part of a key is kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::audit::operator_entry;
use super::{App, AppError};
use crate::domain::audit::{AuditAction, AuditEntry, AuditOutcome};
use crate::domain::ids::{ClinicId, CredentialId};
use crate::store;

/// How long failures are counted before they are told.
const COUNTED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Credentials counted apart at once; beyond them failures are counted as those of nobody known.
const KEPT: usize = 1_000;

/// The failures of the last minute, by credential; the nil id stands for keys that are none of ours.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<Uuid, Counted>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    since: Timestamp,
    /// Those that no entry tells of yet.
    untold: i32,
}

impl Failures {
    /// Counts one; whether it is the first and is to be told at once, and of whom.
    fn count(&self, credential: Uuid, now: Timestamp) -> Option<Uuid> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = if kept.len() < KEPT || kept.contains_key(&credential) { credential } else { Uuid::nil() };
        if let Some(counted) = kept.get_mut(&of) {
            counted.untold = counted.untold.saturating_add(1);
            return None;
        }
        kept.insert(of, Counted { since: now, untold: 0 });
        Some(of)
    }

    /// Takes out what began at or before a time, with how many are still to be told of each.
    fn take(&self, until: Timestamp) -> Vec<(Uuid, i32)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = kept.extract_if(|_, counted| counted.since <= until);
        over.map(|(credential, counted)| (credential, counted.untold)).filter(|(_, untold)| *untold > 0).collect()
    }

    /// Puts back what could not be told.
    fn put_back(&self, credential: Uuid, untold: i32, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = kept.entry(credential).or_insert(Counted { since: now, untold: 0 });
        counted.untold = counted.untold.saturating_add(untold);
    }
}

/// Puts a failed sign-in on record, of a credential whose key was almost right, or of nobody known. It does not wait: the
/// one who failed learns nothing from it.
pub fn record(app: &App, credential_id: Option<CredentialId>) {
    let credential = credential_id.map_or(Uuid::nil(), |id| id.0);
    if let Some(credential) = app.failures.count(credential, app.ambient.now()) {
        let app = app.clone();
        tokio::spawn(async move { tell(&app, credential, 1).await });
    }
}

/// Tells of the failures whose minute has ended.
pub async fn tell_due(app: &App) {
    let now = app.ambient.now();
    tell_until(app, now.checked_sub(COUNTED_FOR).unwrap_or(Timestamp::MIN)).await;
}

/// Tells of all failures that no entry tells of yet.
pub async fn tell_all(app: &App) {
    tell_until(app, Timestamp::MAX).await;
}

async fn tell_until(app: &App, until: Timestamp) {
    for (credential, untold) in app.failures.take(until) {
        tell(app, credential, untold).await;
    }
}

async fn tell(app: &App, credential: Uuid, occurrences: i32) {
    let written = async {
        let entry = entry(app, credential, occurrences)?;
        store::audit_writer::write(&app.store, entry).await.map_err(AppError::from)
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "a failed sign-in is not on record yet");
        app.failures.put_back(credential, occurrences, app.ambient.now());
    }
}

fn entry(app: &App, credential: Uuid, occurrences: i32) -> Result<AuditEntry, AppError> {
    let entry = operator_entry(app, ClinicId(Uuid::nil()), AuditAction::SignInFailed, credential)?;
    Ok(AuditEntry { outcome: AuditOutcome::Refused, occurrences, ..entry })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_first_is_told_at_once_and_the_rest_of_its_minute_together() {
        let (failures, one, other) = (Failures::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(failures.count(one, at(0)), Some(one));
        assert_eq!(failures.count(one, at(10)), None);
        assert_eq!(failures.count(other, at(20)), Some(other));
        assert_eq!(failures.count(one, at(30)), None);
        assert_eq!(failures.take(at(-1)), []);
        assert_eq!(failures.take(at(0)), [(one, 2)]);
        assert_eq!(failures.count(one, at(61)), Some(one));
        // One that stayed alone has been told already.
        assert_eq!(failures.take(Timestamp::MAX), []);
    }

    #[test]
    fn however_many_credentials_are_tried_few_are_kept() {
        let failures = Failures::default();
        let told = (1..=5_000_u128).filter_map(|id| failures.count(Uuid::from_u128(id), at(0))).count();
        assert_eq!(told, KEPT + 1);
        assert_eq!(failures.0.lock().unwrap().len(), KEPT + 1);
        assert_eq!(failures.take(Timestamp::MAX), [(Uuid::nil(), 5_000 - 1_001)]);
    }
}
