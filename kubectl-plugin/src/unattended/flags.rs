//! The flags by which an issuer and a sign-in without a person are named.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use url::Url;

use super::{By, Client, NamedIssuer, Unattended};
use crate::{
    error::{Error, Result},
    openid::Issuer,
    private::GivenFile,
    supervisor::{self, LoginSettings},
};

/// Which issuer.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct IssuerFlags {
    /// OpenID issuer; else the one that the supervisor names
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub(crate) issuer_url: Option<String>,
    /// Client id at that issuer
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// PEM file of the certificate authority of that issuer
    #[arg(long, value_name = "FILE", requires = "issuer_url")]
    issuer_certificate_authority: Option<PathBuf>,
}

/// How a program signs in.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct UnattendedFlags {
    /// Show the supervisor the OpenID token in this file, as CI systems write them. It is read anew each time and never copied
    #[arg(long, value_name = "FILE", conflicts_with_all = ["grant_type", "issuer_url", "client_id"])]
    token_file: Option<PathBuf>,
    /// How to sign in without a person: client-credentials is with an id and a secret that the issuer gave to a program
    #[arg(long, value_name = "GRANT", value_enum, requires_all = ["client_id", "client_secret_file"])]
    grant_type: Option<GrantType>,
    /// File with that secret, which nobody else may read
    #[arg(long, value_name = "FILE", requires = "grant_type")]
    client_secret_file: Option<PathBuf>,
    /// Scopes to ask for, with blanks between them; else what the issuer gives this client by itself
    #[arg(long, value_name = "TEXT", requires = "grant_type")]
    scope: Option<String>,
    /// Whom the token shall be for, at issuers that ask (RFC 8707)
    #[arg(long, value_name = "URI", requires = "grant_type")]
    resource: Option<Url>,
}

/// Grants that need no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GrantType {
    ClientCredentials,
}

impl UnattendedFlags {
    /// How a program signs in, where that is named. `certificate_authority` is the file of the supervisor's.
    pub(crate) fn unattended(
        &self,
        issuer: &IssuerFlags,
        certificate_authority: Option<&Path>,
    ) -> Result<Option<Unattended>> {
        let by = match (&self.token_file, &self.client_secret_file, &issuer.client_id) {
            (Some(file), ..) => By::TokenFile(GivenFile::absolute("--token-file", file)?),
            (None, Some(file), Some(id)) => By::Client(Client {
                id: id.clone(),
                secret_file: GivenFile::absolute("--client-secret-file", file)?,
                issuer: issuer.named()?,
                scope: self.scope.clone(),
                resource: self.resource.clone(),
            }),
            _ => {
                issuer.check()?;
                return Ok(None);
            }
        };
        let absolute = |file| GivenFile::absolute("--certificate-authority", file);
        Ok(Some(Unattended {
            by,
            certificate_authority: certificate_authority.map(absolute).transpose()?,
        }))
    }
}

impl IssuerFlags {
    /// The issuer that people sign in with, where one is named.
    pub(crate) fn of_people(&self) -> Result<Option<Issuer>> {
        match (self.named()?, &self.client_id) {
            (Some(issuer), Some(client_id)) => Ok(Some(issuer.as_client(client_id)?)),
            _ => Ok(None),
        }
    }

    /// Refuses flags that would say nothing where people sign in.
    fn check(&self) -> Result<()> {
        match (&self.issuer_url, &self.client_id) {
            (None, Some(_)) => Err(Error::usage("--client-id is for an issuer that is named")
                .next("Name it: --issuer-url URL; or how a program signs in: --grant-type client-credentials --client-secret-file FILE")),
            _ => Ok(()),
        }
    }

    fn named(&self) -> Result<Option<NamedIssuer>> {
        let absolute = |file: &PathBuf| GivenFile::absolute("--issuer-certificate-authority", file);
        let Some(url) = &self.issuer_url else {
            return Ok(None);
        };
        Ok(Some(NamedIssuer {
            url: url.clone(),
            certificate_authority: self.issuer_certificate_authority.as_ref().map(absolute).transpose()?,
        }))
    }
}

impl NamedIssuer {
    /// The issuer, asked as this client.
    pub(super) fn as_client(&self, client_id: &str) -> Result<Issuer> {
        let file = self.certificate_authority.as_ref();
        let authority = file.map(|file| supervisor::from_file("--issuer-certificate-authority", file));
        Ok(Issuer::from(LoginSettings {
            issuer_url: self.url.clone(),
            client_id: client_id.to_owned(),
            certificate_authority: authority.transpose()?,
        }))
    }
}
