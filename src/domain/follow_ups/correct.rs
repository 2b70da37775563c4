//! How a submission that corrects an earlier one changes the open follow-up of the earlier one.

use jiff::Timestamp;

use super::counting::{Content, counted};
use super::{Change, EventKind, FollowUp, Refusal};
use crate::ids::{CredentialId, SubmissionId};
use crate::screening::urgency::Urgency;

/// A submission that corrects a submission of a follow-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    pub supersedes: SubmissionId,
    pub received_at: Timestamp,
    pub by: CredentialId,
    pub content: Content,
}

/// Corrects an open follow-up. `others` are its other submissions that count, without the corrected one. The follow-up gets what
/// counts now, as `counted` describes. Its state is unchanged. Fails when the follow-up is closed or its version is at its
/// maximum.
pub fn correct(
    case: &FollowUp,
    correction: &Correction,
    others: &[Content],
    hours: impl Fn(Urgency) -> u16,
) -> Result<Change, Refusal> {
    if case.state.is_closed() {
        return Err(Refusal::Closed);
    }
    let Correction { supersedes, received_at, by, content } = correction;
    let after = FollowUp {
        last_received_at: case.last_received_at.max(*received_at),
        corrected_at: case.corrected_at.max(Some(*received_at)),
        ..counted(case, others.iter().chain([content]), *received_at, hours)
    };
    let change = Change::next(case, after, EventKind::Correct, Some(*by), *received_at)?;
    Ok(Change { submission_id: Some(content.submission_id), supersedes: Some(*supersedes), ..change })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::follow_ups::{Closing, FlaggedSubmission, FollowUpState, NotNeededReason, join, open};
    use crate::ids::{FollowUpId, SubjectId};
    use crate::screening::rule_table::Band;

    const BY: CredentialId = CredentialId(Uuid::from_u128(9));

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

    fn content(id: u128, urgency: Option<Urgency>, band: Band, finding: &str) -> Content {
        Content {
            submission_id: SubmissionId(Uuid::from_u128(id)),
            urgency,
            band,
            findings: vec![finding.to_owned()],
            positive_instruments: vec![format!("instrument_of_{finding}")],
        }
    }

    fn flagged(content: &Content, received: i64) -> FlaggedSubmission {
        let urgency = content.urgency.unwrap();
        FlaggedSubmission {
            submission_id: content.submission_id,
            received_at: at(received),
            by: BY,
            follow_up_id: FollowUpId(Uuid::from_u128(1)),
            urgency,
            due_at: at(received + i64::from(hours(urgency))),
            band: content.band,
            findings: content.findings.clone(),
            positive_instruments: content.positive_instruments.clone(),
        }
    }

    fn correction(content: Content, received: i64) -> Correction {
        Correction { supersedes: SubmissionId(Uuid::from_u128(2)), received_at: at(received), by: BY, content }
    }

    /// A follow-up that a routine submission opened at 0 h and one due today joined at 100 h.
    fn case(first: &Content, second: &Content) -> FollowUp {
        let opened = open(SubjectId(Uuid::from_u128(3)), &flagged(first, 0)).after;
        join(&opened, &flagged(second, 100)).unwrap().after
    }

    #[test]
    fn urgency_band_and_lists_are_those_of_the_submissions_that_count() {
        let first = content(1, Some(Urgency::Routine), Band::Moderate, "a");
        let second = content(2, Some(Urgency::Today), Band::High, "b");
        let before = case(&first, &second);
        assert_eq!((before.urgency, before.due_at), (Urgency::Today, at(124)));
        let corrected = content(4, Some(Urgency::ThisWeek), Band::Low, "c");
        let change = correct(&before, &correction(corrected, 110), &[first], hours).unwrap();
        let after = change.after;
        assert_eq!((change.kind, change.before, change.moved), (EventKind::Correct, Some(2), false));
        assert_eq!(change.submission_id, Some(SubmissionId(Uuid::from_u128(4))));
        assert_eq!(change.supersedes, Some(second.submission_id));
        assert_eq!((after.urgency, after.band, after.due_at), (Urgency::ThisWeek, Band::Moderate, at(168)));
        assert_eq!(after.findings, ["a", "c"]);
        assert_eq!(after.positive_instruments, ["instrument_of_a", "instrument_of_c"]);
        assert_eq!((after.flagged, after.corrected_at, after.last_received_at), (true, Some(at(110)), at(110)));
        assert_eq!((after.version, after.state, after.flagged_at), (3, before.state, before.flagged_at));
    }

    #[test]
    fn without_a_flagged_submission_the_follow_up_stays_open_and_is_not_flagged() {
        let first = content(1, Some(Urgency::Routine), Band::Moderate, "a");
        let second = content(2, Some(Urgency::Today), Band::High, "b");
        let before = case(&first, &second);
        let other = content(1, None, Band::Low, "a");
        let change = correct(&before, &correction(content(4, None, Band::Low, "c"), 110), &[other], hours).unwrap();
        let after = change.after;
        assert_eq!((after.flagged, after.state, after.urgency), (false, FollowUpState::Open, Urgency::Routine));
        assert_eq!((after.due_at, after.band), (at(720), Band::Low));
        // Another flagged submission makes it flagged again.
        let again = join(&after, &flagged(&content(5, Some(Urgency::ThisWeek), Band::Low, "d"), 120)).unwrap().after;
        assert_eq!((again.flagged, again.urgency, again.due_at), (true, Urgency::ThisWeek, at(288)));
    }

    #[test]
    fn a_higher_urgency_never_delays_and_an_equal_one_changes_nothing() {
        let first = content(1, Some(Urgency::Routine), Band::Moderate, "a");
        let opened = open(SubjectId(Uuid::from_u128(3)), &flagged(&first, 0)).after;
        let corrected = |urgency, received| {
            let correction = correction(content(4, Some(urgency), Band::High, "b"), received);
            correct(&opened, &correction, &[], hours).unwrap().after
        };
        assert_eq!(corrected(Urgency::Today, 10).due_at, at(34));
        assert_eq!(corrected(Urgency::Today, 719).due_at, at(720));
        assert_eq!(corrected(Urgency::Routine, 719).due_at, at(720));
    }

    #[test]
    fn a_lower_urgency_never_makes_an_old_follow_up_due_earlier() {
        let first = content(1, Some(Urgency::Routine), Band::Moderate, "a");
        let second = content(2, Some(Urgency::Today), Band::High, "b");
        let opened = open(SubjectId(Uuid::from_u128(3)), &flagged(&first, 0)).after;
        let joined = join(&opened, &flagged(&second, 600)).unwrap().after;
        assert_eq!(joined.due_at, at(624));
        let corrected = content(4, Some(Urgency::ThisWeek), Band::High, "b");
        let after = correct(&joined, &correction(corrected, 601), &[first], hours).unwrap().after;
        assert_eq!((after.urgency, after.due_at), (Urgency::ThisWeek, at(624)));
    }

    #[test]
    fn a_closed_follow_up_and_the_last_version_are_refused() {
        let first = content(1, Some(Urgency::Routine), Band::Moderate, "a");
        let opened = open(SubjectId(Uuid::from_u128(3)), &flagged(&first, 0)).after;
        let closing = Closing::NotNeeded { reason: NotNeededReason::Other };
        let state = FollowUpState::Closed { assignee: None, appointment: None, closing, at: at(1) };
        let correction = correction(content(4, None, Band::Low, "b"), 10);
        let refusal = |case: FollowUp| correct(&case, &correction, &[], hours).map(|change| change.after.version);
        assert_eq!(refusal(FollowUp { state, ..opened.clone() }), Err(Refusal::Closed));
        assert_eq!(refusal(FollowUp { version: i32::MAX, ..opened }), Err(Refusal::Exhausted));
    }
}
