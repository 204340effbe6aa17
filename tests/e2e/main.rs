//! HTTP requests against a running router, on a real database.

mod billing_history;
mod caller;
mod created_by;
mod house;
mod outage;
mod ownership;
mod paging;
mod protocol;
mod schema;
mod statements;
