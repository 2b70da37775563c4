//! The counts of the refusals that are folded, by kind. A kind is a credential, an action and an outcome.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use uuid::Uuid;

use crate::app::ambient::{Ambient, new_id};
use crate::app::error::Result;
use crate::domain::audit::{AuditAction, AuditEntry, AuditOutcome};
use crate::domain::ids::{ClinicId, CredentialId, SubjectId};
use crate::store::writers::Writers;

/// How long refusals are counted after an entry of their kind.
const COUNTED_FOR: Duration = Duration::from_mins(1);
/// The pause before a failed write is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Maximum number of kinds counted separately. Further ones are counted by clinic, action and outcome.
const APART: usize = 10_000;
/// Maximum number of kinds counted separately or by clinic. Further ones are counted by action and outcome.
const BY_CLINIC: usize = 2 * APART;
/// Maximum number of distinct resources, and of distinct subjects, in one entry.
const NAMED: usize = 50;

/// What refusals that are counted together have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::app) struct Kind {
    /// The clinic of the audit log; nil for the system's.
    pub clinic_id: ClinicId,
    /// The refused credential, if it is known and counted separately.
    pub credential_id: Option<CredentialId>,
    pub action: AuditAction,
    pub outcome: AuditOutcome,
    /// The resource of every entry of the kind; nil if each refusal has its own.
    pub resource_id: Uuid,
}

/// The details of one refusal besides its kind.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::app) struct Refusal {
    /// The requested resource; nil if there was none.
    pub resource_id: Uuid,
    pub subject: Option<SubjectId>,
    pub request_id: Option<Uuid>,
}

/// The write of a first entry; every refusal of its kind may wait for it.
pub(super) type Written = Shared<BoxFuture<'static, Result<(), String>>>;

/// The refusals of the last minute, by kind.
#[derive(Default)]
pub(crate) struct RefusalCounts(Mutex<HashMap<Kind, Counted>>);

#[derive(Default)]
pub(super) struct Counted {
    /// When the last entry of the kind was written, in the process's monotonic time.
    since: Duration,
    /// The write of the first entry, until its result has been checked.
    first: Option<Written>,
    unwritten: Unwritten,
    failing: bool,
}

/// Refusals that are not written to an entry yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unwritten {
    pub occurrences: i32,
    resource_ids: Vec<Uuid>,
    subject_ids: Vec<SubjectId>,
}

pub(super) enum Entered {
    /// Nothing: it is counted.
    Counted,
    /// Wait for the write of its own entry.
    First(Kind, Written),
    /// Count it once the first entry of its kind is on disk.
    Second(Kind, Written),
    /// Reject it uncounted: the refusals before it could not be written.
    Failing(Kind),
}

impl RefusalCounts {
    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal, or starts its kind with an entry of its own.
    pub(super) fn enter(
        &self,
        ambient: &dyn Ambient,
        writers: &Writers,
        kind: Kind,
        refusal: Refusal,
    ) -> Result<Entered> {
        let now = ambient.elapsed();
        let mut kinds = self.lock();
        let kind = kept_as(&kinds, kind);
        if kinds.get(&kind).is_some_and(|counted| counted.over(now) && counted.idle()) {
            kinds.remove(&kind);
        }
        if let Some(counted) = kinds.get_mut(&kind) {
            if counted.failing {
                return Ok(Entered::Failing(kind));
            }
            if let Some(first) = counted.first.as_ref().filter(|first| !is_on_disk(first)) {
                return Ok(Entered::Second(kind, first.clone()));
            }
            counted.unwritten.add(&Unwritten::from_refusal(refusal));
            return Ok(Entered::Counted);
        }
        let entry = Unwritten::from_refusal(refusal).first_entry(ambient, kind)?;
        let entry = AuditEntry { request_id: refusal.request_id, ..entry };
        let writers = writers.clone();
        let write = async move { writers.write_audit_entry(entry).await.map_err(|error| error.to_string()) };
        let written = write.boxed().shared();
        kinds.insert(kind, Counted { since: now, first: Some(written.clone()), ..Counted::default() });
        drop(kinds);
        // Starts the write now, whether or not a caller waits for it.
        let _ = written.clone().now_or_never();
        Ok(Entered::First(kind, written))
    }

