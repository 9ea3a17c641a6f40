//! The audit log of a server: where it is, how much it keeps, and what it never keeps.

mod annotation;

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use generic_apiserver::audit::{AuditFile, Auditor, Confidential, Policy, Rotation};
use guestcluster_types::GROUP;

pub(crate) use annotation::Annotation;

/// What is kept where no policy says it: who changed or read what, but for health and discovery.
const DEFAULT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/api', '/api/*', '/apis', '/apis/*', '/openapi/*']
- level: Metadata
";
/// Whose bodies carry credentials.
const CONFIDENTIAL: &[Confidential] = &[
    confidential("", "secrets", ""),
    confidential("", "serviceaccounts", "token"),
    confidential("authentication.k8s.io", "tokenreviews", ""),
    confidential(GROUP, "guestclusters", "credential"),
];

/// Where audit events go.
pub(crate) struct Config {
    /// The file, rotated at 100 MiB, ten full ones kept.
    pub(crate) path: PathBuf,
    /// Content of a policy file; the default policy where there is none.
    pub(crate) policy: Option<String>,
}

/// Opens the log; none where none is asked for.
pub(crate) fn open(config: Option<&Config>) -> anyhow::Result<Option<Arc<Auditor>>> {
    let Some(Config { path, policy }) = config else {
        return Ok(None);
    };
    let policy = Policy::parse(policy.as_deref().unwrap_or(DEFAULT_POLICY)).context("--audit-policy-file")?;
    let log = AuditFile::open(path, Rotation::default())
        .with_context(|| format!("--audit-log-path: cannot write {}", path.display()))?;
    Ok(Some(Arc::new(Auditor::new(policy, CONFIDENTIAL, log))))
}

const fn confidential(group: &'static str, resource: &'static str, subresource: &'static str) -> Confidential {
    Confidential {
        group,
        resource,
        subresource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_one_and_mistakes_name_their_option() {
        let folder = tempfile::tempdir().unwrap();
        let config = |name: &str, policy: Option<&str>| Config {
            path: folder.path().join(name),
            policy: policy.map(str::to_owned),
        };
        assert!(open(None).unwrap().is_none());
        assert!(open(Some(&config("audit.log", None))).unwrap().is_some());
        for (wrong, option) in [
            (config("audit.log", Some("rules: []")), "--audit-policy-file"),
            (config("absent/audit.log", None), "--audit-log-path"),
        ] {
            let error = format!("{:#}", open(Some(&wrong)).err().unwrap());
            assert!(error.starts_with(option), "{error}");
        }
    }
}
