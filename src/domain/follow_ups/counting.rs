//! What counts of the submissions of a follow-up, and how a follow-up takes it when it is reopened or a correction is erased.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{Change, EventKind, FollowUp, FollowUpState, Refusal};
use crate::ids::{CredentialId, FollowUpId, SubmissionId};
use crate::screening::rule_table::Band;
use crate::screening::urgency::Urgency;

/// What a follow-up takes from one of its submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub submission_id: SubmissionId,
    /// `None` if the submission is not flagged.
    pub urgency: Option<Urgency>,
    /// The settled band: the band of the lower bound.
    pub band: Band,
    pub findings: Vec<String>,
    pub positive_instruments: Vec<String>,
}

/// A submission of a follow-up, or a correction of the same subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whether it belongs to the follow-up.
    pub belongs: bool,
    pub supersedes: Option<SubmissionId>,
    pub received_at: Timestamp,
    pub content: Content,
}

/// What counts of a follow-up: its submissions, each with its last correction in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    pub contents: Vec<Content>,
    /// When the last of these corrections was received.
    corrected_at: Option<Timestamp>,
}

impl Counting {
    /// `parts` are the submissions of a follow-up and all corrections of its subject. A correction counts also if it does not belong
    /// to the follow-up, because it was received while that was closed.
    pub fn new(parts: Vec<Part>) -> Self {
        let mut corrections = HashMap::<SubmissionId, Vec<usize>>::new();
        for (index, part) in parts.iter().enumerate() {
            if let Some(supersedes) = part.supersedes {
                corrections.entry(supersedes).or_default().push(index);
            }
        }
        let mut waiting: Vec<usize> = (0..parts.len()).filter(|index| parts[*index].belongs).collect();
        let (mut counts, mut seen, mut corrected_at) = (BTreeSet::new(), BTreeSet::new(), None);
        while let Some(index) = waiting.pop() {
            if !seen.insert(index) {
                continue;
            }
            if let Some(later) = corrections.get(&parts[index].content.submission_id) {
                corrected_at = later.iter().map(|one| parts[*one].received_at).max().max(corrected_at);
                waiting.extend(later);
            } else {
                counts.insert(index);
            }
        }
        let counted = parts.into_iter().enumerate().filter(|(index, _)| counts.contains(index));
        Self { contents: counted.map(|(_, part)| part.content).collect(), corrected_at }
    }

    /// What a submission contributes; `None` if it does not count.
    pub fn content_of(&self, submission_id: SubmissionId) -> Option<&Content> {
        self.contents.iter().find(|content| content.submission_id == submission_id)
    }

    /// A command that reopens a follow-up, with what counts now. A follow-up without corrections stays as it was.
    pub fn reopened(&self, change: Change, hours: impl Fn(Urgency) -> u16) -> Change {
        if change.after.corrected_at.is_none() && self.corrected_at.is_none() {
            return change;
        }
        Change { after: self.applied(&change.after, change.at, hours), ..change }
    }

    /// The change of a follow-up whose submission counts again; `None` if there is none. An open follow-up gets what counts now. A
    /// closed one is reopened if it becomes flagged or more urgent: staff closed it without these answers.
    fn restored(
        &self,
        case: &FollowUp,
        submission: &Content,
        (by, at): (Option<CredentialId>, Timestamp),
        hours: impl Fn(Urgency) -> u16,
    ) -> Result<Option<Change>, Refusal> {
        let counted = self.applied(case, at, hours);
        if case.state.is_closed() {
            if !counted.flagged || (case.flagged && counted.urgency >= case.urgency) {
                return Ok(None);
            }
            let after = FollowUp { state: FollowUpState::Open, ..counted };
            return Change::next(case, after, EventKind::Reopen, by, at).map(Some);
        }
        if counted == *case {
            return Ok(None);
        }
        let submission_id = submission.urgency.map(|_| submission.submission_id);
        let kind = if submission_id.is_some() { EventKind::Join } else { EventKind::Correct };
        Ok(Some(Change { submission_id, ..Change::next(case, counted, kind, by, at)? }))
    }

