//! The commands that a case allows, the next sensible ones first. The state machine says which it allows.

use jiff::SignedDuration;

use crate::domain::access::credential::Member;
use crate::domain::follow_ups::EventKind::{
    Book, Claim, Close, Contact, DidNotAttend, Reassign, Release, Reopen, Unbook,
};
use crate::domain::follow_ups::{Closing, EventKind, FollowUp, FollowUpCommand, NotNeededReason, StateName, decide};
use crate::http::pages::staff::commands::{Offer, form};
use crate::http::pages::staff::desk::Desk;
use crate::http::pages::staff::fields::Form;

pub(super) struct Offers {
    /// What to do next.
    pub first: Vec<Form>,
    /// What can be done as well.
    pub others: Vec<Form>,
}

/// The sensible commands of a state, and how many of them come first.
struct Order(usize, &'static [EventKind]);

impl Offers {
    pub(super) fn new(desk: &Desk, case: &FollowUp, members: &[Member]) -> Self {
        let Order(first, kinds) = order(desk, case);
        let offer = Offer { desk, id: case.follow_up_id, version: case.version, members, case: Some(case) };
        let allowed = |kind: &&EventKind| {
            let command = example(**kind, desk, case, members);
            command.is_some_and(|command| decide(case, &command, desk.actor(), desk.now).is_ok())
        };
        let mut forms: Vec<_> = kinds.iter().filter(allowed).map(|kind| form(*kind, &offer)).collect();
        let others = forms.split_off(first.min(forms.len()));
        Self { first: forms, others }
    }

    /// The form of a note, which every state allows.
    pub(super) fn note(desk: &Desk, case: &FollowUp) -> Form {
        let (id, version) = (case.follow_up_id, case.version);
        form(EventKind::Note, &Offer { desk, id, version, members: &[], case: Some(case) })
    }
}

fn order(desk: &Desk, case: &FollowUp) -> Order {
    let is_own = case.state.assignee() == Some(desk.actor().credential_id);
    let is_past = case.state.appointment_at().is_some_and(|at| at <= desk.now);
    match case.state.name() {
        StateName::Open => Order(1, &[Claim, Reassign, Close]),
        StateName::Closed => Order(1, &[Reopen]),
        _ if !is_own => Order(1, &[Reassign]),
        StateName::Assigned => Order(1, &[Contact, Book, Close, Release, Reassign]),
        StateName::Contacted => Order(2, &[Book, Close, Contact, Release, Reassign]),
        StateName::Booked if is_past => Order(2, &[Close, DidNotAttend, Book, Contact, Unbook, Reassign]),
        StateName::Booked => Order(1, &[Book, Unbook, Contact, Close, Reassign]),
    }
}

/// A command of this kind, to find out whether the case allows it; `None` if there is none.
fn example(kind: EventKind, desk: &Desk, case: &FollowUp, members: &[Member]) -> Option<FollowUpCommand> {
    Some(match kind {
        Claim => FollowUpCommand::Claim,
        Release => FollowUpCommand::Release,
        Reassign => {
            let has_it = case.state.assignee();
            let other = members.iter().find(|member| Some(member.credential_id) != has_it)?;
            FollowUpCommand::Reassign { to: other.credential_id }
        }
        Contact => FollowUpCommand::Contact { reached: true },
        Book => FollowUpCommand::Book { appointment_at: desk.now.checked_add(SignedDuration::from_hours(24)).ok()? },
        Unbook => FollowUpCommand::Unbook,
        DidNotAttend => FollowUpCommand::DidNotAttend,
        Close => FollowUpCommand::Close(Closing::NotNeeded { reason: NotNeededReason::Other }),
        Reopen => FollowUpCommand::Reopen,
        _ => return None,
    })
}
