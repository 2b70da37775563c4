//! A subject's submissions over time: the changes since the previous submission, and when the next screening is due.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::ids::SubmissionId;
use crate::screening::assessment::Score;
use crate::screening::instrument::Outcome;
use crate::screening::pathway::{PathwayId, Stage};
use crate::screening::questionnaire::{CATALOGUE, Item};
use crate::screening::red_flag::CareLevel;
use crate::screening::rule_table::{Band, Id, RuleTable};
use crate::submissions::stored::StoredSubmission;

/// A submission with the changes since the subject's previous submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    pub submission: StoredSubmission,
    /// The changes; `None` for the first submission, and for a test.
    pub change: Option<Change>,
    /// When the next screening is due; `None` if the rule table has no interval, or the person should be seen within 24
    /// hours, or for a test.
    pub next_screen: Option<NextScreening>,
}

/// When the next screening is due, by the rule table that scored the submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextScreening {
    /// The day in UTC, counted from when the questions were answered.
    pub date: Date,
    /// Days from one screening to the next.
    pub days: u16,
    /// The reason for the interval, in the submission's language.
    pub reason: String,
}

/// The changes from one submission to the next. Scores and bands are compared as stored. If the two submissions were
/// scored with different rule tables, a difference may come from the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub since: SubmissionId,
    /// The service's own total, with bounds: a lower total after fewer answers is no improvement.
    pub score: Step<Score>,
    /// The band; `None` if it was not settled.
    pub band: Step<Option<Band>>,
    pub flagged: Step<bool>,
    pub care_level: Step<Option<CareLevel>>,
    /// The pathways that both submissions followed and whose stages differ.
    pub pathways: Vec<(PathwayId, Step<Stage>)>,
    /// Whether it corrects the previous submission. Differences are then corrections, not changes in the person.
    pub corrects: bool,
    /// The instruments that both submissions report and whose outcomes differ.
    pub instruments: Vec<(Id, Step<Outcome>)>,
    /// The answers that differ, as integers, in the catalogue's order; `None` if the item was not answered.
    pub items: Vec<(Item, Step<Option<i32>>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<T> {
    pub from: T,
    pub to: T,
}

/// Compares each submission with the next one of the list that is no test, which is the previous one in time. `newest_first`
/// is a page of a subject's submissions, `before` the first one after the page that is no test. Tests are compared with
/// none. `next_screen` stays `None`: [`next_screen`] needs the rule table.
pub fn screens(newest_first: Vec<StoredSubmission>, before: Option<&StoredSubmission>) -> Vec<HistoryEntry> {
    let earlier = |place: usize| newest_first.iter().skip(place + 1).find(|one| !one.test).or(before);
    let changes = newest_first.iter().enumerate().map(|(place, one)| match earlier(place) {
        Some(earlier) if !one.test => Some(change(earlier, one)),
        _ => None,
    });
    let changes: Vec<_> = changes.collect();
    let screen = |(submission, change)| HistoryEntry { submission, change, next_screen: None };
    newest_first.into_iter().zip(changes).map(screen).collect()
}

/// The changes between two submissions of a subject.
pub fn change(before: &StoredSubmission, after: &StoredSubmission) -> Change {
    let (one, other) = (&before.assessment, &after.assessment);
    let instruments = one.instruments.iter().filter_map(|result| {
        let later = other.instruments.iter().find(|later| later.instrument == result.instrument)?;
        let step = Step { from: result.outcome, to: later.outcome };
        (step.from != step.to).then(|| (Id::clone(&result.instrument), step))
    });
    let items = CATALOGUE.iter().filter_map(|spec| {
        let step = Step { from: before.answers.get(spec.item), to: after.answers.get(spec.item) };
        (step.from != step.to).then_some((spec.item, step))
    });
    let pathways = one.pathways.iter().filter_map(|result| {
        let later = other.pathways.iter().find(|later| later.pathway == result.pathway)?;
        let step = Step { from: result.stage, to: later.stage };
        (step.from != step.to).then_some((result.pathway, step))
    });
    Change {
        since: before.submission_id,
        score: Step { from: one.score, to: other.score },
        band: Step { from: one.band(), to: other.band() },
        flagged: Step { from: one.flagged(), to: other.flagged() },
        care_level: Step { from: one.care_level, to: other.care_level },
        pathways: pathways.collect(),
        corrects: after.supersedes == Some(before.submission_id),
        instruments: instruments.collect(),
        items: items.collect(),
    }
}

/// When the next screening is due, by [`RuleTable::next_screen`].
pub fn next_screen(table: &RuleTable, stored: &StoredSubmission) -> Option<NextScreening> {
    let next = table.next_screen(&stored.assessment)?;
    let days = next.days;
    let reason = table.texts(stored.language)?.next_screens.get(next.band.as_str())?.clone();
    let date = days_after(stored.answered(), days)?;
    Some(NextScreening { date, days, reason })
}

/// Returns `None` past the end of the calendar.
fn days_after(start: Timestamp, days: u16) -> Option<Date> {
    start.to_zoned(TimeZone::UTC).date().checked_add(Span::new().days(i64::from(days))).ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::actor::Origin;
    use crate::ids::{CredentialId, SubjectId};
    use crate::language::Language;
    use crate::receipt_code::ReceiptCode;
    use crate::samples::assessment;
    use crate::screening::answers::Answers;
    use crate::submissions::Stated;

    fn submission(place: u128, total: i32, answers: &[(Item, i32)], outcomes: &[(&str, &str)]) -> StoredSubmission {
        let mut given = Answers::default();
        for (item, value) in answers {
            given.set(*item, Some(*value));
        }
        let result = |(id, outcome): &(&str, &str)| {
            let result = serde_json::json!({"instrument": id, "outcome": outcome, "total": 1, "lower": 1, "upper": 1});
            serde_json::from_value(result).unwrap()
        };
        let mut assessment = assessment(total, &[], &[]);
        assessment.instruments = outcomes.iter().map(result).collect();
        StoredSubmission {
            submission_id: SubmissionId(Uuid::from_u128(place)),
            receipt_code: ReceiptCode::from_random([0; 8]),
            subject_id: SubjectId(Uuid::nil()),
            credential_id: CredentialId(Uuid::nil()),
            origin: Origin::Staff,
            received_at: Timestamp::UNIX_EPOCH,
            answered_at: None,
            stated: Stated::default(),
            language: Language::En,
            source: None,
            pathway: None,
            supersedes: None,
            imported: false,
            test: false,
            superseded_by: None,
            superseded_at: None,
            answers: given,
            assessment,
            follow_up: None,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn only_changes_are_reported() {
        let before =
            submission(1, 4, &[(Item::Age, 79), (Item::Smoker, 0), (Item::Sppb, 12)], &[("sarc_f", "negative")]);
        let mut after = submission(2, 7, &[(Item::Age, 80), (Item::Smoker, 0), (Item::FallsPastYear, 2)], &[]);
        after.assessment.band_at_most = Band::High;
        let changed = Change {
            since: before.submission_id,
            score: Step { from: before.assessment.score, to: after.assessment.score },
            flagged: Step { from: false, to: false },
            care_level: Step { from: before.assessment.care_level, to: after.assessment.care_level },
            pathways: Vec::new(),
            corrects: false,
            band: Step { from: Some(Band::Low), to: None },
            instruments: Vec::new(),
            items: vec![
                (Item::Age, Step { from: Some(79), to: Some(80) }),
                (Item::FallsPastYear, Step { from: None, to: Some(2) }),
                (Item::Sppb, Step { from: Some(12), to: None }),
            ],
        };
        assert_eq!(change(&before, &after), changed);
        let same = change(&before, &before);
        assert_eq!((same.items.len(), same.instruments.len(), same.score.from.total), (0, 0, 4));
        after.supersedes = Some(before.submission_id);
        assert!(change(&before, &after).corrects);
    }

    #[test]
    fn an_instrument_is_reported_when_both_have_it_and_its_outcome_differs() {
        let before = submission(1, 4, &[], &[("old", "positive"), ("sarc_f", "negative"), ("msra", "undetermined")]);
        let after = submission(2, 4, &[], &[("msra", "undetermined"), ("new", "positive"), ("sarc_f", "positive")]);
        let step = Step { from: Outcome::Negative, to: Outcome::Positive };
        assert_eq!(change(&before, &after).instruments, [(Id::from("sarc_f"), step)]);
    }

    #[test]
    fn each_submission_is_compared_with_the_next_of_the_list_and_the_last_with_the_next_page() {
        let list: Vec<_> = (0..4).map(|place| submission(place, 0, &[], &[])).rev().collect();
        let since = |page: &[StoredSubmission], before| -> Vec<Option<u128>> {
            let listed = screens(page.to_vec(), before);
            listed.iter().map(|screen| screen.change.as_ref().map(|change| change.since.0.as_u128())).collect()
        };
        assert_eq!(since(&list, None), [Some(2), Some(1), Some(0), None]);
        assert_eq!(since(&list[..2], Some(&list[2])), [Some(2), Some(1)]);
        assert_eq!(since(&list[3..], None), [None]);
        assert_eq!(since(&[], None), []);
    }

    #[test]
    fn a_test_is_compared_with_none_and_skipped() {
        let mut list: Vec<_> = (0..4).map(|place| submission(place, 0, &[], &[])).rev().collect();
        (list[0].test, list[2].test) = (true, true);
        let since = |page: &[StoredSubmission], before| -> Vec<Option<u128>> {
            let listed = screens(page.to_vec(), before);
            listed.iter().map(|screen| screen.change.as_ref().map(|change| change.since.0.as_u128())).collect()
        };
        assert_eq!(since(&list, None), [None, Some(0), None, None]);
        assert_eq!(since(&list[..3], Some(&list[3])), [None, Some(0), None]);
        assert_eq!(since(&list[1..2], None), [None]);
    }

    #[test]
    fn the_next_screening_is_due_after_whole_days() {
        for (start, days, due) in [
            ("2026-01-31T23:59:59Z", 1, Some("2026-02-01")),
            ("2027-02-28T00:00:00Z", 365, Some("2028-02-28")),
            ("2028-02-28T00:00:00Z", 366, Some("2029-02-28")),
            ("2026-11-22T01:30:00+02:00", 90, Some("2027-02-19")),
            ("9999-12-30T00:00:00Z", 90, None),
        ] {
            let date = days_after(start.parse().unwrap(), days).map(|date| date.to_string());
            assert_eq!(date.as_deref(), due, "{start}");
        }
    }
}