    fn applied(&self, case: &FollowUp, at: Timestamp, hours: impl Fn(Urgency) -> u16) -> FollowUp {
        if self.contents.is_empty() {
            return case.clone();
        }
        FollowUp {
            last_received_at: self.corrected_at.map_or(case.last_received_at, |at| case.last_received_at.max(at)),
            corrected_at: case.corrected_at.max(self.corrected_at),
            ..counted(case, self.contents.iter(), at, hours)
        }
    }
}

/// What the erasure of the correction of a submission does to the follow-ups of its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub change: Option<Change>,
    /// The open follow-up that the submission belongs to from now on.
    pub joins: Option<FollowUpId>,
}

/// A submission counts again, because its correction was erased. `cases` are all follow-ups of its subject, each with what counts.
/// The open follow-up that counts the submission gets what counts now. Otherwise the latest closed one that staff closed without
/// the answers of the submission is reopened; if another follow-up is open, the submission joins that one instead. Fails when a
/// version is at its maximum.
pub fn restore(
    cases: &[(FollowUp, Counting)],
    submission_id: SubmissionId,
    by: Option<CredentialId>,
    at: Timestamp,
    hours: impl Fn(Urgency) -> u16,
) -> Result<Restored, Refusal> {
    let mut restored = Restored { change: None, joins: None };
    let mut counting: Vec<_> = cases
        .iter()
        .filter(|(case, _)| case.state.merged_at().is_none())
        .filter_map(|(case, counting)| Some((case, counting, counting.content_of(submission_id)?)))
        .collect();
    // The open one first, then the latest.
    counting.sort_by_key(|(case, ..)| (case.state.is_closed(), Reverse(case.flagged_at)));
    let open = cases.iter().find(|(case, _)| !case.state.is_closed());
    for (case, counting, submission) in counting {
        restored.change = counting.restored(case, submission, (by, at), &hours)?;
        if !case.state.is_closed() {
            break;
        }
        if restored.change.is_none() {
            continue;
        }
        if let Some((open, others)) = open {
            let mut joined = others.clone();
            joined.contents.push(submission.clone());
            restored.change = joined.restored(open, submission, (by, at), &hours)?;
            restored.joins = Some(open.follow_up_id);
        }
        break;
    }
    Ok(restored)
}

/// The follow-up with the highest urgency and band, and the findings and positive instruments, of what counts. Without a flagged
/// submission it is not flagged and its urgency is routine. If its urgency rises, it gets the earlier due time; if it falls, the
/// due time that it would have had with this urgency from the beginning, unless that is earlier: a lower urgency never makes a
/// follow-up overdue. `hours` are those within which a follow-up of an urgency is due.
pub(super) fn counted<'a>(
    case: &FollowUp,
    contents: impl Iterator<Item = &'a Content> + Clone,
    at: Timestamp,
    hours: impl Fn(Urgency) -> u16,
) -> FollowUp {
    let highest = contents.clone().filter_map(|one| one.urgency).min();
    let urgency = highest.unwrap_or(Urgency::Routine);
    let due =
        |from: Timestamp| from.checked_add(SignedDuration::from_hours(hours(urgency).into())).unwrap_or(Timestamp::MAX);
    FollowUp {
        urgency,
        due_at: match urgency.cmp(&case.urgency) {
            std::cmp::Ordering::Less => case.due_at.min(due(at)),
            std::cmp::Ordering::Equal => case.due_at,
            std::cmp::Ordering::Greater => case.due_at.max(due(case.flagged_at)),
        },
        band: contents.clone().map(|one| one.band).max().unwrap_or(case.band),
        findings: ids(contents.clone().flat_map(|one| &one.findings)),
        positive_instruments: ids(contents.flat_map(|one| &one.positive_instruments)),
        flagged: highest.is_some(),
        ..case.clone()
    }
}

