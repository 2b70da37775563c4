//! What every page of staff has: the texts, the clinic's clock, the caller, and the links to the other pages.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::{EXPORTS, SEARCH, STATISTICS, WORKLIST};
use crate::domain::access::actor::Actor;
use crate::domain::clinics::Clinic;
use crate::domain::ids::FollowUpId;
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::DONE;
use crate::http::pages::address::{in_language, language, parameter};
use crate::http::pages::assets::STAFF_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::SignedIn;
use crate::http::pages::texts::{self, StaffTexts};

/// Where the button for signing out sends its form.
const SIGN_OUT: &str = "/staff/sign-out";

pub(super) struct Desk {
    pub language: Language,
    pub texts: &'static StaffTexts,
    pub now: Timestamp,
    pub zone: TimeZone,
    caller: SignedIn,
    /// What the last command did, in words; empty if the page shows no effect.
    done: &'static str,
}

/// A point in time at the clinic.
pub(super) struct Moment {
    /// For machines, without fractions of a second.
    pub stamp: String,
    pub words: String,
}

/// The head of a page.
pub(super) struct Nav {
    pub links: Vec<NavLink>,
    pub sign_out: String,
    /// Who is signed in, and where.
    pub who: String,
    /// What the last command did; empty if the page shows no effect.
    pub done: &'static str,
    pub zone: String,
}

pub(super) struct NavLink {
    pub address: String,
    pub text: &'static str,
    pub is_current: bool,
}

impl Desk {
    pub(super) fn new(request: &HttpRequest, state: &State, caller: SignedIn) -> Result<Self, Problem> {
        let language = language(request);
        let texts = &texts::of(language)?.staff;
        let done = parameter(request, DONE).map_or("", |done| named(&texts.names.done, &done));
        let zone = TimeZone::get(zone_name(&caller.clinic)).unwrap_or(TimeZone::UTC);
        Ok(Self { language, texts, now: state.app.ambient.now(), zone, caller, done })
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.caller.actor
    }

    pub(super) fn clinic(&self) -> &Clinic {
        &self.caller.clinic
    }

    /// A time at the clinic.
    pub(super) fn moment(&self, at: Timestamp) -> Moment {
        let seconds = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let zoned = at.to_zoned(self.zone.clone());
        let place = usize::try_from(zoned.month() - 1).unwrap_or_default();
        let month = self.texts.desk.months.split(' ').nth(place).unwrap_or_default();
        let words = format!("{} {month} {}, {:02}:{:02}", zoned.day(), zoned.year(), zoned.hour(), zoned.minute());
        Moment { stamp: seconds.to_string(), words }
    }

    /// The layout of a page. `address` is its own, without a language.
    pub(super) fn layout(&self, address: &str, title: &str) -> Result<Layout, Problem> {
        let layout = Layout::new(self.language, address, title.to_owned(), Some(&STAFF_MODULE.address))?;
        Ok(Layout { home: self.link(WORKLIST), ..layout })
    }

    /// The head of the page with this address.
    pub(super) fn nav(&self, current: &str) -> Nav {
        let texts = &self.texts.desk;
        let pages = [
            (WORKLIST, &texts.worklist),
            (SEARCH, &texts.search),
            (STATISTICS, &texts.statistics),
            (EXPORTS, &texts.exports),
        ];
        let link = |(address, text): (&str, &'static String)| NavLink {
            address: self.link(address),
            text,
            is_current: address == current,
        };
        Nav {
            links: pages.into_iter().map(link).collect(),
            sign_out: self.link(SIGN_OUT),
            who: format!("{}, {}", self.caller.name, self.clinic().name),
            done: self.done,
            zone: texts.zone.replace("{zone}", zone_name(self.clinic())),
        }
    }

    /// An address in the language of the page.
    pub(super) fn link(&self, address: &str) -> String {
        in_language(address, self.language)
    }

    pub(super) fn case_link(&self, id: FollowUpId) -> String {
        self.link(&case_address(id.0))
    }

    /// An address whose page says that a command was executed.
    pub(super) fn done_link(&self, address: &str, done: &str) -> String {
        self.link(&format!("{address}?{DONE}={done}"))
    }
}

pub(super) fn case_address(id: Uuid) -> String {
    format!("/staff/cases/{id}")
}

/// The text of a name; empty if there is none.
pub(super) fn named(names: &'static BTreeMap<String, String>, name: &str) -> &'static str {
    names.get(name).map_or("", String::as_str)
}

fn zone_name(clinic: &Clinic) -> &str {
    clinic.profile.time_zone.as_deref().unwrap_or("UTC")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::access::actor::Origin;
    use crate::domain::follow_ups::worklist::FollowUpOrder;
    use crate::domain::follow_ups::{ClosingOutcome, Diagnosis, EventKind, NotNeededReason, StateName};
    use crate::domain::screening::instrument::Outcome;
    use crate::domain::screening::urgency::Urgency;
    use crate::domain::subjects::Channel;
    use crate::http::pages::staff::commands::COMMANDS;

    #[test]
    fn every_value_has_a_name_in_every_language() {
        let commands: Vec<_> = COMMANDS.into_iter().map(|(kind, _)| kind.as_str()).collect();
        let done = [&commands[..], &["next", "none_open"]].concat();
        for language in Language::ALL {
            let Ok(texts) = texts::of(language) else { panic!("{language:?}") };
            let names = &texts.staff.names;
            let all = [
                (&names.states, StateName::ALL.map(StateName::as_str).to_vec()),
                (&names.urgencies, Urgency::ALL.map(Urgency::as_str).to_vec()),
                (&names.origins, Origin::ALL.map(Origin::as_str).to_vec()),
                (&names.orders, FollowUpOrder::ALL.map(FollowUpOrder::as_str).to_vec()),
                (&names.outcomes, ClosingOutcome::ALL.map(ClosingOutcome::as_str).to_vec()),
                (&names.reasons, NotNeededReason::ALL.map(NotNeededReason::as_str).to_vec()),
                (&names.diagnoses, Diagnosis::ALL.map(Diagnosis::as_str).to_vec()),
                (&names.events, EventKind::ALL.map(EventKind::as_str).to_vec()),
                (&names.channels, Channel::ALL.map(Channel::as_str).to_vec()),
                (&names.languages, Language::ALL.map(Language::as_str).to_vec()),
                (&names.results, Outcome::ALL.map(Outcome::as_str).to_vec()),
                (&names.commands, commands.clone()),
                (&names.done, done.clone()),
            ];
            for (texts, names) in all {
                let given: BTreeSet<_> = texts.keys().map(String::as_str).collect();
                assert_eq!(given, names.into_iter().collect::<BTreeSet<_>>(), "{language:?}");
            }
            assert_eq!(texts.staff.desk.months.split(' ').count(), 12, "{language:?}");
        }
    }
}
