//! How it is written in a kubeconfig, and read from one.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use super::{By, Client, NamedIssuer, Unattended};
use crate::{shell, supervisor::SupervisorId};

impl Unattended {
    /// Names of flags and their values.
    pub(crate) fn arguments(&self) -> Vec<(&'static str, String)> {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut arguments = Vec::new();
        if let Some(file) = &self.certificate_authority {
            arguments.push(("certificate-authority", text(file)));
        }
        match &self.by {
            By::TokenFile(file) => arguments.push(("token-file", text(file))),
            By::Client(client) => {
                arguments.push(("grant-type", "client-credentials".to_owned()));
                if let Some(issuer) = &client.issuer {
                    arguments.push(("issuer-url", issuer.url.clone()));
                    let file = issuer.certificate_authority.as_ref();
                    arguments.extend(file.map(|file| ("issuer-certificate-authority", text(file))));
                }
                arguments.push(("client-id", client.id.clone()));
                arguments.push(("client-secret-file", text(&client.secret_file)));
                arguments.extend(client.scope.iter().map(|scope| ("scope", scope.clone())));
                arguments.extend(client.resource.iter().map(|uri| ("resource", uri.to_string())));
            }
        }
        arguments
    }

    /// What these flags of a kubeconfig say; none where they are about a person. An error where they are not as we write them.
    pub(crate) fn read<'a>(flag: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Self>, ()> {
        let file = |name: &str| flag(name).map(PathBuf::from);
        let client = (flag("grant-type"), flag("client-id"), file("client-secret-file"));
        let by = match (file("token-file"), client) {
            (None, (None, None, None)) => return Ok(None),
            (Some(file), (None, None, None)) => By::TokenFile(file),
            (None, (Some("client-credentials"), Some(id), Some(secret_file))) => By::Client(Client {
                id: id.to_owned(),
                secret_file,
                issuer: flag("issuer-url").map(|url| NamedIssuer {
                    url: url.to_owned(),
                    certificate_authority: file("issuer-certificate-authority"),
                }),
                scope: flag("scope").map(str::to_owned),
                resource: flag("resource").map(str::parse).transpose().map_err(drop)?,
            }),
            _ => return Err(()),
        };
        let read = Self {
            by,
            certificate_authority: file("certificate-authority"),
        };
        if read.files().all(Path::is_absolute) {
            Ok(Some(read))
        } else {
            Err(())
        }
    }

    /// The command that signs in this way.
    pub(crate) fn login_command(&self, supervisor: &SupervisorId) -> String {
        let mut command = supervisor.login_command();
        for (name, value) in self.arguments() {
            // Writing to a text can't fail.
            let _ = write!(command, " --{name} {}", shell::word(&value));
        }
        command
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let (token, client) = match &self.by {
            By::TokenFile(file) => (Some(file), None),
            By::Client(client) => (None, Some(client)),
        };
        let issuer = client.and_then(|client| client.issuer.as_ref()?.certificate_authority.as_ref());
        let secret = client.map(|client| &client.secret_file);
        let all = [token, secret, issuer, self.certificate_authority.as_ref()];
        all.into_iter().flatten().map(PathBuf::as_path)
    }
}
