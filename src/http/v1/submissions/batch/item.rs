//! One item of a batch: from its bytes to the bytes of its result.

use actix_web::ResponseError as _;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use uuid::Uuid;

use super::body::{BatchItemInput, BatchResultBody, FaultyItem};
use crate::app::audit;
use crate::app::error::AppError;
use crate::app::once::Once;
use crate::app::screening::rule_tables;
use crate::domain::access::actor::Actor;
use crate::domain::audit::AuditAction;
use crate::domain::clinics::Clinic;
use crate::domain::fault::{Fault, FaultCode, Params, Sentence, keep_first_of_each_place};
use crate::domain::language::Language;
use crate::http::kernel::body::{BODY_LIMIT, Body};
use crate::http::kernel::extract::{IdempotencyKey, retry_key};
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;
use crate::http::kernel::trail::outcome_of;
use crate::http::v1::screening::fragments::AllFragments;
use crate::http::v1::screening::render::Rendering;
use crate::http::v1::screening::view::AssessmentView;
use crate::http::v1::submissions::body::{ReceiptBody, SubmissionInput};
use crate::http::v1::submissions::{submit, validate};

/// Data shared by the items of a batch.
#[derive(Clone)]
pub(super) struct Items {
    pub(super) state: web::Data<State>,
    pub(super) fragments: web::Data<AllFragments>,
    pub(super) actor: Actor,
    pub(super) clinic: Clinic,
    pub(super) language: Language,
    pub(super) view: AssessmentView,
    pub(super) validate_only: bool,
}

impl Items {
    /// The result of an item of a JSON body, with a leading comma.
    pub(super) async fn part(self, index: usize, part: Bytes) -> Vec<u8> {
        let mut result = if index == 0 { Vec::new() } else { vec![b','] };
        self.write(None, Ok(part), &mut result).await;
        result
    }

    /// The result of a line, with its line end.
    pub(super) async fn line(self, number: u64, line: Result<Bytes, Problem>) -> Vec<u8> {
        let mut result = Vec::new();
        self.write(Some(number), line, &mut result).await;
        result.push(b'\n');
        result
    }

    async fn write(&self, line: Option<u64>, item: Result<Bytes, Problem>, into: &mut Vec<u8>) {
        if let Err(problem) = self.process(line, item, into).await {
            let problem = self.recorded(problem).await;
            let status = problem.status_code().as_u16();
            let body = BatchResultBody { line, status, submission: None, problem: Some(problem.body()) };
            // Serializing a problem does not fail.
            let _ = serde_json::to_writer(into, &body);
        }
    }

    /// Stores the item and writes its receipt, or only validates it.
    async fn process(
        &self,
        line: Option<u64>,
        item: Result<Bytes, Problem>,
        into: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        let (submission, key) = parse(&item?)?;
        let body = Body::parse(submission)?;
        if self.validate_only {
            return self.validate(line, body, into).await;
        }
        let Once { result: stored, .. } =
            Box::pin(submit(&self.state, &self.actor, &self.clinic, key, self.language, body)).await?;
        let release = rule_tables::get(&self.state.app, &stored.assessment.rule_table).await?;
        let rendering = Rendering::new(&self.fragments, &release.table, stored.language, &self.clinic);
        let submission = Some(ReceiptBody::new(&stored, &rendering, self.view));
        put(&BatchResultBody { line, status: StatusCode::CREATED.as_u16(), submission, problem: None }, into)
    }

    async fn validate(
        &self,
        line: Option<u64>,
        body: Body<SubmissionInput>,
        into: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        let valid = Box::pin(validate(&self.state, &self.actor, &self.clinic, self.language, body)).await?;
        let table = rule_tables::current(&self.state.app);
        let rendering = Rendering::new(&self.fragments, table, self.language, &self.clinic);
        let submission = Some(ReceiptBody::of_valid(&valid, &rendering, self.view));
        put(&BatchResultBody { line, status: StatusCode::OK.as_u16(), submission, problem: None }, into)
    }

    /// Audits a refusal, as for a single request; if that fails, that error is the result.
    async fn recorded(&self, problem: Problem) -> Problem {
        let Some(outcome) = outcome_of(problem.status_code()) else { return problem };
        let (app, action) = (&self.state.app, AuditAction::SubmissionCreated);
        match audit::refusal(app, &self.actor, action, outcome, Uuid::nil(), None).await {
            Err(error) if problem.status_code().is_client_error() => error.into(),
            _ => problem,
        }
    }
}

/// Adds a result. Nothing is added if it fails.
fn put(result: &BatchResultBody<'_>, into: &mut Vec<u8>) -> Result<(), Problem> {
    let start = into.len();
    serde_json::to_writer(&mut *into, result).map_err(|error| {
        into.truncate(start);
        AppError::Internal(error.into()).into()
    })
}

/// The submission in an item, and its idempotency key.
fn parse(item: &Bytes) -> Result<(Bytes, IdempotencyKey), Problem> {
    if item.len() > BODY_LIMIT {
        return Err(Problem::new(ProblemType::BodyTooLarge, format!("at most {BODY_LIMIT} bytes an item")));
    }
    let Ok(BatchItemInput { submission, idempotency_key }) = serde_json::from_slice(item) else {
        let Body { value, mut faults, .. } = Body::<FaultyItem>::parse(item.clone())?;
        if value.submission.is_none() {
            faults.push(Fault::new(
                "/submission",
                FaultCode::Required,
                Sentence::new("the submission is missing", "falta el envío"),
            ));
        }
        keep_first_of_each_place(&mut faults);
        return Err(Problem::content(faults, None));
    };
    let key = idempotency_key.map(|key| retry_key(&key).ok_or(())).transpose().map_err(|()| {
        let detail = Sentence::new(
            "must be {minimum} to {maximum} visible ASCII characters, bare or in double quotes",
            "debe tener de {minimum} a {maximum} caracteres ASCII visibles, sin comillas o entre comillas dobles",
        );
        let fault = Fault::new("/idempotency_key", FaultCode::Text, detail).with(Params::range(1, 255));
        Problem::content(vec![fault], None)
    })?;
    Ok((item.slice_ref(submission.get().as_bytes()), IdempotencyKey(key)))
}
