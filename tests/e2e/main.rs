//! HTTP requests against a running router, on a real database.

mod account;
mod bearer;
mod billing_history;
mod caller;
mod changes;
mod created_by;
mod events;
mod guards;
mod house;
mod immutable;
mod killed;
mod mutations;
mod outage;
mod ownership;
mod paging;
mod process;
mod protocol;
mod refusals;
mod retries;
mod rules;
mod schema;
mod sequences;
mod shared_users;
mod sirius_writes;
mod statements;
mod user_list;
