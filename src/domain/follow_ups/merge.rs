//! The effect of a merge of two subjects, and of its undoing, on their follow-ups. A subject has at most one open
//! follow-up, before and after.

use jiff::Timestamp;

use super::join::union;
use super::{Change, Closing, EventKind, FollowUp, FollowUpState, NotNeededReason, Refusal};
use crate::ids::{CredentialId, FollowUpId, SubjectId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub changes: Vec<Change>,
    /// The follow-ups that moved to the kept subject.
    pub moved: Vec<FollowUpId>,
    /// The follow-up that was closed, with its version after closing.
    pub closed: Option<(FollowUpId, i32)>,
}

/// A merge to be undone.
#[derive(Clone, Copy, Debug)]
pub struct Undo<'a> {
    /// The subject that remained.
    pub kept: SubjectId,
    /// The subject that was merged into it.
    pub merged: SubjectId,
    pub moved: &'a [FollowUpId],
    /// The follow-up that the merge closed, and its state before.
    pub closed: Option<(FollowUpId, FollowUpState)>,
    /// The follow-ups that submissions of the kept subject belong to. Submissions of the merged subject are moved back already.
    pub joined: &'a [FollowUpId],
    /// The follow-ups that later merges into the kept subject closed, the earliest first, each with the time of the merge
    /// and its state before. Merges that are undone do not count.
    pub later: &'a [(FollowUpId, Timestamp, FollowUpState)],
    /// The follow-ups of the kept subject that submissions of the merged subject belong to, because they corrected or joined
    /// them since.
    pub shared: &'a [FollowUpId],
    /// Ids for the copies of follow-ups, enough for each follow-up of the merge and two more.
    pub spare: &'a [FollowUpId],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmerged {
    pub changes: Vec<Change>,
    /// Each follow-up that was split, with its copy. The submissions of the kept subject belong to the copy.
    pub copies: Vec<(FollowUpId, FollowUpId)>,
    /// Each follow-up that stays and that submissions of the merged subject belong to, with the one of the merged subject that
    /// they belong to from now on.
    pub shared: Vec<(FollowUpId, FollowUpId)>,
    /// A follow-up of the kept subject to be reopened, written after `changes`: the subject has an open one until then.
    pub reopened: Option<Change>,
}

/// Moves every follow-up of the merged subject to the kept one. If both have an open one, the merged subject's is
/// closed, and the other gets the higher urgency and band, the earlier times, and the findings and positive instruments
/// of both. `cases` are all follow-ups of both subjects. Fails when a version is at its maximum.
pub fn merge(
    cases: &[FollowUp],
    kept: SubjectId,
    merged: SubjectId,
    by: Option<CredentialId>,
    at: Timestamp,
) -> Result<Merged, Refusal> {
    let open = |subject| cases.iter().find(|case| case.subject_id == subject && !case.state.is_closed());
    let both = open(kept).zip(open(merged));
    let merged_away = Closing::NotNeeded { reason: NotNeededReason::Merged };
    let mut result = Merged { changes: Vec::new(), moved: Vec::new(), closed: None };
    for case in cases.iter().filter(|case| case.subject_id == merged) {
        let closes = both.is_some_and(|(_, closing)| closing.follow_up_id == case.follow_up_id);
        let state = if closes { case.state.closed_as(merged_away, at) } else { case.state };
        let after = FollowUp { subject_id: kept, state, ..case.clone() };
        let change = Change::next(case, after, EventKind::Merge, by, at)?;
        result.moved.push(case.follow_up_id);
        if closes {
            result.closed = Some((case.follow_up_id, change.after.version));
        }
        result.changes.push(change);
    }
    if let Some((staying, closing)) = both {
        result.changes.push(Change::next(staying, with_other(staying, closing), EventKind::Merge, by, at)?);
    }
    Ok(result)
}

