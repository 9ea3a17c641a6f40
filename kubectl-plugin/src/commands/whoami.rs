//! `kubectl guest whoami`: who one is, on both sides.

use k8s_openapi::api::authentication::v1::UserInfo;
use serde_json::json;

use super::login::{described, session_end};
use crate::{
    connection::Connection,
    credential::{self, GuestAccess},
    error::{Error, Result},
    https,
    output::{self, Format},
    session::{Record, Session},
    sign_in,
};

/// Show who you are, on the supervisor and in the cluster of the context
#[derive(clap::Args)]
#[command(after_help = "Example:\n  kubectl guest whoami")]
pub(super) struct Args {
    /// Form of the output
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// What the guest of the context says.
struct InGuest {
    access: GuestAccess,
    server: String,
    user: UserInfo,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let user = sign_in::user(connection.client.clone()).await?;
        let access = connection.signed_in.as_ref().and_then(|args| args.guest.as_ref());
        let guest = match (&connection.session, access) {
            (Some(session), Some(access)) => Some(in_guest(session, access).await?),
            _ => None,
        };
        let session = match &connection.session {
            Some(session) => Some((session.record().await, session_end(session).await)),
            None => None,
        };
        match self.output {
            None | Some(Format::Wide) => print_text(
                connection,
                &user,
                session.as_ref().map(|(_, end)| end.as_str()),
                guest.as_ref(),
            ),
            Some(Format::Name) => println!("{}", user.username.unwrap_or_default()),
            Some(format) => {
                let record = session.as_ref().map(|(record, _)| record);
                output::print_object(&object(connection, &user, record, guest.as_ref()), format)?;
            }
        }
        Ok(())
    }
}

async fn in_guest(session: &Session, access: &GuestAccess) -> Result<InGuest> {
    let cached = credential::obtain(session, access, None).await?;
    let user = sign_in::user(https::client(cached.config()?)?).await.map_err(|error| {
        Error::failed(format!(
            "{} can't say who you are: {}",
            cached.server,
            Error::from(error).in_one_line()
        ))
    })?;
    Ok(InGuest {
        access: access.clone(),
        server: cached.server,
        user,
    })
}

fn print_text(connection: &Connection, user: &UserInfo, session: Option<&str>, guest: Option<&InGuest>) {
    let session = session.unwrap_or_default();
    println!(
        "supervisor {}: {}.{session}",
        connection.supervisor.host(),
        described(user)
    );
    if let Some(InGuest { access, server, user }) = guest {
        println!(
            "guest {}/{} at {server}: {}, level {}. A level is what is added to the rights that the guest's own bindings give.",
            access.guest.namespace,
            access.guest.name,
            described(user),
            access.level
        );
    }
}

fn object(
    connection: &Connection,
    user: &UserInfo,
    record: Option<&Record>,
    guest: Option<&InGuest>,
) -> serde_json::Value {
    let mut object = json!({
        "supervisor": {
            "server": connection.supervisor.server,
            "userInfo": user,
        },
    });
    if let Some(record) = record {
        object["supervisor"]["session"] = json!({"issuer": record.issuer.url, "until": record.until});
    }
    if let Some(InGuest { access, server, user }) = guest {
        object["guest"] = json!({
            "namespace": access.guest.namespace,
            "name": access.guest.name,
            "guestUID": access.uid,
            "level": access.level,
            "server": server,
            "userInfo": user,
        });
    }
    object
}