/// The ids, sorted, each once.
fn ids<'a>(all: impl Iterator<Item = &'a String>) -> Vec<String> {
    let ids: BTreeSet<&String> = all.collect();
    ids.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::follow_ups::{Closing, NotNeededReason};
    use crate::ids::SubjectId;

    fn id(number: u128) -> SubmissionId {
        SubmissionId(Uuid::from_u128(number))
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn hours(urgency: Urgency) -> u16 {
        match urgency {
            Urgency::Today => 24,
            Urgency::ThisWeek => 168,
            Urgency::Routine => 720,
        }
    }

    /// A submission that is received at as many hours as its number.
    fn part(number: u8, belongs: bool, supersedes: Option<u128>, urgency: Option<Urgency>) -> Part {
        let (findings, positive_instruments) = (vec![format!("finding_{number}")], Vec::new());
        let content =
            Content { submission_id: id(number.into()), urgency, band: Band::Moderate, findings, positive_instruments };
        Part { belongs, supersedes: supersedes.map(id), received_at: at(number.into()), content }
    }

    fn ids_of(counting: &Counting) -> Vec<SubmissionId> {
        counting.contents.iter().map(|one| one.submission_id).collect()
    }

    fn closed() -> FollowUpState {
        let closing = Closing::NotNeeded { reason: NotNeededReason::EnteredInError };
        FollowUpState::Closed { assignee: None, appointment: None, closing, at: at(50) }
    }

    fn case(state: FollowUpState, urgency: Urgency, flagged: bool, corrected_at: Option<Timestamp>) -> FollowUp {
        FollowUp {
            follow_up_id: FollowUpId(Uuid::from_u128(1)),
            subject_id: SubjectId(Uuid::from_u128(2)),
            state,
            urgency,
            attempts: 1,
            missed_appointments: 0,
            flagged_at: at(1),
            due_at: at(721),
            last_received_at: at(1),
            band: Band::Low,
            findings: Vec::new(),
            positive_instruments: Vec::new(),
            flagged,
            corrected_at,
            version: 3,
        }
    }

    #[test]
    fn the_last_corrections_count_in_the_place_of_the_submissions() {
        let counting = Counting::new(vec![
            part(1, true, None, Some(Urgency::Today)),
            part(2, true, Some(1), None),
            part(3, false, Some(2), Some(Urgency::ThisWeek)),
            part(4, true, None, None),
            part(5, false, Some(4), None),
            part(6, false, Some(4), None),
            // A correction of a submission of another follow-up.
            part(9, false, Some(8), Some(Urgency::Today)),
        ]);
        assert_eq!(ids_of(&counting), [id(3), id(5), id(6)]);
        assert_eq!(counting.corrected_at, Some(at(6)));
        assert!(counting.content_of(id(3)).is_some() && counting.content_of(id(1)).is_none());
        // The one that it corrects belongs to another follow-up, or does not exist.
        let joined = Counting::new(vec![part(2, true, Some(1), None)]);
        assert_eq!((ids_of(&joined), joined.corrected_at), (vec![id(2)], None));
    }

    fn reopened(before: &FollowUp, counting: &Counting) -> FollowUp {
        let after = FollowUp { state: FollowUpState::Open, ..before.clone() };
        let change = Change::next(before, after, EventKind::Reopen, None, at(100)).unwrap();
        counting.reopened(change, hours).after
    }

    #[test]
    fn a_reopened_follow_up_has_what_counts_now_if_it_was_corrected() {
        let before = case(closed(), Urgency::Today, true, None);
        let corrected = Counting::new(vec![part(1, true, None, Some(Urgency::Today)), part(60, false, Some(1), None)]);
        let after = reopened(&before, &corrected);
        assert_eq!((after.flagged, after.urgency, after.state), (false, Urgency::Routine, FollowUpState::Open));
        assert_eq!((after.corrected_at, after.last_received_at, after.version), (Some(at(60)), at(60), 4));
        assert_eq!((after.band, after.findings), (Band::Moderate, vec!["finding_60".to_owned()]));
        // The correction was erased since.
        let before = case(closed(), Urgency::Routine, false, Some(at(10)));
        let original = Counting::new(vec![part(1, true, None, Some(Urgency::Today))]);
        let after = reopened(&before, &original);
        assert_eq!((after.flagged, after.urgency, after.due_at), (true, Urgency::Today, at(124)));
        assert_eq!(after.corrected_at, Some(at(10)));
        // Without corrections, and without submissions, it stays as it was.
        let before = case(closed(), Urgency::Routine, true, None);
        let unchanged = FollowUp { state: FollowUpState::Open, version: 4, ..before.clone() };
        assert_eq!(reopened(&before, &original), unchanged);
        let before = case(closed(), Urgency::Routine, true, Some(at(10)));
        let unchanged = FollowUp { state: FollowUpState::Open, version: 4, ..before.clone() };
        assert_eq!(reopened(&before, &Counting::default()), unchanged);
    }

    #[test]
    fn a_submission_that_counts_again_reopens_what_staff_closed_without_it() {
        let counting = |urgency| Counting::new(vec![part(1, true, None, urgency)]);
        let restored = |state, urgency, flagged, counts| {
            let before = case(state, urgency, flagged, Some(at(10)));
            let restored = restore(&[(before, counting(counts))], id(1), None, at(100), hours).unwrap();
            assert_eq!(restored.joins, None);
            restored.change.map(|one| (one.kind, one.submission_id, one.moved, one.after.flagged, one.after.urgency))
        };
        let (routine, today) = (Urgency::Routine, Urgency::Today);
        let reopened = Some((EventKind::Reopen, None, true, true, today));
        assert_eq!(restored(closed(), routine, false, Some(today)), reopened);
        assert_eq!(restored(closed(), routine, true, Some(today)), reopened);
        assert_eq!(restored(closed(), today, true, Some(routine)), None);
        assert_eq!(restored(closed(), today, true, Some(today)), None);
        assert_eq!(restored(closed(), routine, false, None), None);
        let joined = |urgency| Some((EventKind::Join, Some(id(1)), false, true, urgency));
        assert_eq!(restored(FollowUpState::Open, routine, false, Some(today)), joined(today));
        assert_eq!(restored(FollowUpState::Open, today, true, Some(routine)), joined(routine));
        let corrected = Some((EventKind::Correct, None, false, false, routine));
        assert_eq!(restored(FollowUpState::Open, routine, false, None), corrected);
        let last = FollowUp { version: i32::MAX, ..case(closed(), routine, false, None) };
        let refused = restore(&[(last, counting(Some(today)))], id(1), None, at(100), hours);
        assert_eq!(refused, Err(Refusal::Exhausted));
    }

    #[test]
    fn a_submission_that_counts_again_joins_another_open_follow_up() {
        let (routine, today) = (Urgency::Routine, Urgency::Today);
        let counting = |number, urgency| Counting::new(vec![part(number, true, None, Some(urgency))]);
        let left = (case(closed(), routine, false, Some(at(10))), counting(1, today));
        let other = case(FollowUpState::Open, routine, true, None);
        let other = FollowUp { follow_up_id: FollowUpId(Uuid::from_u128(7)), ..other };
        let open = (other.clone(), counting(20, routine));
        let restored = restore(&[left.clone(), open], id(1), None, at(100), hours).unwrap();
        let change = restored.change.unwrap();
        assert_eq!((restored.joins, change.kind), (Some(other.follow_up_id), EventKind::Join));
        assert_eq!((change.after.follow_up_id, change.after.urgency), (other.follow_up_id, today));
        assert_eq!(change.after.findings, ["finding_1", "finding_20"]);
        // One that a merge closed is continued by another.
        let merged = Closing::NotNeeded { reason: NotNeededReason::Merged };
        let state = FollowUpState::Closed { assignee: None, appointment: None, closing: merged, at: at(50) };
        let continued = (FollowUp { state, ..left.0 }, left.1);
        let restored = restore(&[continued], id(1), None, at(100), hours).unwrap();
        assert_eq!(restored, Restored { change: None, joins: None });
    }
}