/// Moves back the follow-ups of the merge that still belong to the kept subject. The one that the merge closed gets its
/// state before the merge, unless staff reopened it since or the merged subject has another open one. A follow-up that
/// submissions of the kept subject joined since is split: they get a copy of it. If an open follow-up moves back without
/// a copy, the first one that a later merge closed in its favour is reopened, with the values of the others added. Submissions
/// of the merged subject that belong to a follow-up that stays get one of their subject. `cases` are all follow-ups of both
/// subjects. Fails when a version is at its maximum.
pub fn unmerge(
    cases: &[FollowUp],
    undo: &Undo<'_>,
    by: Option<CredentialId>,
    at: Timestamp,
) -> Result<Unmerged, Refusal> {
    let Undo { kept, merged, moved, .. } = *undo;
    let moves = |case: &FollowUp| case.subject_id == kept && moved.contains(&case.follow_up_id);
    let another_open = cases.iter().any(|case| !case.state.is_closed() && (case.subject_id == merged || moves(case)));
    let mut changes = Vec::new();
    for case in cases.iter().filter(|case| moves(case)) {
        let state = match undo.closed {
            Some((id, before)) if id == case.follow_up_id && case.state.merged_at().is_some() && !another_open => {
                before
            }
            _ => case.state,
        };
        let after = FollowUp { subject_id: merged, state, ..case.clone() };
        changes.push(Change::next(case, after, EventKind::Unmerge, by, at)?);
    }
    let split = changes.iter().map(|change| &change.after).filter(|case| undo.joined.contains(&case.follow_up_id));
    let split: Vec<FollowUp> = split.cloned().collect();
    let (mut copies, mut spare) = (Vec::new(), undo.spare.iter().copied());
    for (case, copy) in split.into_iter().zip(spare.by_ref()) {
        copies.push((case.follow_up_id, copy));
        let copy = FollowUp { follow_up_id: copy, subject_id: kept, ..case };
        changes.push(Change::first(copy, EventKind::Unmerge, by, at));
    }
    let remains =
        |case: &&FollowUp| case.subject_id == kept && !moves(case) && undo.shared.contains(&case.follow_up_id);
    let shared = share(cases.iter().filter(remains), merged, &mut changes, &mut spare, (by, at));
    let leaves = |case: &FollowUp| moves(case) && !case.state.is_closed() && !undo.joined.contains(&case.follow_up_id);
    let mut taken_over = undo.later.iter().filter_map(|(id, merged_at, before)| {
        let stays = |case: &&FollowUp| case.follow_up_id == *id && case.subject_id == kept && !moves(case);
        let case = cases.iter().find(stays).filter(|case| case.state.merged_at() == Some(*merged_at))?;
        Some((case, *before))
    });
    let reopened = match taken_over.next() {
        Some((first, state)) if cases.iter().any(leaves) => {
            let opens = FollowUp { state, ..first.clone() };
            let after = taken_over.fold(opens, |after, (other, _)| with_other(&after, other));
            Some(Change::next(first, after, EventKind::Unmerge, by, at)?)
        }
        _ => None,
    };
    Ok(Unmerged { changes, copies, shared, reopened })
}

/// Finds the follow-up of the merged subject that continues each of `cases`: one that `changes` move back, or a copy. Only an
/// open one continues an open one, and it gets the values of both. Uses at most two copies.
fn share<'a>(
    cases: impl Iterator<Item = &'a FollowUp>,
    merged: SubjectId,
    changes: &mut Vec<Change>,
    spare: &mut impl Iterator<Item = FollowUpId>,
    (by, at): (Option<CredentialId>, Timestamp),
) -> Vec<(FollowUpId, FollowUpId)> {
    let mut shared = Vec::new();
    for case in cases {
        let continues = |change: &&mut Change| {
            change.after.subject_id == merged && (case.state.is_closed() || !change.after.state.is_closed())
        };
        let continued = if let Some(own) = changes.iter_mut().find(continues) {
            if !case.state.is_closed() {
                own.after = with_other(&own.after, case);
            }
            own.after.follow_up_id
        } else {
            let Some(copy) = spare.next() else { break };
            let after = FollowUp { follow_up_id: copy, subject_id: merged, ..case.clone() };
            changes.push(Change::first(after, EventKind::Unmerge, by, at));
            copy
        };
        shared.push((case.follow_up_id, continued));
    }
    shared
}

/// The follow-up that stays open, with the values that it takes from the one that closes.
fn with_other(staying: &FollowUp, closing: &FollowUp) -> FollowUp {
    FollowUp {
        urgency: staying.urgency.min(closing.urgency),
        flagged_at: staying.flagged_at.min(closing.flagged_at),
        due_at: staying.due_at.min(closing.due_at),
        last_received_at: staying.last_received_at.max(closing.last_received_at),
        band: staying.band.max(closing.band),
        findings: union(&staying.findings, &closing.findings),
        positive_instruments: union(&staying.positive_instruments, &closing.positive_instruments),
        flagged: staying.flagged || closing.flagged,
        corrected_at: staying.corrected_at.max(closing.corrected_at),
        ..staying.clone()
    }
}
