//! HTTP: who is asking, and the GraphQL over HTTP protocol.

mod caller;
mod graphiql;
mod graphql;
mod health;
mod negotiation;
mod respond;
mod router;

pub use graphiql::{Graphiql, SignIn};
pub use router::{App, router};
