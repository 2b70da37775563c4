//! A subject's submissions in the API: each with the change since the previous one, and the date of the next screen.

use actix_web::{HttpRequest, get, web};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::submissions;
use crate::domain::audit::AuditAction;
use crate::domain::ids::SubjectId;
use crate::domain::screening::answers::AnswerValue;
use crate::domain::submissions::history::{Change, HistoryEntry, NextScreening, Step};
use crate::domain::submissions::stored::SubmissionSummary;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::extract::{Later, PathId, Query};
use crate::http::kernel::names::{BandName, CareLevelName, OutcomeName, PathwayName, StageName};
use crate::http::kernel::paging::{self, PageQuery, page};
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use crate::http::v1::screening::answers::ItemIdName;
use crate::http::v1::submission_summary::{ScoreSummaryBody, SubmissionSummaryBody};

/// A submission in a subject's history.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubjectSubmission)]
pub struct SubjectSubmissionBody {
    /// The submission.
    #[serde(flatten)]
    pub submission: SubmissionSummaryBody,
    /// What changed since the subject's previous submission that is no test; null for the first one and for a test.
    pub change: Option<ChangeBody>,
    /// When the questions were answered, if that differs from the time of receipt.
    pub answered_at: Option<Timestamp>,
    /// When to screen again; null if the submission's rule table does not say, if the person should be seen within a day, or
    /// for a test.
    pub next_screen: Option<NextScreenBody>,
}

/// When to screen again.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NextScreen)]
pub struct NextScreenBody {
    /// The day, in UTC.
    pub date: Date,
    /// Days after the questions were answered.
    #[schema(minimum = 1)]
    pub days: u16,
    /// Reason for the interval, in the language of the submission.
    pub reason: String,
}

/// What changed from one submission of a subject to the next. If the rule tables differ, the table itself may have changed the
/// score, the band and the outcomes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionChange)]
pub struct ChangeBody {
    /// Id of the previous submission.
    pub since: Uuid,
    /// The own score total.
    pub score: ScoreChangeBody,
    /// The settled band.
    pub band: BandChangeBody,
    /// Whether the submission is flagged.
    pub flagged: FlaggedChangeBody,
    /// How soon the person should be seen.
    pub care_level: CareLevelChangeBody,
    /// Pathways that both submissions evaluate and whose stages differ.
    pub pathways: Vec<PathwayChangeBody>,
    /// Whether this submission corrects the previous one; the differences are then corrections, not changes over time.
    pub corrects: bool,
    /// Instruments that both submissions report and whose outcomes differ.
    pub instruments: Vec<InstrumentChangeBody>,
    /// The answers that differ, in the order of the questionnaire.
    pub items: Vec<ItemChangeBody>,
}

/// The own score total, before and after.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ScoreChange)]
pub struct ScoreChangeBody {
    /// Before.
    pub from: ScoreSummaryBody,
    /// After.
    pub to: ScoreSummaryBody,
}

/// Whether a submission is flagged, before and after.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = FlaggedChange)]
pub struct FlaggedChangeBody {
    /// Before.
    pub from: bool,
    /// After.
    pub to: bool,
}

/// The care level, before and after.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = CareLevelChange)]
pub struct CareLevelChangeBody {
    /// Before; null if unanswered alarm questions ruled out stating self-care.
    pub from: Option<CareLevelName>,
    /// After; null if unanswered alarm questions rule out stating self-care.
    pub to: Option<CareLevelName>,
}

/// A pathway's stage, before and after.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = PathwayChange)]
pub struct PathwayChangeBody {
    /// Id of the pathway.
    pub id: PathwayName,
    /// Before.
    pub from: StageName,
    /// After.
    pub to: StageName,
}

/// The settled band, before and after.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = BandChange)]
pub struct BandChangeBody {
    /// Before; null if it was not settled.
    pub from: Option<BandName>,
    /// After; null if it is not settled.
    pub to: Option<BandName>,
}

/// An instrument's outcome, before and after.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstrumentChange)]
pub struct InstrumentChangeBody {
    /// Id of the instrument.
    pub id: String,
    /// Before.
    pub from: OutcomeName,
    /// After.
    pub to: OutcomeName,
}

/// An answer, before and after.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ItemChange)]
pub struct ItemChangeBody {
    /// Id of the item.
    #[schema(value_type = ItemIdName)]
    pub item: &'static str,
    /// Before; null if it was unanswered.
    #[schema(required)]
    pub from: Option<Value>,
    /// After; null if it is unanswered.
    #[schema(required)]
    pub to: Option<Value>,
}

page!(
    /// A page of a subject's submissions, newest first.
    SubjectSubmissionPage of SubjectSubmissionBody, from HistoryEntry
);

/// List a subject's submissions
///
/// Submissions of one subject, newest first, each with the change since the previous one and the date of the next screen.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the subject"), PageQuery),
    responses((status = 200, description = "A page", body = SubjectSubmissionPage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::SubjectSubmissionsListed))),
    security(("key" = ["staff"]))
)]
#[get("/v1/subjects/{id}/submissions")]
pub async fn list_subject_submissions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    query: Later<Query<PageQuery>>,
) -> HttpResult {
    let (id, page) = (SubjectId(id.read()?.0), query.read()?.0.into());
    let page = submissions::of_subject(&state.app, &caller.actor(), id, &page).await?;
    Ok(paging::answer(&request, page, SubjectSubmissionPage::new))
}

impl From<HistoryEntry> for SubjectSubmissionBody {
    fn from(screen: HistoryEntry) -> Self {
        let next = |next: NextScreening| NextScreenBody { date: next.date, days: next.days, reason: next.reason };
        Self {
            submission: SubmissionSummary::from(&screen.submission).into(),
            answered_at: screen.submission.answered_at,
            change: screen.change.map(ChangeBody::from),
            next_screen: screen.next_screen.map(next),
        }
    }
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        let Change { since, score, band, flagged, care_level, pathways, corrects, instruments, items } = change;
        let pathways = pathways.into_iter().map(|(id, Step { from, to })| PathwayChangeBody {
            id: PathwayName(id),
            from: StageName(from),
            to: StageName(to),
        });
        let instruments = instruments.into_iter().map(|(id, Step { from, to })| InstrumentChangeBody {
            id: id.to_string(),
            from: OutcomeName(from),
            to: OutcomeName(to),
        });
        let items = items.into_iter().map(|(item, Step { from, to })| {
            let answer = |value: Option<i32>| serde_json::to_value(AnswerValue { item, value: value? }).ok();
            ItemChangeBody { item: item.id(), from: answer(from), to: answer(to) }
        });
        let (level_before, level_after) = (care_level.from.map(CareLevelName), care_level.to.map(CareLevelName));
        Self {
            since: since.0,
            score: ScoreChangeBody { from: score.from.into(), to: score.to.into() },
            flagged: FlaggedChangeBody { from: flagged.from, to: flagged.to },
            care_level: CareLevelChangeBody { from: level_before, to: level_after },
            pathways: pathways.collect(),
            corrects,
            band: BandChangeBody { from: band.from.map(BandName), to: band.to.map(BandName) },
            instruments: instruments.collect(),
            items: items.collect(),
        }
    }
}
