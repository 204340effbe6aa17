//! HTTP: who is asking, and the GraphQL over HTTP protocol.

mod admission;
mod authorization;
mod body;
mod caller;
mod connections;
mod documents;
mod event_stream;
mod execute;
mod graphiql;
mod graphql;
mod health;
mod limits;
mod live;
mod metrics;
mod negotiation;
mod observed;
mod origins;
mod parameters;
mod parsed;
mod readiness;
mod record;
mod request_metrics;
mod respond;
mod router;
mod websocket;
mod websocket_operation;
mod websocket_protocol;
mod websocket_running;

pub use connections::serve;
pub use documents::{ManifestFault, TrustedDocuments};
pub use graphiql::{Graphiql, SignIn, Tab};
pub use limits::HttpLimits;
pub use metrics::{Gauges, metrics_router};
pub use origins::AllowedOrigins;
pub use readiness::Readiness;
pub use router::{App, router};
