//! What staff of the demo clinic do with follow-ups: each story is a list of steps on one follow-up.

use crate::domain::follow_ups::{Closing, Diagnosis, NotNeededReason};

pub(super) type Story = &'static [Step];

#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Hours after the last submission of the person.
    pub(super) hours: i64,
    pub(super) action: Action,
    pub(super) note: Option<&'static str>,
}

#[derive(Clone, Copy)]
pub(super) enum Action {
    Claim,
    Release,
    /// To the colleague, who does the steps after it.
    HandOver,
    Contact {
        reached: bool,
    },
    Book(Appointment),
    DidNotAttend,
    Close(Closing),
    Reopen,
    Note,
}

#[derive(Clone, Copy)]
pub(super) enum Appointment {
    /// Hours after the last submission of the person.
    After(i64),
    /// At noon of a day, counted from the day of the start, in UTC.
    Day(i64),
}

const NOT_REACHED: Action = Action::Contact { reached: false };
const REACHED: Action = Action::Contact { reached: true };

/// A follow-up that is open and has no assignee.
pub(super) const UNTOUCHED: Story = &[];

/// A follow-up of a person who is treated already.
pub(super) const IN_CARE: Story = &[
    step(24, Action::Claim),
    step(30, REACHED),
    noted(
        31,
        Action::Close(Closing::NotNeeded { reason: NotNeededReason::AlreadyInCare }),
        "Is treated at the falls clinic of the hospital.",
    ),
];

/// Follow-ups in progress. Each story takes less than three days.
pub(super) const ACTIVE: [Story; 10] =
    [UNTOUCHED, CLAIMED, UNREACHED, SPOKEN, UNTOUCHED, TODAY, NEXT_WEEK, MISSED, HANDED_OVER, RELEASED];

/// Follow-ups that were closed, one with each outcome and each reason that staff can give, and one that was reopened. Each
/// story takes less than thirty days.
pub(super) const CLOSED: [Story; 11] = [
    EXAMINED_HEALTHY,
    DECLINED,
    EXAMINED_POSSIBLE,
    UNREACHABLE,
    REOPENED,
    EXAMINED_PROBABLE,
    IN_CARE,
    DUPLICATE,
    EXAMINED_CONFIRMED,
    ENTERED_IN_ERROR,
    MOVED_AWAY,
];

const CLAIMED: Story =
    &[step(3, Action::Claim), noted(5, Action::Note, "The daughter answers the telephone after 17:00.")];

const UNREACHED: Story = &[
    step(3, Action::Claim),
    noted(4, NOT_REACHED, "No answer."),
    noted(50, NOT_REACHED, "Voice mail. No message left."),
];

const SPOKEN: Story =
    &[step(3, Action::Claim), noted(26, REACHED, "Wants to speak with the family doctor first. Call again on Friday.")];

const TODAY: Story = &[
    step(3, Action::Claim),
    step(26, REACHED),
    noted(27, Action::Book(Appointment::Day(0)), "Uses a walking frame and needs a room on the ground floor."),
];

const NEXT_WEEK: Story = &[step(3, Action::Claim), step(26, REACHED), step(27, Action::Book(Appointment::Day(6)))];

const MISSED: Story = &[
    step(3, Action::Claim),
    step(20, REACHED),
    step(21, Action::Book(Appointment::After(46))),
    noted(50, Action::DidNotAttend, "Did not come and did not call."),
    noted(52, REACHED, "Had no transport. The son will drive."),
    step(53, Action::Book(Appointment::Day(3))),
];

const HANDED_OVER: Story = &[
    step(3, Action::Claim),
    noted(4, Action::HandOver, "Asks for a colleague who speaks Spanish."),
    noted(25, REACHED, "Will call back with a date."),
];

const RELEASED: Story = &[step(3, Action::Claim), noted(6, Action::Release, "On leave from tomorrow.")];

const EXAMINED_HEALTHY: Story = &[
    step(24, Action::Claim),
    step(48, REACHED),
    step(49, Action::Book(Appointment::After(168))),
    noted(171, attended(Diagnosis::None, 34_000, 10_800), "Strength is normal. Screen again in a year."),
];

const EXAMINED_POSSIBLE: Story = &[
    step(24, Action::Claim),
    step(48, REACHED),
    step(49, Action::Book(Appointment::After(120))),
    step(122, attended(Diagnosis::Possible, 15_500, 14_200)),
];

const EXAMINED_PROBABLE: Story = &[
    step(24, Action::Claim),
    step(30, NOT_REACHED),
    step(49, REACHED),
    step(50, Action::Book(Appointment::After(192))),
    noted(194, attended(Diagnosis::Probable, 14_000, 17_400), "Referred for a body scan."),
];

const EXAMINED_CONFIRMED: Story = &[
    step(24, Action::Claim),
    step(48, REACHED),
    step(49, Action::Book(Appointment::After(216))),
    noted(219, attended(Diagnosis::Confirmed, 12_500, 21_300), "Begins resistance training with the physiotherapist."),
];

const DECLINED: Story = &[
    step(24, Action::Claim),
    step(48, REACHED),
    noted(49, Action::Close(Closing::Declined), "Does not want an appointment."),
];

const UNREACHABLE: Story = &[
    step(24, Action::Claim),
    step(30, NOT_REACHED),
    step(80, NOT_REACHED),
    step(150, NOT_REACHED),
    noted(240, Action::Close(Closing::Unreachable), "Three calls, one letter."),
];

const REOPENED: Story = &[
    step(24, Action::Claim),
    step(30, NOT_REACHED),
    step(60, NOT_REACHED),
    step(200, Action::Close(Closing::Unreachable)),
    noted(400, Action::Reopen, "Called back and asks for an appointment."),
];

const DUPLICATE: Story = &[noted(
    5,
    Action::Close(Closing::NotNeeded { reason: NotNeededReason::Duplicate }),
    "Was screened at the other site on the same day.",
)];

const ENTERED_IN_ERROR: Story = &[noted(
    8,
    Action::Close(Closing::NotNeeded { reason: NotNeededReason::EnteredInError }),
    "The answers belong to another patient.",
)];

const MOVED_AWAY: Story = &[
    step(24, Action::Claim),
    step(48, REACHED),
    noted(49, Action::Close(Closing::NotNeeded { reason: NotNeededReason::Other }), "Moved to another city."),
];

const fn step(hours: i64, action: Action) -> Step {
    Step { hours, action, note: None }
}

const fn noted(hours: i64, action: Action, note: &'static str) -> Step {
    Step { hours, action, note: Some(note) }
}

const fn attended(diagnosis: Diagnosis, grip_strength_g: i32, five_chair_stands_ms: i32) -> Action {
    Action::Close(Closing::Attended {
        diagnosis: Some(diagnosis),
        grip_strength_g: Some(grip_strength_g),
        five_chair_stands_ms: Some(five_chair_stands_ms),
    })
}
