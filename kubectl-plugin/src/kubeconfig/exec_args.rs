//! The arguments by which a kubeconfig's user leads back to this plugin. They hold no secret.

use std::path::Path;

use guestcluster_types::Level;
use kube::config::{AuthInfo, ExecConfig};
use serde_json::{Value, json};

use crate::{
    connection::duration,
    credential::{Guest, GuestAccess},
    supervisor::SupervisorId,
    unattended::Unattended,
};

const PROGRAM: &str = "kubectl-guest";
const COMMAND: &str = "credential";
const LIFETIME: &str = "expires-in";

/// Whose session, and which guest; without a guest it is about the supervisor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecArgs {
    pub(crate) supervisor: SupervisorId,
    /// How a program signs in; none for a person.
    pub(crate) unattended: Option<Unattended>,
    pub(crate) guest: Option<GuestAccess>,
}

impl ExecArgs {
    /// The command that signs in to the supervisor in the same way.
    pub(crate) fn login_command(&self) -> String {
        match &self.unattended {
            Some(how) => how.login_command(&self.supervisor),
            None => self.supervisor.login_command(),
        }
    }

    /// The content of a `users` entry. `program` is how the plugin is called.
    pub(crate) fn user(&self, program: &str) -> Value {
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": program,
            "args": self.arguments(),
            "interactiveMode": "Never",
            "provideClusterInfo": true,
            "installHint": "kubectl-guest is missing: install the plugin of Guest Clusters, in a folder of PATH.",
        }})
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![COMMAND.to_owned()];
        let mut flag = |name: &str, value: &str| arguments.push(format!("--{name}={value}"));
        flag("supervisor", &self.supervisor.server);
        if let Some(fingerprint) = &self.supervisor.ca_sha256 {
            flag("ca-sha256", fingerprint);
        }
        for (name, value) in self.unattended.iter().flat_map(Unattended::arguments) {
            flag(name, &value);
        }
        if let Some(access) = &self.guest {
            flag("namespace", &access.guest.namespace);
            flag("cluster", &access.guest.name);
            flag("guest-uid", &access.uid);
            flag("level", access.level.as_str());
            if let Some(lifetime) = access.lifetime {
                flag(LIFETIME, &format!("{}s", lifetime.as_secs()));
            }
        }
        arguments
    }

    /// What a user of a kubeconfig says, when it is one of ours.
    pub(crate) fn of(user: &AuthInfo) -> Option<Self> {
        let ExecConfig { command, args, .. } = user.exec.as_ref()?;
        Self::read(command.as_deref()?, args.as_deref()?)
    }

    /// The same of an entry as it is written.
    pub(crate) fn of_entry(user: &Value) -> Option<Self> {
        let exec = &user["exec"];
        let args: Vec<String> = serde_json::from_value(exec["args"].clone()).ok()?;
        Self::read(exec["command"].as_str()?, &args)
    }

    fn read(command: &str, args: &[String]) -> Option<Self> {
        if Path::new(command).file_stem()? != PROGRAM || args.first()? != COMMAND {
            return None;
        }
        let flag = |name: &str| {
            args.iter()
                .find_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
        };
        let guest = match (flag("namespace"), flag("cluster"), flag("guest-uid"), flag("level")) {
            (Some(namespace), Some(name), Some(uid), Some(level)) => Some(GuestAccess {
                guest: Guest::new(namespace, name).ok()?,
                uid: uid.to_owned(),
                level: level.parse::<Level>().ok()?,
                lifetime: match flag(LIFETIME) {
                    Some(text) => Some(duration(text).ok()?),
                    None => None,
                },
            }),
            (None, None, None, None) => None,
            _ => return None,
        };
        Some(Self {
            supervisor: SupervisorId::read(flag("supervisor")?, flag("ca-sha256"))?,
            unattended: Unattended::read(flag).ok()?,
            guest,
        })
    }
}