    pub(super) fn add(&self, kind: Kind, now: Duration, unwritten: &Unwritten) {
        let mut kinds = self.lock();
        let kind = kept_as(&kinds, kind);
        let counted = kinds.entry(kind).or_insert_with(|| Counted { since: now, ..Counted::default() });
        counted.unwritten.add(unwritten);
    }

    /// The time until a count is due. A kind that begins later is not due sooner, unless its first write fails.
    pub(super) fn next_due(&self, now: Duration) -> Duration {
        let wait = |counted: &Counted| {
            if counted.fails() { AGAIN } else { (counted.since + COUNTED_FOR).saturating_sub(now) }
        };
        self.lock().values().map(wait).min().unwrap_or(COUNTED_FOR)
    }

    /// Forgets a kind whose first entry could not be written.
    pub(super) fn forget(&self, kind: Kind, written: &Written) {
        let mut kinds = self.lock();
        if kinds.get(&kind).and_then(|counted| counted.first.as_ref()).is_some_and(|first| first.ptr_eq(written)) {
            kinds.remove(&kind);
        }
    }

    /// Takes the unwritten refusals of the kinds that are due, and forgets due kinds without any.
    pub(super) fn take(
        &self,
        now: Duration,
        due: impl Fn(&Counted) -> bool,
    ) -> Vec<(Kind, Option<Written>, Unwritten)> {
        let mut kinds = self.lock();
        kinds.retain(|_, counted| !(due(counted) && counted.idle()));
        let due = kinds.iter_mut().filter(|(_, counted)| due(counted));
        let taken = due.map(|(kind, counted)| {
            counted.since = now;
            (*kind, counted.first.take(), std::mem::take(&mut counted.unwritten))
        });
        taken.collect()
    }

    /// Counts refusals again after a failed write. Until a write succeeds, further refusals of the kind fail.
    pub(super) fn put_back(&self, kind: Kind, now: Duration, unwritten: &Unwritten) {
        self.add(kind, now, unwritten);
        if let Some(counted) = self.lock().get_mut(&kind) {
            counted.failing = true;
        }
    }

    pub(super) fn succeeded(&self, kind: Kind) {
        if let Some(counted) = self.lock().get_mut(&kind) {
            counted.failing = false;
        }
    }
}

/// The kind that a refusal is counted as: its own while there is room, else a coarser one.
fn kept_as(kinds: &HashMap<Kind, Counted>, kind: Kind) -> Kind {
    let of_clinic = Kind { credential_id: None, resource_id: Uuid::nil(), ..kind };
    let of_action = Kind { clinic_id: ClinicId(Uuid::nil()), ..of_clinic };
    let mut fits = [(kind, APART), (of_clinic, BY_CLINIC)].into_iter();
    fits.find(|(kind, room)| kinds.len() < *room || kinds.contains_key(kind)).map_or(of_action, |(kind, _)| kind)
}

/// Whether an entry is known to be on disk.
fn is_on_disk(written: &Written) -> bool {
    written.clone().now_or_never() == Some(Ok(()))
}

impl Counted {
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.fails() || self.over(now)
    }

    /// Whether the latest write failed.
    fn fails(&self) -> bool {
        self.failing || self.first.as_ref().is_some_and(|first| matches!(first.clone().now_or_never(), Some(Err(_))))
    }

    fn over(&self, now: Duration) -> bool {
        self.since + COUNTED_FOR <= now
    }

    /// Whether all refusals of the kind are written.
    fn idle(&self) -> bool {
        self.first.as_ref().is_none_or(is_on_disk) && self.unwritten.occurrences == 0 && !self.failing
    }
}

impl Unwritten {
    pub(super) fn from_refusal(refusal: Refusal) -> Self {
        let resource_ids = Some(refusal.resource_id).filter(|id| !id.is_nil()).into_iter().collect();
        Self { occurrences: 1, resource_ids, subject_ids: refusal.subject.into_iter().collect() }
    }

    fn add(&mut self, more: &Self) {
        self.occurrences = self.occurrences.saturating_add(more.occurrences);
        name(&mut self.resource_ids, &more.resource_ids);
        name(&mut self.subject_ids, &more.subject_ids);
    }

