//! How the server is reached: kubectl's flags, with kubectl's meanings.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use crate::{
    credential::is_label,
    error::{Error, Result, cause},
    https,
    kubeconfig::{self, ExecArgs, Files},
    session::Session,
    supervisor::{self, Supervisor, SupervisorId, server_url},
    unattended::Unattended,
};

/// Longest that a watch is silent: a server ends it before.
const WATCH_SILENCE: Duration = Duration::from_secs(295);

/// Flags that every command has.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionFlags {
    /// Namespace; the context's where none is given
    #[arg(long, short, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Kubeconfig file; else those that KUBECONFIG lists, else ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// User to act as
    #[arg(long = "as", global = true, value_name = "USER")]
    act_as: Option<String>,
    /// Group to act as, with --as; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "act_as")]
    as_groups: Vec<String>,
    /// Longest to wait for a server to answer, such as 10s or 1m; 0 is no limit
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = duration)]
    request_timeout: Duration,
}

/// A supervisor, and the namespace that commands speak of.
#[derive(Clone)]
pub(crate) struct Connection {
    /// The client.
    pub(crate) client: Client,
    /// The namespace.
    pub(crate) namespace: String,
    /// What the context says about signing in, where kubectl guest login has written it.
    pub(crate) signed_in: Option<ExecArgs>,
    /// The session that the client works by, where there is one.
    pub(crate) session: Option<Session>,
    /// The server that is talked to.
    pub(crate) supervisor: Supervisor,
}

impl ConnectionFlags {
    /// Connects; nothing is sent yet. The context of a guest stands for its supervisor, and for its namespace there.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let kubeconfig = self.read()?;
        match self.signed_in(&kubeconfig) {
            Some(args) => self.by_session(args, &kubeconfig).await,
            None => self.by_kubeconfig(kubeconfig).await,
        }
    }

    /// The supervisor that the context names, whether or not its user can be used.
    pub(crate) fn supervisor(&self) -> Result<Supervisor> {
        let kubeconfig = self.read()?;
        let missing = || {
            Error::failed("there is no context that names a supervisor")
                .next("Name the supervisor: kubectl guest login --server https://HOST:PORT --ca-sha256 FINGERPRINT")
        };
        if let Some(args) = self.signed_in(&kubeconfig).filter(|args| args.guest.is_some()) {
            if let Some(how) = &args.unattended
                && let Some(supervisor) = how.supervisor(&args.supervisor)?
            {
                return Ok(supervisor);
            }
            return known(&args.supervisor, &kubeconfig).ok_or_else(|| Session::missing(&args.supervisor));
        }
        let name = self.context_name(&kubeconfig).ok_or_else(missing)?;
        supervisor_of_context(&kubeconfig, name).ok_or_else(missing)
    }

    /// A supervisor that a context or a session of this computer tells all about.
    pub(crate) fn known(&self, id: &SupervisorId) -> Option<Supervisor> {
        let kubeconfig = self.read().unwrap_or_default();
        known(id, &kubeconfig)
    }

    /// The session by which a context's user works. That of a program begins by itself.
    pub(crate) async fn session(&self, args: &ExecArgs) -> Result<Session> {
        let Some(how) = &args.unattended else {
            return Session::open(&args.supervisor);
        };
        let id = &args.supervisor;
        let supervisor = match how.supervisor(id)?.or_else(|| self.known(id)) {
            Some(supervisor) => supervisor,
            None => Supervisor {
                server: id.server.clone(),
                certificate_authority: match &id.ca_sha256 {
                    Some(fingerprint) => Some(supervisor::shown_by(&id.server, fingerprint).await?),
                    None => None,
                },
            },
        };
        Session::unattended(supervisor, how).await
    }

    /// How a program signs in to this supervisor, by the context.
    pub(crate) fn unattended(&self, supervisor: &SupervisorId) -> Option<Unattended> {
        let args = self.signed_in(&self.read().ok()?)?;
        args.unattended.filter(|_| args.supervisor == *supervisor)
    }

    /// The same flags to read by: a kubeconfig that a login shall make says nothing yet.
    pub(crate) fn for_reading(&self) -> Self {
        let mut flags = self.clone();
        flags.kubeconfig = flags.kubeconfig.filter(|path| path.exists());
        flags
    }

    /// The namespace of the context, where the context is of this supervisor or of a guest there.
    pub(crate) fn namespace_at(&self, supervisor: &Supervisor) -> Option<String> {
        let kubeconfig = self.read().ok()?;
        match self
            .signed_in(&kubeconfig)
            .map(|args| (args.supervisor.server, args.guest))
        {
            Some((server, Some(access))) => (server == supervisor.server).then_some(access.guest.namespace),
            _ => {
                let name = self.context_name(&kubeconfig)?;
                let same = supervisor_of_context(&kubeconfig, name)?.server == supervisor.server;
                self.context(&kubeconfig).filter(|_| same)?.namespace.clone()
            }
        }
    }

    async fn by_session(&self, args: ExecArgs, kubeconfig: &Kubeconfig) -> Result<Connection> {
        let session = self.session(&args).await?;
        let supervisor = session.record().await.supervisor;
        let mut config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
        config.read_timeout = Some(WATCH_SILENCE);
        self.complete(&mut config);
        let of_context = match &args.guest {
            Some(access) => Some(access.guest.namespace.clone()),
            None => self.context(kubeconfig).and_then(|context| context.namespace.clone()),
        };
        let namespace = self.namespace.clone().or(of_context);
        Ok(Connection {
            client: https::answered_within(session.client(config)?, self.limit()),
            namespace: checked(namespace.unwrap_or_else(|| "default".to_owned()))?,
            signed_in: Some(args),
            session: Some(session),
            supervisor,
        })
    }

    async fn by_kubeconfig(&self, kubeconfig: Kubeconfig) -> Result<Connection> {
        let supervisor = self
            .context_name(&kubeconfig)
            .and_then(|name| supervisor_of_context(&kubeconfig, name));
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| unusable(&error))?;
        self.complete(&mut config);
        let namespace = self
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let supervisor = supervisor.unwrap_or_else(|| Supervisor {
            server: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
            certificate_authority: None,
        });
        Ok(Connection {
            client: https::answered_within(https::client(config)?, self.limit()),
            namespace: checked(namespace)?,
            signed_in: None,
            session: None,
            supervisor,
        })
    }

    /// What the flags add.
    fn complete(&self, config: &mut Config) {
        if self.act_as.is_some() {
            config.auth_info.impersonate.clone_from(&self.act_as);
            config.auth_info.impersonate_groups = (!self.as_groups.is_empty()).then(|| self.as_groups.clone());
        }
        config.connect_timeout = self.limit();
    }

    /// Longest to wait for an answer to begin.
    fn limit(&self) -> Option<Duration> {
        (!self.request_timeout.is_zero()).then_some(self.request_timeout)
    }

    /// All of it, the first file first. None is an empty one, unless it is named by the flag.
    fn read(&self) -> Result<Kubeconfig> {
        if let Some(path) = self.kubeconfig.as_ref().filter(|path| !path.exists()) {
            return Err(Error::failed(format!(
                "--kubeconfig {}: there is no such file",
                path.display()
            )));
        }
        let files = Files::find(self.kubeconfig.as_deref())?;
        let mut whole: Option<Kubeconfig> = None;
        for path in files.existing() {
            let unreadable = |error: &KubeconfigError| kubeconfig::unreadable(path, &reason(error));
            let look = || Kubeconfig::read_from(path).map_err(|error| unreadable(&error));
            let next = kubeconfig::settled(path, look, |content| content.contexts.is_empty())?;
            whole = Some(match whole {
                Some(whole) => whole.merge(next).map_err(|error| unreadable(&error))?,
                None => next,
            });
        }
        Ok(whole.unwrap_or_default())
    }

    fn signed_in(&self, kubeconfig: &Kubeconfig) -> Option<ExecArgs> {
        let user = self.context(kubeconfig)?.user.as_ref()?;
        let named = kubeconfig.auth_infos.iter().find(|named| named.name == *user)?;
        ExecArgs::of(named.auth_info.as_ref()?)
    }

    fn context<'a>(&self, kubeconfig: &'a Kubeconfig) -> Option<&'a kube::config::Context> {
        let name = self.context_name(kubeconfig)?;
        let named = kubeconfig.contexts.iter().find(|named| named.name == *name)?;
        named.context.as_ref()
    }

    fn context_name<'a>(&'a self, kubeconfig: &'a Kubeconfig) -> Option<&'a String> {
        self.context.as_ref().or(kubeconfig.current_context.as_ref())
    }
}

