//! HTTP: who is asking, and the GraphQL over HTTP protocol.

mod authorization;
mod caller;
mod graphiql;
mod graphql;
mod health;
mod metrics;
mod negotiation;
mod respond;
mod router;

pub use graphiql::{Graphiql, SignIn, Tab};
pub use metrics::metrics_router;
pub use router::{App, router};
