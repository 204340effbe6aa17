//! The schema as a whole.

use async_graphql::{
    EmptySubscription, Request, Response, SDLExportOptions, Schema, SchemaBuilder,
};
use sea_orm::DatabaseConnection;

use super::batches::Batches;
use super::billing_history::BillingEvent;
use super::context::FourEyes;
use super::mutation::{ChangeSlots, Mutation};
use super::node::Node;
use super::query::Query;
use super::rows::rows;
use crate::clock::SharedClock;

/// The schema, ready to execute requests.
pub type FinanceSchema = Schema<Query, Mutation, EmptySubscription>;

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription)
        .register_output_type::<Node>()
        .register_output_type::<BillingEvent>()
}

/// What the schema is made of.
pub struct Parts {
    /// The database.
    pub db: DatabaseConnection,
    /// Tells the day.
    pub clock: SharedClock,
    /// Whether a decision is not taken by who asked for it.
    pub four_eyes: FourEyes,
    /// How many changes are made at once; one at least.
    pub changes_at_once: usize,
}

/// The schema over its parts.
pub fn build(parts: Parts) -> FinanceSchema {
    builder()
        .data(parts.db)
        .data(parts.clock)
        .data(parts.four_eyes)
        .data(ChangeSlots::new(parts.changes_at_once))
        .finish()
}

/// Executes a request over that database, which is the schema's.
pub async fn execute(
    schema: &FinanceSchema,
    db: &DatabaseConnection,
    request: Request,
) -> Response {
    let batches = Batches::default();
    let request = request.data(rows(db.clone(), batches.clone()));
    batches.run(schema.execute(request)).await
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
