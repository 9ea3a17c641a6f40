//! The token that a program is known by: read from its file, or given by the issuer.

use jiff::Timestamp;

use super::{By, Client, Unattended};
use crate::{
    error::{Error, Result},
    openid::{ClientGrant, ClientRefused, Issuer, Shown},
    output,
    private::GivenFile,
    shell,
    supervisor::{self, Supervisor, SupervisorId},
};

const TOKEN_FILE: &str = "--token-file";
const SECRET_FILE: &str = "--client-secret-file";

/// A token, and what it says about itself. Secret: it has no `Debug`.
pub(crate) struct Presented {
    pub(crate) token: String,
    /// The program, as the issuer names it.
    pub(crate) subject: String,
    /// Its end by this computer's clock.
    pub(crate) until: Timestamp,
    /// Who issued it.
    pub(crate) issuer: Issuer,
}

impl Unattended {
    /// The token of this moment.
    pub(crate) async fn presented(&self, supervisor: &Supervisor) -> Result<Presented> {
        match &self.by {
            By::TokenFile(path) => from_file(&GivenFile { flag: TOKEN_FILE, path }, Timestamp::now()),
            By::Client(client) => client.presented(supervisor).await,
        }
    }

    /// Who signs for the supervisor by the file that was named, if one was: the one that is meant, or an error.
    pub(crate) fn supervisor(&self, id: &SupervisorId) -> Result<Option<Supervisor>> {
        const FLAG: &str = "--certificate-authority";
        let Some(file) = &self.certificate_authority else {
            return Ok(None);
        };
        let supervisor = Supervisor {
            server: id.server.clone(),
            certificate_authority: Some(supervisor::from_file(FLAG, file)?),
        };
        if supervisor.id()? == *id {
            return Ok(Some(supervisor));
        }
        Err(Error::failed(format!(
            "{FLAG} {}: it holds another certificate than at the login",
            file.display()
        ))
        .next(format!(
            "If the supervisor has a new one: {}",
            self.login_command(&SupervisorId {
                ca_sha256: None,
                ..id.clone()
            })
        )))
    }

    /// Where the token or the secret is, for people.
    pub(crate) fn source(&self) -> String {
        match &self.by {
            By::TokenFile(path) => path.display().to_string(),
            By::Client(client) => client.secret_file.display().to_string(),
        }
    }

    /// What a person should know of the file of a token, when it is first used.
    pub(crate) fn exposure(&self) -> Option<String> {
        match &self.by {
            By::TokenFile(path) => GivenFile { flag: TOKEN_FILE, path }.exposure(),
            By::Client(_) => None,
        }
    }

    /// What is said where the supervisor does not know the token.
    pub(crate) fn refused(&self, host: &str) -> Error {
        let source = self.source();
        match &self.by {
            By::TokenFile(_) => Error::not_signed_in(format!("{host} does not accept the token in {source}"))
                .next("Ask the supervisor's operator which issuer and audience it accepts, and compare the clocks of both."),
            By::Client(client) => Error::not_signed_in(format!("{host} does not accept the tokens that client {:?} gets", client.id))
                .next("Ask the supervisor's operator which issuer and audience it accepts; some issuers give a token for it by --resource URI or --scope TEXT."),
        }
    }
}

impl Client {
    async fn presented(&self, supervisor: &Supervisor) -> Result<Presented> {
        let secret = GivenFile {
            flag: SECRET_FILE,
            path: &self.secret_file,
        }
        .secret()?;
        let issuer = match &self.issuer {
            Some(named) => named.as_client(&self.id)?,
            None => Issuer {
                client_id: self.id.clone(),
                ..supervisor::published(supervisor).await?
            },
        };
        let grant = ClientGrant {
            secret: &secret,
            scope: self.scope.as_deref(),
            resource: self.resource.as_ref().map(url::Url::as_str),
        };
        let token = match issuer.client_token(&grant).await {
            Ok(token) => token,
            Err(ClientRefused::Client) => return Err(self.unknown(&issuer)),
            Err(ClientRefused::Other(error)) => return Err(error),
        };
        let unusable =
            |why: &str| Error::failed(format!("the token of the issuer {} can't be used: {why}", issuer.url));
        let shown = Shown::read(&token).map_err(|why| unusable(&format!("it is {why}")))?;
        if shown.issuer != issuer.url {
            return Err(unusable("it is from another issuer"));
        }
        // The clock that it was written by may be another one than ours.
        let until = shown
            .lifetime
            .map(|lifetime| Timestamp::now().saturating_add(lifetime).unwrap_or(Timestamp::MAX));
        Ok(Presented {
            token,
            subject: shown.subject,
            until: until.unwrap_or(shown.until),
            issuer,
        })
    }

    fn unknown(&self, issuer: &Issuer) -> Error {
        Error::not_signed_in(format!(
            "the issuer {} does not know client {:?} with the secret in {}",
            issuer.url,
            self.id,
            self.secret_file.display()
        ))
        .next("Compare both with what the issuer's operator says; a secret that was replaced goes into the same file.")
    }
}

fn from_file(file: &GivenFile<'_>, now: Timestamp) -> Result<Presented> {
    let token = file.text()?;
    let (flag, path) = (file.flag, file.path.display());
    let shown = Shown::read(&token).map_err(|why| {
        Error::failed(format!("{flag} {path}: it holds {why}"))
            .next("It takes a file with an OpenID token, and nothing else in it.")
    })?;
    if shown.until <= now {
        let since = now.duration_since(shown.until).as_secs();
        return Err(Error::not_signed_in(format!(
            "the token in {path} has expired {} ago, at {}",
            output::age(since),
            shown.until
        ))
        .next(format!(
            "Whoever writes {} must write a new one. If it is new, compare this computer's clock with another one: date",
            shell::word(&path.to_string())
        )));
    }
    // Nobody asks it for anything: whoever writes the file does.
    let issuer = Issuer {
        url: shown.issuer,
        client_id: String::new(),
        certificate_authority: None,
        scopes: String::new(),
    };
    Ok(Presented {
        token,
        subject: shown.subject,
        until: shown.until,
        issuer,
    })
}
