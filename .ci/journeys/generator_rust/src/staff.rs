//! A morning of staff, after the intake system.

use sarcoscreen_client::apis::configuration::Configuration;
use sarcoscreen_client::apis::staff_api::{
    BookFollowUpParams, ContactFollowUpParams, CountFollowUpChangesParams, GetStatisticsParams, GetSubmissionParams,
    ListFollowUpHistoryParams, ListFollowUpsParams, ListSubjectSubmissionsParams, SearchSubjectsParams,
    TakeNextFollowUpParams, book_follow_up, contact_follow_up, count_follow_up_changes, get_me, get_statistics,
    get_submission, list_follow_up_history, list_follow_ups, list_staff, list_subject_submissions, search_subjects,
    take_next_follow_up,
};
use sarcoscreen_client::models::{FollowUp, FollowUpState};
use serde_json::json;

use crate::{model, must, name, refusal, setting};

pub(crate) fn run(client: &Configuration) {
    worklist(client);
    calls(client);
    a_subject(client);
    let month = GetStatisticsParams { from: None, to: None, accept_language: None };
    let total = get_statistics(client, month).expect("the figures of the month").submissions.total;
    must(&format!("{total} submissions in a month"), total > 0);
}

fn worklist(client: &Configuration) {
    let me = get_me(client).expect("the caller");
    let colleagues = list_staff(client).expect("who can take over").items;
    let who = format!("{} of {} is one of {}", me.display_name, me.clinic.name, colleagues.len());
    must(&who, colleagues.iter().any(|colleague| colleague.id == me.id));
    let states = vec![FollowUpState::Open, FollowUpState::Assigned];
    let rows = list_follow_ups(client, all_of(states.clone())).expect("who first, and why").items;
    let reasons = !rows.is_empty() && rows.iter().all(|row| !row.reasons.is_empty());
    must(&format!("{} rows with reasons", rows.len()), reasons);
    must("only of the states in the filter", rows.iter().all(|row| states.contains(&row.state)));
}

/// The first fifty of these states.
fn all_of(states: Vec<FollowUpState>) -> ListFollowUpsParams {
    ListFollowUpsParams {
        state: Some(states),
        urgency: None,
        assignee: None,
        overdue: None,
        band: None,
        finding: None,
        instrument_positive: None,
        received_from: None,
        received_to: None,
        due_from: None,
        due_to: None,
        attempts_min: None,
        flagged: None,
        appointment_from: None,
        appointment_to: None,
        below_floor: None,
        language: None,
        origin: None,
        subject_id: None,
        order: None,
        estimate: None,
        limit: Some(50),
        cursor: None,
        accept_language: None,
    }
}

fn calls(client: &Configuration) {
    let taken = take_next_follow_up(client, TakeNextFollowUpParams { idempotency_key: None }).expect("the next follow-up");
    must("the next follow-up is assigned", taken.state == FollowUpState::Assigned);
    let stale = refusal(contact_follow_up(client, reached(&taken, taken.version - 1)));
    let current = stale.current.map(|current| current.version);
    must("an earlier version is refused, with the current one", current == Some(taken.version));
    let contacted = contact_follow_up(client, reached(&taken, taken.version)).expect("a call");
    must("the person is reached", contacted.state == FollowUpState::Contacted);
    let appointment = BookFollowUpParams {
        id: taken.id.to_string(),
        if_match: version(contacted.version),
        book_input: model(json!({"appointment_at": setting("IN_A_WEEK"), "note": "Comes with a daughter"})),
        idempotency_key: None,
    };
    let booked = book_follow_up(client, appointment).expect("an appointment");
    must("an appointment", booked.state == FollowUpState::Booked);
    let asked = ListFollowUpHistoryParams { id: taken.id.to_string() };
    let history = list_follow_up_history(client, asked).expect("its history").items;
    must("its history", history.last().is_some_and(|event| event.version == booked.version));
    let since = CountFollowUpChangesParams { since: setting("NOW"), if_none_match: None };
    must("how many changed since", count_follow_up_changes(client, since).expect("the changes").count > 0);
}

fn version(version: i32) -> String {
    format!("\"{version}\"")
}

fn reached(follow_up: &FollowUp, of: i32) -> ContactFollowUpParams {
    ContactFollowUpParams {
        id: follow_up.id.to_string(),
        if_match: version(of),
        contact_attempt_input: model(json!({"reached": true})),
        idempotency_key: None,
    }
}

fn a_subject(client: &Configuration) {
    let search = SearchSubjectsParams { subject_search: model(json!({ "name": name() })) };
    let found = search_subjects(client, search).expect("subjects by name").items;
    let contact = found.first().and_then(|subject| subject.contact.as_ref());
    must("a subject by name", contact.is_some_and(|contact| contact.name == Some(name())));
    let asked = ListSubjectSubmissionsParams { id: found[0].id.to_string(), limit: None, cursor: None };
    let submissions = list_subject_submissions(client, asked).expect("its submissions").items;
    let asked = GetSubmissionParams {
        id: submissions[0].id.to_string(),
        view: None,
        prefer: None,
        accept_language: Some("es".to_owned()),
    };
    let read = get_submission(client, asked).expect("one of them, in Spanish").assessment;
    let same = read.rule_table == submissions[0].rule_table;
    must(&format!("its submissions, one in Spanish: {}", read.care_title), same);
}
