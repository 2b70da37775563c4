//! Input of operations: a `Parameters` resource, or the resource itself if the operation needs only one.

use actix_web::web::Bytes;
use serde_json::Value;

use super::outcome::within;
use super::response_input::ResponseInput;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::http::kernel::body::{Body, Incoming};
use crate::http::kernel::problem::Problem;

pub(super) struct Given(Value);

impl Given {
    pub(super) async fn read(incoming: Incoming) -> Result<Self, Problem> {
        Ok(Self(incoming.read_tree().await.map_err(|problem| within("Parameters", problem))?))
    }

    pub(super) fn named<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Value> {
        let given = if self.is("Parameters") { self.0["parameter"].as_array() } else { None };
        let wanted = |one: &&Value| one["name"].as_str().is_some_and(|name| names.contains(&name));
        given.into_iter().flatten().filter(wanted)
    }

    /// Reads input that must be `Parameters`.
    pub(super) async fn parameters(incoming: Incoming) -> Result<Self, Problem> {
        let given = Self::read(incoming).await?;
        if given.is("Parameters") {
            return Ok(given);
        }
        let detail = Sentence::new("must be Parameters", "debe ser Parameters");
        Err(Problem::content(vec![Fault::new("Parameters.resourceType", FaultCode::UnknownOption, detail)], None))
    }

    /// The `QuestionnaireResponse`, given directly or as a parameter.
    pub(super) fn response(&self) -> Result<Body<ResponseInput>, Problem> {
        let parameter = || self.named(&["questionnaire-response"]).next().map(|one| &one["resource"]);
        let response = if self.is("QuestionnaireResponse") { Some(&self.0) } else { parameter() };
        let response = response.ok_or_else(|| {
            let place = "Parameters.parameter.where(name='questionnaire-response')";
            let detail = Sentence::new(
                "send the QuestionnaireResponse to extract from",
                "envíe la QuestionnaireResponse de la que se extrae",
            );
            Problem::content(vec![Fault::new(place, FaultCode::Required, detail)], None)
        })?;
        let bytes = Bytes::from(response.to_string());
        Body::parse(bytes).map_err(|problem| within("QuestionnaireResponse", problem))
    }

    fn is(&self, kind: &str) -> bool {
        self.0["resourceType"] == kind
    }
}
