//! One request through all that stands before the schema, whichever way it came: its text, who asks,
//! whether there is room, whether it asks for too much. Then it is executed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::{Request, Response, Variables};
use futures_util::FutureExt;
use http::HeaderMap;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::admission::Admitted;
use super::caller::{Identified, identify};
use super::documents::Document;
use super::parameters::Parameters;
use super::respond::Refusal;
use super::router::Served;
use crate::graphql::{self, ApiError, Event, Interest, Users};

/// A request whose text is known.
pub(super) struct Prepared {
    request: Request,
    document: Document,
    /// What would be executed; none if that cannot be told. The schema says why.
    operation: Option<OperationType>,
}

/// A request that is let in.
pub(super) struct Entered {
    prepared: Prepared,
    identified: Identified,
    cost: u64,
    _admitted: Option<Admitted>,
}

/// A subscription, to be executed again and again.
pub(super) struct Template {
    request: Request,
    cost: u64,
}

impl Prepared {
    /// Finds the text and reads it.
    pub(super) fn new(served: &Served, parameters: Parameters) -> Result<Self, ApiError> {
        let document = served.documents.find(&parameters)?;
        served.app.limits.check_text(&document.text)?;
        let mut request = Request::new(&*document.text);
        if let Some(name) = parameters.operation_name {
            request = request.operation_name(name);
        }
        if let Some(variables) = parameters.variables {
            request = request.variables(Variables::from_json(Value::Object(variables)));
        }
        let operation = operation(&mut request);
        Ok(Self {
            request,
            document,
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

    /// Lets it in by its own headers.
    pub(super) async fn enter(
        self,
        served: &Served,
        headers: &HeaderMap,
        place: OwnedSemaphorePermit,
    ) -> Result<Entered, Refusal> {
        let identified = identify(&served.app, headers).await?;
        if self.is_no_query() {
            identified.may_change(headers)?;
        }
        let admitted = served.admission.caller(&identified.caller, place)?;
        Ok(Entered {
            _admitted: Some(admitted),
            ..self.entered(served, identified)?
        })
    }

    /// Lets it in for a caller who is known, if it does not ask for too much.
    pub(super) fn entered(
        mut self,
        served: &Served,
        identified: Identified,
    ) -> Result<Entered, ApiError> {
        let variables = self.request.variables.clone();
        // A text that does not parse is left to the schema to refuse.
        let cost = match self.request.parsed_query() {
            Ok(document) => {
                let limits = &served.app.limits;
                limits.check(&served.costs, document, &variables)?.cost
            }
            Err(_) => 0,
        };
        Ok(Entered {
            prepared: self,
            identified,
            cost,
            _admitted: None,
        })
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
            cost,
            _admitted,
        } = self;
        let request = data(prepared.request, served, &identified, deadline);
        let running = async {
            let _room = served.admission.cost(cost).await;
            graphql::execute(&served.schema, &served.app.db, request).await
        };
        let response = in_time(deadline, running).await?;
        if response.is_ok() {
            served.documents.remember(&prepared.document);
        }
        Ok(response)
    }

    /// What is left of a subscription once it is let in: it can be executed again and again.
    pub(super) fn into_subscription(self) -> (Template, Identified) {
        let template = Template {
            request: self.prepared.request,
            cost: self.cost,
        };
        (template, self.identified)
    }
}

/// Executes a subscription for an event. None if it has nothing to tell.
pub(super) async fn execute_event(
    served: &Served,
    template: &Template,
    identified: &Identified,
    event: Event,
    deadline: Instant,
) -> Result<(Option<Response>, Arc<Interest>), ApiError> {
    let interest = Arc::new(Interest::new(event));
    let request =
        data(copy(&template.request), served, identified, deadline).data(Arc::clone(&interest));
    let running = async {
        let _room = served.admission.cost(template.cost).await;
        graphql::next_event(&served.schema, &served.app.db, request).await
    };
    Ok((in_time(deadline, running).await?, interest))
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
async fn in_time<T>(deadline: Instant, running: impl Future<Output = T>) -> Result<T, ApiError> {
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

/// What the request would execute. Where the name leaves that open, it is the one of most consequence.
fn operation(request: &mut Request) -> Option<OperationType> {
    let name = request.operation_name.clone();
    match &request.parsed_query().ok()?.operations {
        DocumentOperations::Single(operation) => Some(operation.node.ty),
        DocumentOperations::Multiple(all) => {
            let named = name.and_then(|name| all.get(name.as_str()));
            match named {
                Some(operation) => Some(operation.node.ty),
                // A sole operation is executed without being named, whatever its own name.
                None => {
                    let has = |ty| all.values().any(|operation| operation.node.ty == ty);
                    let kinds = [OperationType::Mutation, OperationType::Subscription];
                    kinds
                        .into_iter()
                        .find(|ty| has(*ty))
                        .or(Some(OperationType::Query))
                }
            }
        }
    }
}
