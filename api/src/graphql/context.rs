//! What a request brings along: who asks, and the database.

use async_graphql::{Context, Enum};
use sea_orm::DatabaseConnection;
use strum::{EnumIter, EnumString, IntoEnumIterator};

use super::error::ApiError;

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
    /// Sirius's number.
    pub user_id: i32,
    /// Name to show, where it is known already.
    pub display_name: Option<String>,
    /// The roles that mean something here, in a fixed order.
    pub roles: Vec<Role>,
}

impl Caller {
    /// A caller with those of Sirius's roles that mean something here.
    pub fn new(user_id: i32, display_name: Option<String>, roles: &[String]) -> Self {
        let held = roles
            .iter()
            .filter_map(|role| role.parse().ok())
            .collect::<Vec<Role>>();
        let roles = Role::iter().filter(|role| held.contains(role)).collect();
        Self {
            user_id,
            display_name,
            roles,
        }
    }
}

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

/// The database.
pub(super) fn database<'a>(ctx: &Context<'a>) -> Result<&'a DatabaseConnection, ApiError> {
    data(ctx)
}
