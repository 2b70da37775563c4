//! Closing self-reported cases together, for example after a wave of invented submissions.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use super::commands::refusal;
use super::desk::{Desk, Nav, named};
use super::fields::{Button, Field, Form, Wrong};
use super::given::Given;
use super::{TOGETHER, WORKLIST, page};
use crate::app::follow_ups::commands::{self, ClosedTogether};
use crate::domain::fault::keep_first_of_each_place;
use crate::domain::follow_ups::NotNeededReason;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::faults::of_validation;
use crate::http::kernel::names::NotNeededReasonName;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::{OwnOrigin, SignedIn};
use crate::http::pages::texts::StaffTexts;
use crate::http::v1::follow_ups::commands::body::CloseTogetherInput;

#[derive(Template)]
#[template(path = "pages/staff_together.html")]
struct TogetherPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    title: &'static str,
    wrong: Vec<Wrong>,
    /// The form again, if it has faults, with the selected cases.
    form: Option<Form>,
    selected: Vec<String>,
    closed: String,
    refused: Vec<NotClosed>,
    back: String,
}

struct NotClosed {
    address: String,
    reason: &'static str,
}

/// The form below a list of self-reported cases. The check boxes of the list belong to it.
pub(super) fn form(desk: &Desk) -> Form {
    let (texts, names) = (&desk.texts.commands, &desk.texts.names);
    let reasons = NotNeededReason::ALL.into_iter().filter(|reason| *reason != NotNeededReason::Merged);
    let reasons = reasons.map(|one| (one.as_str().to_owned(), named(&names.reasons, one.as_str()).to_owned()));
    let blank = (String::new(), texts.blank.clone());
    let reason = Field::list("not_needed_reason", &texts.reason, [blank].into_iter().chain(reasons).collect());
    Form {
        id: "together",
        action: desk.link(TOGETHER),
        version: None,
        title: &texts.together,
        help: &texts.together_help,
        fields: vec![reason, Field::note(&texts.note_too)],
        buttons: vec![Button { name: "", value: "", text: &texts.together_button }],
        draft: TOGETHER.to_owned(),
    }
}

pub(super) async fn post_together(
    _: OwnOrigin,
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let given = Given::read(incoming).await?;
    let ids: Vec<Uuid> = given.all("id").filter_map(|id| Uuid::try_parse(id).ok()).collect();
    let input = CloseTogetherInput {
        ids: Some(ids.clone()),
        not_needed_reason: given.one_of("not_needed_reason", NotNeededReason::parse).map(NotNeededReasonName),
        note: given.text("note"),
    };
    let mut faults = of_validation(&input);
    let parsed = input.parse(&mut faults);
    keep_first_of_each_place(&mut faults);
    let Some((ids, reason, note)) = parsed.filter(|_| faults.is_empty()) else {
        let mut form = form(&desk).filled(&given);
        let wrong = form.mark(&faults, &desk);
        let selected = ids.iter().map(Uuid::to_string).collect();
        let shown = TogetherPage { wrong, form: Some(form), selected, ..blank(&desk, &desk.texts.again.faults)? };
        return page(StatusCode::UNPROCESSABLE_ENTITY, desk.language, &shown);
    };
    let together = commands::close_self_reported(&state.app, desk.actor(), &ids, reason, note.as_ref()).await?;
    page(StatusCode::OK, desk.language, &result(&desk, &together)?)
}

fn result(desk: &Desk, together: &ClosedTogether) -> Result<TogetherPage, Problem> {
    let refused = together.refused.iter();
    let refused =
        refused.map(|(id, sentence)| NotClosed { address: desk.case_link(*id), reason: refusal(desk, sentence) });
    let closed = desk.texts.commands.together_closed.replace("{n}", &together.closed.len().to_string());
    Ok(TogetherPage { closed, refused: refused.collect(), ..blank(desk, &desk.texts.commands.together)? })
}

/// The page without content.
fn blank(desk: &Desk, title: &'static str) -> Result<TogetherPage, Problem> {
    Ok(TogetherPage {
        layout: desk.layout(WORKLIST, title)?,
        texts: desk.texts,
        nav: desk.nav(TOGETHER),
        title,
        wrong: Vec::new(),
        form: None,
        selected: Vec::new(),
        closed: String::new(),
        refused: Vec::new(),
        back: desk.link("/staff?origin=self_reported"),
    })
}
