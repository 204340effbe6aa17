//! The GraphQL API: schema and thin resolvers, one file a noun. Names are those of the contract;
//! rules live in [`crate::finance`].

mod adjustment;
mod batches;
mod billing_history;
mod client;
mod collection;
mod context;
mod direct;
mod enums;
mod error;
mod fee_reduction;
mod guard;
mod int;
mod invoice;
pub mod json;
mod limits;
mod live;
mod loaders;
mod merges;
mod mutation;
mod node;
mod page;
mod query;
mod refund;
mod rows;
mod scalars;
mod schema;
mod subscription;
mod user;
mod viewer;

pub use billing_history::{BillingEventConnection, connection};
pub use context::{Caller, DATABASE_LIMIT, FourEyes, Role};
pub use direct::MayBeDirect;
pub use error::{ApiError, Code};
pub use guard::Guard;
pub use limits::{Costs, Limits, Measure, VariableUses};
pub use live::{Event, Interest};
pub use loaders::Users;
pub use merges::merges;
pub(crate) use node::NodeType;
pub use schema::{
    Databases, FinanceSchema, Manners, Parts, Schemas, build, execute, next_event, sdl,
};
