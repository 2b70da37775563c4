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
use crate::http::pages::address::{in_language, language, parameter};
use crate::http::pages::assets::STAFF_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::SignedIn;
use crate::http::pages::texts::{self, StaffTexts};

/// Where the button for signing out sends its form.
const SIGN_OUT: &str = "/staff/sign-out";
/// The parameter that names the command whose effect a page shows.
const DONE: &str = "done";

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
        let words =
            format!("{} {month} {}, {:02}:{:02}", zoned.day(), zoned.year(), zoned.hour(), zoned.minute());
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
