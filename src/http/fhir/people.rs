//! The subjects of resources: references to them, and the parameters that name them.

use std::collections::HashMap;

use actix_web::HttpRequest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::element::identifier;
use super::names::SUBJECT;
use super::reply;
use super::search::{Parameters, common, token};
use crate::app::error::Result;
use crate::app::subjects::identities::{self, Named};
use crate::domain::access::actor::Actor;
use crate::domain::clinics::Clinic;
use crate::domain::fault::{FaultCode, Sentence};
use crate::domain::ids::SubjectId;
use crate::domain::subjects::Reference;
use crate::http::kernel::state::State;

/// The largest number of identifiers in one search.
const MOST_NAMES: usize = 50;

/// The references of subjects, as far as the caller may see them.
pub(super) struct People(HashMap<SubjectId, Reference>);

impl People {
    pub(super) async fn of(state: &State, actor: &Actor, clinic: &Clinic, subjects: &[SubjectId]) -> Result<Self> {
        let mut subjects = subjects.to_vec();
        subjects.sort_unstable();
        subjects.dedup();
        Ok(Self(identities::references(&state.app, actor, clinic, &subjects).await?))
    }

    /// A reference to the subject, with the identifier that the caller knows, or else its id in this service.
    pub(super) fn reference(&self, subject_id: SubjectId) -> Value {
        let identifier = self.identifier(subject_id);
        json!({"reference": format!("Patient/{subject_id}"), "type": "Patient", "identifier": identifier})
    }

    /// A reference to the subject for another record system, which does not have the resources of this service.
    pub(super) fn elsewhere(&self, subject_id: SubjectId) -> Value {
        json!({"type": "Patient", "identifier": self.identifier(subject_id)})
    }

    fn identifier(&self, subject_id: SubjectId) -> Value {
        self.0.get(&subject_id).map_or_else(|| identifier(SUBJECT, subject_id), of_reference)
    }
}

/// The identifier of a reference. A reference of the clinic has no system if the clinic names none, or several.
pub(super) fn of_reference(reference: &Reference) -> Value {
    match reference.system() {
        Some(system) => identifier(system, reference.value()),
        None => json!({"value": reference.value()}),
    }
}

/// The id in a reference to a resource of this service: bare, relative, or with the base URL of the facade.
pub(super) fn local_id(request: &HttpRequest, kind: &str, reference: &str) -> Option<Uuid> {
    let base = || format!("{}/", reply::base(request));
    let relative = if reference.contains("://") { reference.strip_prefix(base().as_str())? } else { reference };
    let id = relative.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).unwrap_or(relative);
    Uuid::try_parse(id).ok()
}

/// The subjects that a search names.
pub(super) struct Asked {
    /// Choices of ids, all of which must hold.
    ids: Vec<Vec<SubjectId>>,
    /// Choices of ids and identifiers, all of which must hold.
    names: Vec<(Vec<SubjectId>, Vec<Named>)>,
}

/// The parameters that name the subject by a reference and by an identifier.
const REFERENCES: [&str; 4] = ["subject", "patient", "subject:Patient", "patient:Patient"];
const IDENTIFIERS: [&str; 5] = [
    "subject:identifier",
    "patient:identifier",
    "subject.identifier",
    "patient.identifier",
    "subject:Patient.identifier",
];

impl Asked {
    pub(super) fn read(request: &HttpRequest, parameters: &mut Parameters) -> Self {
        let mut asked = Self { ids: Vec::new(), names: Vec::new() };
        for name in REFERENCES {
            for list in parameters.choices(name) {
                let ids = list.iter().filter_map(|one| local_id(request, "Patient", one));
                let known: Vec<SubjectId> = ids.map(SubjectId).collect();
                if known.len() < list.len() {
                    let note = "an id of another system finds nothing; search by patient.identifier";
                    parameters.notes.push(format!("{name}: {note}"));
                }
                asked.ids.push(known);
            }
        }
        for name in IDENTIFIERS {
            for list in parameters.choices(name) {
                asked.take(parameters, name, &list);
            }
        }
        asked
    }

    fn take(&mut self, parameters: &mut Parameters, name: &str, list: &[String]) {
        let own = |text: &str| token(text).filter(|(system, _)| *system == SUBJECT).map(|(_, id)| id.to_owned());
        let (ids, others): (Vec<_>, Vec<_>) = list.iter().partition(|text| own(text).is_some());
        let ids = ids.iter().filter_map(|text| Uuid::try_parse(&own(text)?).ok());
        let ids: Vec<SubjectId> = ids.map(SubjectId).collect();
        if others.is_empty() {
            self.ids.push(ids);
            return;
        }
        if others.len() > MOST_NAMES {
            let detail = Sentence::new("has at most 50 values", "tiene como máximo 50 valores");
            parameters.refuse(name, FaultCode::OutOfRange, detail);
        } else {
            self.names.push((ids, others.into_iter().filter_map(|text| named(text)).collect()));
        }
    }

    /// The subjects that match every parameter, `None` if no parameter names any; and the query for the links of a page. If it has
    /// identifiers of persons, it gets the ids that they found in the parameter `name` instead.
    pub(super) async fn resolve(
        self,
        (state, actor, clinic): (&State, &Actor, &Clinic),
        name: &str,
        query: String,
    ) -> Result<(Option<Vec<SubjectId>>, String)> {
        let private = !self.names.is_empty();
        let mut lists = self.ids;
        for (mut ids, names) in self.names {
            ids.extend(identities::named(&state.app, actor, clinic, &names).await?);
            lists.push(ids);
        }
        let subjects = common(lists);
        let query = if private { by_ids(&query, name, subjects.as_deref().unwrap_or_default()) } else { query };
        Ok((subjects, query))
    }
}

/// The query with the subjects that its identifiers found, by their ids in a parameter, instead of the identifiers.
pub(super) fn by_ids(query: &str, name: &str, subjects: &[SubjectId]) -> String {
    // The identifier of an owner is that of a credential.
    let stays = |name: &str| !name.ends_with("identifier") || name.starts_with("owner");
    let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| stays(name));
    let mut kept = form_urlencoded::Serializer::new(String::new());
    kept.extend_pairs(pairs);
    // An empty parameter would not restrict the search.
    let found: Vec<String> = subjects.iter().map(ToString::to_string).collect();
    let found = if found.is_empty() { "none".to_owned() } else { found.join(",") };
    kept.append_pair(name, &found);
    kept.finish()
}

/// The identifier of a token: a system and a value, a value without a system, or a value in any system. `None` if no reference
/// can be equal to it.
pub(super) fn named(text: &str) -> Option<Named> {
    let Some((system, value)) = text.split_once('|') else { return Some(Named::Value(text.to_owned())) };
    let system = Some((system, "")).filter(|(system, _)| !system.is_empty());
    Reference::parse(system, (value, "")).ok().map(Named::Reference)
}
