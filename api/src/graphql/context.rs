//! What a request brings along: who asks, and the database.

use std::time::Duration;

use async_graphql::{Context, Enum};
use chrono::NaiveDate;
use strum::{EnumIter, EnumString, IntoEnumIterator};
use tracing::Instrument as _;

use super::error::ApiError;
use crate::authentication::Service;
use crate::clock::SharedClock;
use crate::finance::FinanceError;
use crate::reads::ReadDatabase;

/// A role that means something to this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, EnumIter, EnumString)]
pub enum Role {
    /// Bills clients: awards reductions, raises adjustments, asks for refunds.
    #[strum(serialize = "Finance User")]
    FinanceUser,
    /// Decides on adjustments and refunds, makes manual invoices, cancels reductions.
    #[strum(serialize = "Finance Manager")]
    FinanceManager,
    /// Reads reports.
    #[strum(serialize = "Finance Reporting")]
    FinanceReporting,
    /// Uploads payments and downloads journals.
    #[strum(serialize = "Corporate Finance")]
    CorporateFinance,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Sirius's number: of the user, or of the one as whom a service acts.
    pub user_id: i32,
    /// Name to show, where it is known already.
    pub display_name: Option<String>,
    /// The roles that mean something here, in a fixed order. A service has none.
    pub roles: Vec<Role>,
    /// The service that asks; none for a person.
    pub service: Option<Service>,
}

impl Caller {
    /// A person, with those of Sirius's roles that mean something here.
    pub fn user(user_id: i32, display_name: Option<String>, roles: &[String]) -> Self {
        let held = roles
            .iter()
            .filter_map(|role| role.parse().ok())
            .collect::<Vec<Role>>();
        let roles = Role::iter().filter(|role| held.contains(role)).collect();
        Self {
            user_id,
            display_name,
            roles,
            service: None,
        }
    }

    /// A service, which acts as that user.
    pub fn service(service: Service, user_id: i32) -> Self {
        Self {
            user_id,
            display_name: None,
            roles: Vec::new(),
            service: Some(service),
        }
    }
}

/// Whether a decision is not taken by who asked for it (FOUR_EYES).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourEyes(pub bool);

/// Data of the request or the schema. Both are set for every request; that one is missing is a
/// fault of the service.
pub(super) fn data<'a, T: Send + Sync + 'static>(ctx: &Context<'a>) -> Result<&'a T, ApiError> {
    ctx.data_opt::<T>().ok_or_else(|| {
        tracing::error!(
            missing = std::any::type_name::<T>(),
            "request without its data"
        );
        ApiError::internal()
    })
}

/// Today, UTC.
pub(super) fn today(ctx: &Context<'_>) -> Result<NaiveDate, ApiError> {
    Ok(data::<SharedClock>(ctx)?.now().date_naive())
}

/// The longest that a resolver waits for the database, connection included: a server that hangs
/// is told from one that is slow well before the request's own deadline.
pub const DATABASE_LIMIT: Duration = Duration::from_millis(4_500);

/// What a rule makes of the database, in time.
pub(super) async fn query<'a, T, F>(
    ctx: &Context<'a>,
    rule: impl FnOnce(&'a ReadDatabase) -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, FinanceError>>,
{
    let span = tracing::debug_span!("resolve", field = ctx.field().name());
    let rule = rule(data::<ReadDatabase>(ctx)?);
    in_time(rule).instrument(span).await
}

/// What a rule gives, in time.
pub(super) async fn in_time<T>(
    rule: impl Future<Output = Result<T, FinanceError>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout(DATABASE_LIMIT, rule).await {
        Ok(result) => Ok(result?),
        Err(_) => {
            tracing::error!("the database did not answer in time");
            Err(ApiError::unavailable())
        }
    }
}
