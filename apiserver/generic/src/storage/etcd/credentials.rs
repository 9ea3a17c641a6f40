//! The token that etcd gives to a user for a password.

use std::{fs, path::PathBuf};

use parking_lot::Mutex;
use tonic::{metadata::AsciiMetadataValue, transport::Channel};

use super::{
    failure::Failure,
    protocol::etcdserverpb::{AuthenticateRequest, auth_client::AuthClient},
};

/// A user and the newest token.
pub(super) struct Credentials {
    name: String,
    password_file: PathBuf,
    token: Mutex<Option<AsciiMetadataValue>>,
}

impl Credentials {
    pub(super) fn new(name: String, password_file: PathBuf) -> Self {
        Self {
            name,
            password_file,
            token: Mutex::new(None),
        }
    }

    /// The token, asked for where there is none.
    pub(super) async fn token(&self, channel: Channel) -> Result<AsciiMetadataValue, Failure> {
        if let Some(token) = self.token.lock().clone() {
            return Ok(token);
        }
        let password = fs::read_to_string(&self.password_file)
            .map_err(|error| Failure::refused(format!("{}: {error}", self.password_file.display())))?;
        let request = AuthenticateRequest {
            name: self.name.clone(),
            password: password.trim_end_matches(['\r', '\n']).to_owned(),
        };
        let answer = AuthClient::new(channel).authenticate(request).await;
        let token = answer.map_err(Failure::from)?.into_inner().token;
        let mut token: AsciiMetadataValue = token
            .parse()
            .map_err(|_| Failure::refused("etcd gave a token that can't be sent".to_owned()))?;
        token.set_sensitive(true);
        *self.token.lock() = Some(token.clone());
        Ok(token)
    }

    /// Forgets the token, since etcd does not take it any more.
    pub(super) fn forget(&self) {
        *self.token.lock() = None;
    }
}
