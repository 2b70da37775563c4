//! A command that was not executed: why, and its form with everything that was typed, to do it again or to leave it.

use askama::Template;

use super::refusals::refusal;
use crate::domain::fault::Fault;
use crate::domain::follow_ups::Latest;
use crate::domain::ids::FollowUpId;
use crate::http::kernel::problem::Problem;
use crate::http::pages::layout::Layout;
use crate::http::pages::staff::desk::{Desk, Moment, Nav, case_address, named};
use crate::http::pages::staff::fields::{Form, Wrong};
use crate::http::pages::texts::StaffTexts;

/// Why a command was not executed.
pub(super) enum Why {
    /// Faults of the form.
    Faults(Vec<Fault>),
    /// The state of the case does not allow it.
    Refused(&'static str),
    /// The case has changed since it was shown.
    Changed(Box<Latest>),
}

#[derive(Template)]
#[template(path = "pages/staff_again.html")]
pub(super) struct AgainPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    title: &'static str,
    text: &'static str,
    wrong: Vec<Wrong>,
    /// The change that came first.
    change: Option<Changed>,
    form: Form,
    leave: String,
}

/// Who did what to the case, and what it is now.
struct Changed {
    what: &'static str,
    by: String,
    at: Moment,
    state: &'static str,
}

impl Why {
    /// The version of the case now, if it has changed.
    pub(super) fn version(&self) -> Option<i32> {
        if let Self::Changed(latest) = self { Some(latest.version) } else { None }
    }
}

pub(super) fn page(mut form: Form, why: Why, desk: &Desk, id: FollowUpId) -> Result<AgainPage, Problem> {
    let texts = &desk.texts.again;
    let (mut wrong, mut change) = (Vec::new(), None);
    let (title, text) = match why {
        Why::Faults(faults) => {
            wrong = form.mark(&faults, desk);
            (&*texts.faults, &*texts.faults_text)
        }
        Why::Refused(sentence) => (&*texts.refused, refusal(desk, sentence)),
        Why::Changed(latest) if latest.by == Some(desk.actor().credential_id) => {
            change = Some(changed(*latest, desk));
            (&*texts.changed_by_you, &*texts.changed_by_you_text)
        }
        Why::Changed(latest) => {
            change = Some(changed(*latest, desk));
            (&*texts.changed, &*texts.changed_text)
        }
    };
    let address = case_address(id.0);
    Ok(AgainPage {
        layout: desk.layout(&address, &texts.title.replace("{title}", title))?,
        texts: desk.texts,
        nav: desk.nav(&address),
        title,
        text,
        wrong,
        change,
        form,
        leave: desk.case_link(id),
    })
}

fn changed(latest: Latest, desk: &Desk) -> Changed {
    Changed {
        what: named(&desk.texts.names.events, latest.kind.as_str()),
        by: latest.by_name.unwrap_or_else(|| desk.texts.again.by_service.clone()),
        at: desk.moment(latest.at),
        state: named(&desk.texts.names.states, latest.state.as_str()),
    }
}
