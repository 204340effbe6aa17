//! The schema as a whole.

use async_graphql::{EmptySubscription, SDLExportOptions, Schema, SchemaBuilder};
use sea_orm::DatabaseConnection;

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

/// The schema over a database.
pub fn build(db: DatabaseConnection, clock: SharedClock, four_eyes: FourEyes) -> FinanceSchema {
    builder()
        .data(rows(db.clone()))
        .data(db)
        .data(clock)
        .data(four_eyes)
        .data(ChangeSlots::default())
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
