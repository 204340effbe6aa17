//! The GraphQL API: schema and thin resolvers, one file a noun. Names are those of the contract;
//! rules live in [`crate::finance`].

mod billing_history;
mod client;
mod context;
mod enums;
mod error;
mod guard;
mod int;
mod invoice;
mod loaders;
mod node;
mod page;
mod query;
mod refund;
mod scalars;
mod schema;
mod user;
mod viewer;

pub use context::{Caller, Role};
pub use error::{ApiError, Code};
pub use guard::Guard;
pub use loaders::Users;
pub use schema::{FinanceSchema, build, sdl};