    pub(super) fn entry(&self, ambient: &dyn Ambient, kind: Kind) -> Result<AuditEntry> {
        let at = ambient.now();
        let entry = AuditEntry::new(new_id(ambient, at)?, kind.clinic_id, at, kind.action, kind.resource_id);
        let (credential_id, outcome, occurrences) = (kind.credential_id, kind.outcome, self.occurrences);
        let resource_ids = self.resource_ids.clone();
        Ok(AuditEntry { credential_id, outcome, resource_ids, occurrences, ..entry.about(&self.subject_ids) })
    }

    fn first_entry(&self, ambient: &dyn Ambient, kind: Kind) -> Result<AuditEntry> {
        let resource_id = self.resource_ids.first().copied().unwrap_or(kind.resource_id);
        Ok(AuditEntry { resource_id, resource_ids: Vec::new(), ..self.entry(ambient, kind)? })
    }
}

/// Adds distinct values up to the maximum.
fn name<T: Copy + PartialEq>(named: &mut Vec<T>, more: &[T]) {
    for one in more {
        if named.len() < NAMED && !named.contains(one) {
            named.push(*one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(clinic: u128, credential: u128) -> Kind {
        Kind {
            clinic_id: ClinicId(Uuid::from_u128(clinic)),
            credential_id: Some(CredentialId(Uuid::from_u128(credential))),
            action: AuditAction::SubmissionRead,
            outcome: AuditOutcome::NotFound,
            resource_id: Uuid::nil(),
        }
    }

    fn refusal(id: u128) -> Unwritten {
        Unwritten::from_refusal(Refusal { resource_id: Uuid::from_u128(id), ..Refusal::default() })
    }

    #[test]
    fn the_number_of_kinds_is_bounded_and_every_refusal_is_counted() {
        let counts = RefusalCounts::default();
        for number in 1..=50_000 {
            counts.add(kind(number % 30_000, number), Duration::ZERO, &refusal(number));
        }
        let kept = counts.take(COUNTED_FOR, |_| true);
        assert_eq!(kept.len(), BY_CLINIC + 1);
        assert_eq!(kept.iter().map(|(_, _, unwritten)| unwritten.occurrences).sum::<i32>(), 50_000);
        let of_nobody = kept.iter().filter(|(kind, ..)| kind.clinic_id.0.is_nil() && kind.credential_id.is_none());
        assert_eq!(of_nobody.count(), 1);
    }

    #[test]
    fn an_entry_lists_fifty_distinct_resources() {
        let counts = RefusalCounts::default();
        for number in 0..200 {
            counts.add(kind(1, 1), Duration::ZERO, &refusal(number % 70));
        }
        let [(_, _, unwritten)] = <[_; 1]>::try_from(counts.take(COUNTED_FOR, |_| true)).unwrap_or_else(|_| panic!());
        let named: Vec<Uuid> = (1..=50).map(Uuid::from_u128).collect();
        assert_eq!((unwritten.occurrences, unwritten.resource_ids), (200, named));
    }

    #[test]
    fn a_failed_write_is_kept_and_tried_again() {
        let counts = RefusalCounts::default();
        counts.add(kind(1, 1), Duration::ZERO, &refusal(1));
        assert!(counts.take(Duration::from_secs(59), |counted| counted.over(Duration::from_secs(59))).is_empty());
        let taken = counts.take(COUNTED_FOR, |counted| counted.over(COUNTED_FOR));
        counts.put_back(kind(1, 1), COUNTED_FOR, &taken[0].2);
        counts.add(kind(1, 1), COUNTED_FOR, &refusal(2));
        let again = counts.take(COUNTED_FOR, |counted| counted.failing);
        assert_eq!((again[0].2.occurrences, again[0].2.resource_ids.len()), (2, 2));
        counts.succeeded(kind(1, 1));
        assert!(counts.take(COUNTED_FOR, |counted| counted.failing).is_empty());
    }

    #[test]
    fn a_kind_whose_first_write_failed_is_due_at_once() {
        let due = |write: BoxFuture<'static, Result<(), String>>| {
            Counted { first: Some(write.shared()), ..Counted::default() }.is_due(Duration::ZERO)
        };
        assert!(due(std::future::ready(Err("no connection".to_owned())).boxed()));
        assert!(!due(std::future::ready(Ok(())).boxed()) && !due(std::future::pending().boxed()));
    }
}
