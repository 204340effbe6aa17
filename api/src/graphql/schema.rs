//! The schema as a whole.

use async_graphql::{Request, Response, SDLExportOptions, Schema, SchemaBuilder};
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

/// The schema over its parts.
pub fn build(parts: Parts) -> FinanceSchema {
    let builder = match parts.manners.suggestions {
        true => builder(),
        false => builder().disable_suggestions(),
    };
    builder
        .data(parts.clock)
        .data(parts.four_eyes)
        .data(parts.changed_clients)
        .data(ChangeSlots::new(parts.changes_at_once, parts.tasks))
        .finish()
}

/// Executes a request over that database.
pub async fn execute(
    schema: &FinanceSchema,
    db: &DatabaseConnection,
    request: Request,
) -> Response {
    let batches = Batches::default();
    let request = over(request, db, &batches);
    batches.run(schema.execute(request)).await
}

/// Executes a subscription for one event. None if it has nothing to tell.
pub async fn next_event(
    schema: &FinanceSchema,
    db: &DatabaseConnection,
    request: Request,
) -> Option<Response> {
    let batches = Batches::default();
    let request = over(request, db, &batches);
    let mut events = schema.execute_stream(request);
    batches.run(events.next()).await
}

/// The request, with the database that it is executed over.
fn over(request: Request, db: &DatabaseConnection, batches: &Batches) -> Request {
    let rows = rows(db.clone(), batches.clone());
    request.data(db.clone()).data(rows)
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
