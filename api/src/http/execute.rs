//! One request through all that stands before the schema, whichever way it came: its text, who asks,
//! whether there is room, whether it asks for too much. Then it is executed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, Variables};
use futures_util::FutureExt;
use http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

use super::admission::{Admitted, Place};
use super::caller::{Identified, identify};
use super::documents::Document;
use super::parameters::Parameters;
use super::parsed::Parsed;
use super::record::Record;
use super::respond::{Refusal, error_code};
use super::router::Served;
use crate::graphql::{self, ApiError, Code, Event, Interest, MayBeDirect, Users};
use crate::reads::ReadDatabase;

/// A caller who is let in.
pub(super) struct Arrived {
    pub(super) identified: Identified,
    _admitted: Admitted,
}

/// A request whose text is known.
pub(super) struct Prepared {
    record: Arc<Record>,
    request: Request,
    document: Document,
    /// None if it does not parse. The schema says why.
    parsed: Option<Arc<Parsed>>,
    /// What would be executed; none if that cannot be told.
    operation: Option<OperationType>,
}

/// A request that may be executed.
pub(super) struct Entered {
    prepared: Prepared,
    identified: Identified,
    weight: u64,
    _place: Place,
}

/// A subscription, to be executed again and again.
pub(super) struct Template {
    request: Request,
    weight: u64,
}

/// Who asks: found out before anything of the request is read.
pub(super) async fn arrive(
    served: &Served,
    headers: &HeaderMap,
    record: &Record,
    deadline: Instant,
) -> Result<Arrived, Refusal> {
    let identified = in_time(deadline, identify(&served.app, headers)).await??;
    record.caller(&identified.caller);
    Ok(Arrived {
        _admitted: served.admission.caller(&identified.caller)?,
        identified,
    })
}

impl Prepared {
    /// Finds the text and reads it.
    pub(super) fn new(
        served: &Served,
        record: &Arc<Record>,
        parameters: Parameters,
    ) -> Result<Self, Refusal> {
        let document = served.documents.find(&parameters)?;
        let parsed = served.parsed.read(&document.text, &served.app.limits);
        let parsed = parsed.map_err(Refusal::request_error)?;
        let mut request = Request::new(&*document.text);
        if let Some(name) = parameters.operation_name {
            request = request.operation_name(name);
        }
        if let Some(variables) = parameters.variables {
            request = request.variables(Variables::from_json(Value::Object(variables)));
        }
        let asked = request.operation_name.as_deref();
        let operation = parsed.as_ref().map(|it| it.operation(asked));
        let (name, operation) = operation.unzip();
        record.operation(name.flatten(), operation);
        Ok(Self {
            record: Arc::clone(record),
            request,
            document,
            parsed,
            operation,
        })
    }

    /// Whether it would execute something other than a query; if that is not sure, whether it might.
    pub(super) fn is_no_query(&self) -> bool {
        self.operation.is_some_and(|it| it != OperationType::Query)
    }

    pub(super) fn is_subscription(&self) -> bool {
        self.operation == Some(OperationType::Subscription)
    }

    /// Lets it in, if its caller may send it so and it does not ask for too much.
    pub(super) fn enter(
        self,
        served: &Served,
        arrived: &Arrived,
        headers: &HeaderMap,
    ) -> Result<Entered, Refusal> {
        if self.is_no_query() {
            arrived.identified.may_change(headers)?;
        }
        let place = served.admission.request()?;
        let weight = self.weight(served).map_err(Refusal::request_error)?;
        Ok(Entered {
            prepared: self,
            identified: arrived.identified.clone(),
            weight,
            _place: place,
        })
    }

    fn weight(&self, served: &Served) -> Result<u64, ApiError> {
        let Some(parsed) = &self.parsed else {
            // The schema refuses it.
            return Ok(0);
        };
        let variables = &self.request.variables;
        let limits = &served.app.limits;
        let measure = limits.check(&served.costs, &parsed.document, variables, parsed.uses)?;
        let name = self.request.operation_name.as_deref();
        parsed.check_variables(name, variables)?;
        Ok(measure.weight())
    }
}

impl Entered {
    pub(super) fn is_subscription(&self) -> bool {
        self.prepared.is_subscription()
    }

    pub(super) fn identified(&self) -> &Identified {
        &self.identified
    }

