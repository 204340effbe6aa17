//! The schema as a whole.

use async_graphql::{Request, Response, SDLExportOptions, Schema, SchemaBuilder, ValidationMode};
use futures_util::StreamExt as _;
use sea_orm::DatabaseConnection;
use tokio_util::task::TaskTracker;

use super::batches::Batches;
use super::billing_history::BillingEvent;
use super::context::FourEyes;
use super::mutation::{ChangeSlots, Mutation};
use super::node::Node;
use super::query::Query;
use super::rows::rows;
use super::subscription::Subscription;
use crate::clock::SharedClock;
use crate::finance::ChangedClients;
use crate::reads::ReadDatabase;

/// The schema, ready to execute requests.
pub type FinanceSchema = Schema<Query, Mutation, Subscription>;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation, Subscription)
        .register_output_type::<Node>()
        .register_output_type::<BillingEvent>()
}

/// What the schema is made of.
pub struct Parts {
    /// Changes that are being made.
    pub tasks: TaskTracker,
    /// Tells the day.
    pub clock: SharedClock,
    /// Whether a decision is not taken by who asked for it.
    pub four_eyes: FourEyes,
    /// How many changes are made at once; one at least.
    pub changes_at_once: usize,
    /// The clients that are watched.
    pub changed_clients: ChangedClients,
    /// How much of itself it tells.
    pub manners: Manners,
}

/// How much of itself a schema tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Whether a misspelt name is answered with the right one.
    pub suggestions: bool,
}

/// The schema, once for each thoroughness.
pub struct Schemas {
    /// Validates every request by all rules.
    pub strict: FinanceSchema,
    /// For requests that are known to be valid: leaves out the rules that only tell so.
    pub for_valid: FinanceSchema,
}

/// The schema over its parts.
pub fn build(parts: Parts) -> Schemas {
    let slots = ChangeSlots::new(parts.changes_at_once, parts.tasks);
    let build = |mode| {
        let builder = match parts.manners.suggestions {
            true => builder(),
            false => builder().disable_suggestions(),
        };
        builder
            .validation_mode(mode)
            .data(parts.clock.clone())
            .data(parts.four_eyes)
            .data(parts.changed_clients.clone())
            .data(slots.clone())
            .finish()
    };
    Schemas {
        strict: build(ValidationMode::Strict),
        for_valid: build(ValidationMode::Fast),
    }
}

/// What a request is executed over.
pub struct Databases {
    /// Where it reads.
    pub read: ReadDatabase,
    /// Where it changes something; none if it only reads.
    pub write: Option<DatabaseConnection>,
}

/// Executes a request over those databases.
pub async fn execute(schema: &FinanceSchema, db: Databases, request: Request) -> Response {
    let batches = Batches::default();
    let request = over(request, db, &batches);
    batches.run(schema.execute(request)).await
}

/// Executes a subscription for one event. None if it has nothing to tell.
pub async fn next_event(
    schema: &FinanceSchema,
    db: Databases,
    request: Request,
) -> Option<Response> {
    let batches = Batches::default();
    let request = over(request, db, &batches);
    let mut events = schema.execute_stream(request);
    batches.run(events.next()).await
}

/// The request, with the databases that it is executed over.
fn over(request: Request, db: Databases, batches: &Batches) -> Request {
    let rows = rows(db.read.clone(), batches.clone());
    let request = request.data(db.read).data(rows);
    match db.write {
        Some(write) => request.data(write),
        None => request,
    }
}

/// The schema as text, in an order that does not depend on the code's: `schema.graphql`.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .prefer_single_line_descriptions();
    let sdl = builder().finish().sdl_with_options(options);
    format!("{}\n", sdl.trim())
}
