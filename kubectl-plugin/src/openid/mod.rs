//! Signing in with an OpenID issuer: authorization code with PKCE (RFC 7636) over a loopback redirect (RFC 8252), answers that name
//! their issuer (RFC 9207), or a code for another device (RFC 8628); refresh, and revocation (RFC 7009). Programs sign in by the
//! credentials of a client (RFC 6749, section 4.4).
//!
//! ID tokens come from the token endpoint itself over TLS, which stands for their signature here (OpenID Connect Core 3.1.3.7);
//! the supervisor checks the signature, too.

mod authorization;
mod callback;
mod client_credentials;
mod device;
mod id_token;
mod issuer;
mod page;
mod shown;
mod tokens;

pub(crate) use self::{
    authorization::Authorization,
    callback::Callback,
    client_credentials::{ClientGrant, ClientRefused},
    id_token::IdToken,
    issuer::{Endpoints, Issuer},
    shown::Shown,
    tokens::{Grant, Refused, Tokens},
};