    /// Executes it, by the deadline.
    pub(super) async fn execute(
        self,
        served: &Served,
        deadline: Instant,
    ) -> Result<Response, ApiError> {
        let Self {
            prepared,
            identified,
            weight,
            _place,
        } = self;
        let record = &prepared.record;
        let is_query = prepared.operation == Some(OperationType::Query);
        let is_change = prepared.operation == Some(OperationType::Mutation);
        let variables = &prepared.request.variables;
        let parsed = prepared.parsed.as_ref();
        let all_plain = parsed.is_some_and(|it| it.are_all_plain(variables));
        let is_valid = is_query && parsed.is_some_and(|it| it.is_valid_with(variables));
        let request = |request| {
            let mut request = data(request, served, &identified, deadline);
            if let Some(parsed) = parsed {
                request.set_parsed_query(parsed.document.clone());
                request = request.data(MayBeDirect(!parsed.merges(&served.costs)));
            }
            request
        };
        let run = async |db: &ReadDatabase, request| {
            let write = (!is_query).then_some(&served.app.db);
            let schema = match is_valid {
                true => &served.schema.for_valid,
                false => &served.schema.strict,
            };
            graphql::execute(schema, record.counting(db, write), request).await
        };
        let running = async {
            let _room = served.admission.cost(weight).await;
            if !is_query {
                return run(served.app.reads.of_changes(), request(prepared.request)).await;
            }
            let reader = served.app.reads.reader();
            let again = reader.is_replica.then(|| copy(&prepared.request));
            let began = Instant::now();
            let response = run(&reader.db, request(prepared.request)).await;
            match again {
                // What has taken long would take as long there.
                Some(again) if is_unavailable(&response) && began.elapsed() < SOON => {
                    served.app.reads.distrust_replica();
                    run(&served.app.reads.primary().db, request(again)).await
                }
                _ => response,
            }
        };
        let response = in_time(deadline, running).await;
        if is_change {
            // Whoever is told what became of a change, known or not, is shown it from now on.
            served.app.reads.shown_everywhere().await;
        }
        let response = response?;
        record.executed(&response);
        if response.is_ok() {
            served.documents.remember(&prepared.document);
            if let Some(parsed) = &prepared.parsed {
                parsed.was_executed(all_plain);
                served.parsed.remember(&prepared.document.text, parsed);
            }
        }
        Ok(response)
    }

    /// What is left of a subscription once it is let in: it can be executed again and again.
    pub(super) fn into_subscription(self) -> (Template, Identified, Arc<Record>) {
        let template = Template {
            request: self.prepared.request,
            weight: self.weight,
        };
        (template, self.identified, self.prepared.record)
    }
}

/// Executes a subscription for an event. None if it has nothing to tell.
pub(super) async fn execute_event(
    served: &Served,
    template: &Template,
    identified: &Identified,
    record: &Record,
    event: Event,
    deadline: Instant,
) -> Result<(Option<Response>, Arc<Interest>), ApiError> {
    let interest = Arc::new(Interest::new(event));
    let request =
        data(copy(&template.request), served, identified, deadline).data(Arc::clone(&interest));
    let db = record.counting(served.app.reads.of_events(), None);
    let running = async {
        let _room = served.admission.cost(template.weight).await;
        graphql::next_event(&served.schema.strict, db, request).await
    };
    Ok((in_time(deadline, running).await?, interest))
}

/// A replica that fails so soon is away.
const SOON: Duration = Duration::from_secs(2);

/// Whether the database did not answer.
fn is_unavailable(response: &Response) -> bool {
    let mut errors = response.errors.iter();
    errors.any(|error| error_code(error) == Code::Unavailable)
}

/// The same request once more.
fn copy(request: &Request) -> Request {
    let mut copy = Request::new(request.query.clone()).variables(request.variables.clone());
    copy.operation_name.clone_from(&request.operation_name);
    copy
}

fn data(request: Request, served: &Served, identified: &Identified, deadline: Instant) -> Request {
    let forwarded = identified.forwarded.clone();
    let users = Users::new(served.app.sirius.clone(), forwarded, deadline);
    request.data(identified.caller.clone()).data(users)
}

/// What comes of it by the deadline, panics included.
pub(super) async fn in_time<T>(
    deadline: Instant,
    running: impl Future<Output = T>,
) -> Result<T, ApiError> {
    let caught = AssertUnwindSafe(running).catch_unwind();
    match tokio::time::timeout_at(deadline, caught).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => {
            tracing::error!("a resolver panicked");
            Err(ApiError::internal())
        }
        Err(_) => {
            tracing::warn!("a request was given up at its deadline");
            Err(ApiError::unavailable())
        }
    }
}
