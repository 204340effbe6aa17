//! Who may use a field. Each field that not everybody may use names its rule once, as a constant of
//! this type.

use async_graphql::Context;

use super::context::{Caller, Role, data};
use super::error::{ApiError, Code};
use crate::authentication::Service;

/// The callers that may use a field.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    people: People,
    services: &'static [Service],
}

#[derive(Clone, Copy, Debug)]
enum People {
    /// Nobody.
    None,
    /// Whoever is signed in.
    All,
    /// Who has one of these roles.
    With(&'static [Role]),
}

/// Reading: any user, and Sirius itself. What events may do is not done by reading.
pub(super) const READ: Guard = Guard::all_users().and(&[Service::Sirius]);

/// Where refunds are paid.
pub(super) const BANK_DETAILS: Guard = Guard::roles(&[Role::FinanceUser, Role::FinanceManager]);

impl Guard {
    /// Any user, and no service.
    pub const fn all_users() -> Self {
        Self {
            people: People::All,
            services: &[],
        }
    }

    /// Users with one of these roles, and no service.
    pub const fn roles(roles: &'static [Role]) -> Self {
        Self {
            people: People::With(roles),
            services: &[],
        }
    }

    /// These services, and no user.
    pub const fn services(services: &'static [Service]) -> Self {
        Self {
            people: People::None,
            services,
        }
    }

    /// These services too, and no others.
    pub const fn and(self, services: &'static [Service]) -> Self {
        Self {
            people: self.people,
            services,
        }
    }

    /// Lets the caller of the request pass, or not.
    ///
    /// # Errors
    /// FORBIDDEN.
    pub(super) fn check(self, ctx: &Context<'_>) -> Result<(), ApiError> {
        if self.admits(data::<Caller>(ctx)?) {
            return Ok(());
        }
        Err(ApiError::new(
            Code::Forbidden,
            "Your roles do not allow this: `viewer { roles }` shows them.",
        ))
    }

    fn admits(self, caller: &Caller) -> bool {
        match caller.service {
            Some(service) => self.services.contains(&service),
            None => match self.people {
                People::None => false,
                People::All => true,
                People::With(roles) => roles.iter().any(|role| caller.roles.contains(role)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANAGER_OR_SIRIUS: Guard = Guard::roles(&[Role::FinanceManager]).and(&[Service::Sirius]);

    fn with_roles(roles: &[&str]) -> Caller {
        let roles = roles.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        Caller::user(3, None, &roles)
    }

    #[test]
    fn no_role_includes_another() {
        assert!(MANAGER_OR_SIRIUS.admits(&with_roles(&["Finance Manager"])));
        assert!(!MANAGER_OR_SIRIUS.admits(&with_roles(&["Finance User"])));
        assert!(!MANAGER_OR_SIRIUS.admits(&with_roles(&["finance manager", "FINANCE_MANAGER"])));
        assert!(!MANAGER_OR_SIRIUS.admits(&with_roles(&[])));
    }

    #[test]
    fn a_service_passes_by_its_name_alone() {
        assert!(MANAGER_OR_SIRIUS.admits(&Caller::service(Service::Sirius, 1)));
        assert!(!MANAGER_OR_SIRIUS.admits(&Caller::service(Service::Events, 1)));
        assert!(!Guard::all_users().admits(&Caller::service(Service::Sirius, 1)));
    }

    #[test]
    fn any_user_reads_and_so_does_sirius() {
        assert!(READ.admits(&with_roles(&[])));
        assert!(READ.admits(&Caller::service(Service::Sirius, 1)));
        assert!(!READ.admits(&Caller::service(Service::Events, 1)));
    }
}
