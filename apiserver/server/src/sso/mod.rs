//! Single sign-on for development: an OpenID issuer with users in a file and a login page of its own. It issues what vCenter's
//! SSO issues (`sub: user@domain`, `group_names`), so that a supervisor can't tell the difference. Not for production: there is
//! no second factor, no password policy and one process.
//!
//! Authorization code with PKCE (RFC 7636, S256 only) for one public client with loopback redirects (RFC 8252), answered with
//! the issuer's name (RFC 9207); refresh tokens rotate (RFC 9700); tokens are revoked by RFC 7009.

mod authorize;
mod claims;
mod codes;
mod discovery;
mod expiring;
mod issuer;
mod login;
mod page;
mod parameters;
mod pkce;
mod random;
mod redirect;
mod respond;
mod serve;
mod sessions;
mod signing_key;
mod standalone;
mod supervisor;
#[cfg(test)]
mod tests;
mod throttle;
mod token;
mod url;
mod users;

pub(crate) use self::{
    issuer::Issuer,
    serve::serve,
    standalone::{Config, run},
    supervisor::{PREFIX, authentication_configuration, login_config_map, login_roles},
    url::{issuer_url, last_port, record_url},
    users::{FIRST_USER_GROUP, FIRST_USER_PASSWORD, UserName, add_user, set_password},
};

/// The one client: `kubectl guest`. Public, so its name is no secret.
pub(crate) const CLIENT_ID: &str = "guestclusters";
