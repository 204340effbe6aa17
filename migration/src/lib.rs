//! The schema `supervision_finance`: its migrations, and the commands that run them.
//!
//! On PostgreSQL everything, bookkeeping included, lives in that schema; on SQLite the same
//! migrations build an embedded database. Migrations name tables in plain words and use nothing of
//! this workspace, so that an old one keeps its meaning when an entity changes.

use sea_orm_migration::prelude::*;

pub mod cli;
mod columns;
pub mod connection;
mod loss;
pub mod ownership;
mod report;
pub mod runner;
mod sqlstate;
pub mod state;

mod m20261121_000001_baseline;
mod m20261121_000002_created_by;
mod m20261121_000003_fee_reduction_actions;
mod m20261121_000004_invoice_adjustment;
mod m20261121_000005_reference_tables;
mod m20261121_000006_reference_data;
mod m20261121_000007_court_reference;
mod m20261121_000008_pis_number;
mod m20261121_000009_refund;
mod m20261121_000010_drop_report;
mod m20261121_000011_pending_collection;
mod m20261121_000012_payment_method;
mod m20261121_000013_missing_indexes;
mod m20261122_000014_outgoing_events;
mod m20261122_000015_batch_results;
mod m20261122_000016_immutable_ledgers;

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_baseline::Migration),
            Box::new(m20261121_000002_created_by::Migration),
            Box::new(m20261121_000003_fee_reduction_actions::Migration),
            Box::new(m20261121_000004_invoice_adjustment::Migration),
            Box::new(m20261121_000005_reference_tables::Migration),
            Box::new(m20261121_000006_reference_data::Migration),
            Box::new(m20261121_000007_court_reference::Migration),
            Box::new(m20261121_000008_pis_number::Migration),
            Box::new(m20261121_000009_refund::Migration),
            Box::new(m20261121_000010_drop_report::Migration),
            Box::new(m20261121_000011_pending_collection::Migration),
            Box::new(m20261121_000012_payment_method::Migration),
            Box::new(m20261121_000013_missing_indexes::Migration),
            Box::new(m20261122_000014_outgoing_events::Migration),
            Box::new(m20261122_000015_batch_results::Migration),
            Box::new(m20261122_000016_immutable_ledgers::Migration),
        ]
    }
}
