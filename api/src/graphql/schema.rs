//! The schema as a whole.

use async_graphql::{EmptyMutation, EmptySubscription, SDLExportOptions, Schema, SchemaBuilder};
use sea_orm::DatabaseConnection;

use super::billing_history::BillingEvent;
use super::node::Node;
use super::query::Query;
use super::rows::rows;
use crate::clock::SharedClock;

/// The schema, ready to execute requests.
pub type FinanceSchema = Schema<Query, EmptyMutation, EmptySubscription>;

fn builder() -> SchemaBuilder<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .register_output_type::<Node>()
        .register_output_type::<BillingEvent>()
}

/// The schema over a database.
pub fn build(db: DatabaseConnection, clock: SharedClock) -> FinanceSchema {
    builder()
        .data(rows(db.clone()))
        .data(db)
        .data(clock)
        .finish()
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