/// A supervisor is known by its own context, or by a session that may be over.
fn known(id: &SupervisorId, kubeconfig: &Kubeconfig) -> Option<Supervisor> {
    let of_contexts = kubeconfig
        .contexts
        .iter()
        .filter_map(|named| supervisor_of_context(kubeconfig, &named.name))
        .find(|supervisor| supervisor.id().is_ok_and(|found| found == *id));
    of_contexts.or_else(|| Session::known(id))
}

/// Server and authority of a context's cluster; an authority in a file is read.
fn supervisor_of_context(kubeconfig: &Kubeconfig, name: &str) -> Option<Supervisor> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let context = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == name)?
        .context
        .as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?;
    let cluster = cluster.cluster.as_ref()?;
    let inline = cluster.certificate_authority_data.as_ref();
    let inline = inline.and_then(|data| String::from_utf8(STANDARD.decode(data.trim()).ok()?).ok());
    let file = cluster.certificate_authority.as_ref();
    let authority = inline.or_else(|| std::fs::read_to_string(file?).ok());
    Some(Supervisor {
        server: server_url(cluster.server.as_ref()?).ok()?,
        certificate_authority: authority,
    })
}

/// A namespace becomes a part of URLs, also when a kubeconfig of somebody else names it.
fn checked(namespace: String) -> Result<String> {
    if is_label(&namespace) {
        return Ok(namespace);
    }
    Err(Error::usage(format!("no namespace can be called {namespace:?}"))
        .next("Name another one with -n, or in the context: kubectl config set-context --current --namespace NAME"))
}

/// Why a file can't be read, without what is written there: it may be a secret.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => error.without_snippet().to_string(),
        KubeconfigError::ReadConfig(error, _) => cause(error),
        other => other.to_string(),
    }
}

fn unusable(error: &KubeconfigError) -> Error {
    Error::failed(format!("no usable kubeconfig: {}", reason(error)))
        .next("Sign in (kubectl guest login --server URL), or name a kubeconfig with --kubeconfig or KUBECONFIG, and a context with --context.")
}

impl Connection {
    /// Objects of a kind in the namespace.
    pub(crate) fn namespaced<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Objects of a kind without namespaces.
    pub(crate) fn cluster<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }
}

/// A time as kubectl takes it: `0`, `30`, `10s`, `5m`, `1h`.
pub(crate) fn duration(text: &str) -> std::result::Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| "must be a time such as 30s, 5m or 1h".to_owned())?;
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("must be a time such as 30s, 5m or 1h".to_owned()),
    };
    number
        .checked_mul(factor)
        .map(Duration::from_secs)
        .ok_or_else(|| "is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kubectls() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        for wrong in ["", "s", "10d", "-1s", "1.5m", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
