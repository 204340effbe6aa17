//! The Supervision Finance API.
//!
//! One request goes one way: [`http`] finds out who asks, [`graphql`] resolves, [`finance`] knows
//! the rules, `entity` the tables. [`sirius`] stands beside `finance` and is reached through the
//! loaders of `graphql`; [`authentication`] knows whom bearer tokens stand for; [`dispatch`] sends the
//! events that changes cause. `docs/adr/0003` says
//! why.

pub mod authentication;
pub mod clock;
pub mod config;
pub mod database;
pub mod demo;
pub mod dispatch;
pub mod finance;
pub mod graphql;
pub mod housekeeping;
pub mod http;
pub mod jobs;
pub mod logging;
pub mod metrics;
pub mod reads;
pub mod secret;
pub mod server;
pub mod sirius;
pub mod traces;
