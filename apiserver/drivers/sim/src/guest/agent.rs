//! The agent as a user of the guest's API server: what it does there is done in its name.

use generic_apiserver::authn::User;
use guestcluster_credentials::{levels, trust_object::NAMESPACE};

/// The agent, which keeps the bindings of the namespaced levels and reports what is in force.
pub(super) fn agent() -> User {
    User {
        name: levels::agent_user(),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{NAMESPACE}"),
            "system:authenticated".to_owned(),
        ],
        ..User::default()
    }
}
