//! The forms: the whole form, and one for each audience, with their ids and canonical URLs.

use super::PATH;
use super::names::QUESTIONNAIRE;
use crate::domain::screening::questionnaire::Audiences;
use crate::http::kernel::request_id::public_url;

/// The last part of canonical URLs under the public URL of the service.
pub(super) const NAME: &str = "sarcoscreen";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Form {
    /// All items.
    Whole,
    /// The items that the person answers. Every form has them, because a response without them cannot be stored.
    Person,
    /// With the items that staff measure.
    Staff,
    /// With the items of a laboratory.
    Laboratory,
}

impl Form {
    pub(in crate::http) const ALL: [Self; 4] = [Self::Whole, Self::Person, Self::Staff, Self::Laboratory];

    /// The audience that a form is named after; empty for the whole form.
    const fn audience(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Person => "person",
            Self::Staff => "staff",
            Self::Laboratory => "laboratory",
        }
    }

    pub(super) const fn audiences(self) -> Audiences {
        match self {
            Self::Whole => Audiences::ALL,
            Self::Person => Audiences::PERSON,
            Self::Staff => Audiences { staff: true, laboratory: false },
            Self::Laboratory => Audiences { staff: false, laboratory: true },
        }
    }

    /// The path under which bodies of a form are kept.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Whole => "/fhir/Questionnaire",
            Self::Person => "/fhir/Questionnaire-person",
            Self::Staff => "/fhir/Questionnaire-staff",
            Self::Laboratory => "/fhir/Questionnaire-laboratory",
        }
    }

    /// The computer-friendly name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "SarcopeniaScreen",
            Self::Person => "SarcopeniaScreenPerson",
            Self::Staff => "SarcopeniaScreenStaff",
            Self::Laboratory => "SarcopeniaScreenLaboratory",
        }
    }

    fn joined(self, base: &str, joint: char) -> String {
        match self {
            Self::Whole => base.to_owned(),
            other => format!("{base}{joint}{}", other.audience()),
        }
    }

    /// The id of a version of the form: `2026.3`, or `2026.3-person`.
    pub(super) fn id(self, version: &str) -> String {
        self.joined(version, '-')
    }

    /// The form and the version of an id.
    pub(super) fn of_id(id: &str) -> (Self, &str) {
        let version = |form: Self| Some((form, id.strip_suffix(form.audience())?.strip_suffix('-')?));
        let mut others = Self::ALL.into_iter().filter(|form| *form != Self::Whole);
        others.find_map(version).unwrap_or((Self::Whole, id))
    }

    /// The canonical URL: under the public URL of the service, or a name without a host if it has none.
    pub(in crate::http) fn url(self) -> String {
        match public_url() {
            Some(base) => self.joined(&format!("{base}{PATH}/Questionnaire/{NAME}"), '-'),
            None => self.joined(QUESTIONNAIRE, ':'),
        }
    }

    /// The form that a canonical URL names, and the version if it names one. Some form fillers write a reference to the form
    /// instead.
    pub(super) fn of_canonical(canonical: &str) -> Option<(Self, Option<&str>)> {
        let (url, version) = canonical.split_once('|').map_or((canonical, None), |(url, version)| (url, Some(version)));
        if let Some(form) = Self::of_url(url) {
            return Some((form, version));
        }
        let (base, id) = canonical.rsplit_once("Questionnaire/")?;
        let (form, version) = Self::of_id(id);
        let named = (form, Some(version).filter(|version| *version != NAME));
        (base.is_empty() || base.ends_with("/fhir/")).then_some(named)
    }

    /// The canonical URL with the version.
    pub(super) fn canonical(self, version: &str) -> String {
        format!("{}|{version}", self.url())
    }

    /// The form of a canonical URL without its version. The host does not matter: it names an installation, and the same form is
    /// served by each.
    pub(in crate::http) fn of_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| {
            let path = form.joined(&format!("{PATH}/Questionnaire/{NAME}"), '-');
            let hosted = url.starts_with("https://") || url.starts_with("http://");
            url == form.joined(QUESTIONNAIRE, ':') || (hosted && url.ends_with(&path))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_by_its_id_and_by_its_names() {
        for form in Form::ALL {
            assert_eq!(Form::of_id(&form.id("2026.3")), (form, "2026.3"));
            assert_eq!(Form::of_url(&form.joined(QUESTIONNAIRE, ':')), Some(form));
            let hosted = form.joined("https://screening.example/fhir/Questionnaire/sarcoscreen", '-');
            assert_eq!(Form::of_url(&hosted), Some(form));
            for (canonical, version) in [
                (form.canonical("2026.3"), Some("2026.3")),
                (format!("{hosted}|2026.1"), Some("2026.1")),
                (hosted, None),
            ] {
                assert_eq!(Form::of_canonical(&canonical), Some((form, version)), "{canonical}");
            }
            for base in ["", "https://screening.example/fhir/"] {
                let reference = format!("{base}Questionnaire/{}", form.id("2026.3"));
                assert_eq!(Form::of_canonical(&reference), Some((form, Some("2026.3"))), "{reference}");
            }
        }
        for other in ["", "urn:other", "sarcoscreen", "https://ehr.example/fhir/Questionnaire/geriatric"] {
            assert_eq!(Form::of_url(other), None, "{other}");
        }
        assert_eq!(Form::of_canonical("Questionnaire/sarcoscreen-staff"), Some((Form::Staff, None)));
        for other in ["urn:other|2026.3", "https://ehr.example/other/Questionnaire/2026.3", "2026.3"] {
            assert_eq!(Form::of_canonical(other), None, "{other}");
        }
    }
}