/// How a kubeconfig calls this plugin: by name where PATH leads to it, so that it may move; else by where it is now.
pub(crate) fn program() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let file = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let on_path = std::env::split_paths(&path).any(|folder| folder.join(&file).is_file());
    let here = std::env::current_exe()
        .ok()
        .and_then(|path| path.to_str().map(str::to_owned));
    match here {
        Some(here) if !on_path => here,
        _ => PROGRAM.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unattended::{By, Client, NamedIssuer};

    fn of_guest() -> ExecArgs {
        ExecArgs {
            supervisor: SupervisorId {
                server: "https://a:6443".to_owned(),
                ca_sha256: Some("ab".repeat(32)),
            },
            unattended: None,
            guest: Some(GuestAccess {
                guest: Guest {
                    namespace: "team-a".to_owned(),
                    name: "dev".to_owned(),
                },
                uid: "u".to_owned(),
                level: Level::Edit,
                lifetime: Some(std::time::Duration::from_secs(90)),
            }),
        }
    }

    #[test]
    fn a_user_leads_back_to_what_it_was_made_of() {
        let of_supervisor = ExecArgs {
            guest: None,
            ..of_guest()
        };
        for args in [of_guest(), of_supervisor] {
            let user = args.user("/opt/bin/kubectl-guest");
            assert_eq!(ExecArgs::of_entry(&user), Some(args.clone()));
            let read: AuthInfo = serde_json::from_value(user).unwrap();
            assert_eq!(ExecArgs::of(&read), Some(args));
        }
    }

    #[test]
    fn a_program_s_user_names_paths_and_ids() {
        let client = Client {
            id: "ci".to_owned(),
            secret_file: "/run/secrets/ci".into(),
            issuer: Some(NamedIssuer {
                url: "https://sso".to_owned(),
                certificate_authority: Some("/etc/sso.crt".into()),
            }),
            scope: Some("openid groups".to_owned()),
            resource: Some("https://supervisor.example/".parse().unwrap()),
        };
        let least = Client {
            issuer: None,
            scope: None,
            resource: None,
            ..client.clone()
        };
        for by in [
            By::TokenFile("/run/token".into()),
            By::Client(client),
            By::Client(least),
        ] {
            let args = ExecArgs {
                unattended: Some(Unattended {
                    by,
                    certificate_authority: Some("/etc/ca.crt".into()),
                }),
                ..of_guest()
            };
            assert_eq!(ExecArgs::of_entry(&args.user("kubectl-guest")), Some(args));
        }
        let ours = |more: &[&str]| {
            let mut user = of_guest().user("kubectl-guest");
            let args = user["exec"]["args"].as_array_mut().unwrap();
            args.extend(more.iter().map(|argument| json!(argument)));
            ExecArgs::of_entry(&user)
        };
        assert!(ours(&["--token-file=/run/token"]).is_some());
        for wrong in [
            &["--token-file=token"][..],
            &["--grant-type=client-credentials", "--client-id=ci"],
            &["--grant-type=password", "--client-id=ci", "--client-secret-file=/s"],
            &[
                "--grant-type=client-credentials",
                "--client-id=ci",
                "--client-secret-file=/s",
                "--token-file=/t",
            ],
            &[
                "--grant-type=client-credentials",
                "--client-id=ci",
                "--client-secret-file=/s",
                "--resource=x",
            ],
        ] {
            assert_eq!(ours(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_users_of_others_are_not_ours() {
        let mut user = of_guest().user("kubectl-guest");
        user["exec"]["command"] = json!("kubelogin");
        assert_eq!(ExecArgs::of_entry(&user), None);
        let mut user = of_guest().user("kubectl-guest");
        user["exec"]["args"][0] = json!("get");
        assert_eq!(ExecArgs::of_entry(&user), None);
        let mut user = of_guest().user("kubectl-guest");
        user["exec"]["args"] = json!(["credential", "--supervisor=https://a", "--cluster=dev"]);
        assert_eq!(ExecArgs::of_entry(&user), None, "half a guest is none");
        for (number, wrong) in [
            (1, "--supervisor=http://a:6443"),
            (1, "--supervisor=https://a:6443/?x"),
            (2, "--ca-sha256=; rm -r ~"),
            (3, "--namespace=../../x"),
            (4, "--cluster=dev/scale?"),
            (7, "--expires-in=soon"),
        ] {
            let mut user = of_guest().user("kubectl-guest");
            user["exec"]["args"][number] = json!(wrong);
            assert_eq!(ExecArgs::of_entry(&user), None, "{wrong}");
        }
        assert_eq!(ExecArgs::of_entry(&json!({"token": "t"})), None);
    }
}
