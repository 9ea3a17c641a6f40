//! People whom SSO knows.

use std::{fs, path::PathBuf};

use super::{Deployment, Mode, Supervisor, binaries, sso};
use crate::Kubectl;

impl Supervisor {
    /// kubectl of somebody whom SSO knows, in these groups, with a home folder and a browser of their own. Not signed in yet.
    #[track_caller]
    pub fn person(&self, name: &str, groups: &[&str]) -> Kubectl {
        let home = self.root.join("people").join(name);
        fs::create_dir_all(&home).expect("the folder is ours");
        let person = sso::Person::add(&self.sso_dir(), &home, name, groups);
        let kubeconfig = home.join(".kube").join("config");
        person.equip(Kubectl::new(&kubeconfig, &home, &binaries()))
    }

    /// Gives somebody whom SSO knows another password, which ends their sessions at the issuer.
    #[track_caller]
    pub fn change_password(&self, name: &str) {
        sso::Person::change_password(&self.sso_dir(), &self.root.join("people").join(name), name);
    }

    /// The flags by which a login finds and trusts the supervisor.
    #[track_caller]
    pub fn login_flags(&self) -> String {
        match &self.deployment {
            Deployment::Embedded(_) => {
                let authority = self.data_dir().join("ca.crt");
                format!(
                    "--server {} --certificate-authority {}",
                    self.server(),
                    authority.display()
                )
            }
            Deployment::Aggregated(aggregated) => {
                let host = aggregated.host();
                format!(
                    "--server {} --certificate-authority {}",
                    host.server(),
                    host.authority_file()
                )
            }
        }
    }

    /// Takes somebody out of a group that nobody else is in.
    #[track_caller]
    pub fn empty_group(&self, group: &str) {
        sso::empty_group(&self.sso_dir(), group);
    }

    /// Where the issuer keeps users, keys and sessions: `sso-issuer` holds its URL, `sso-dev.password` the first user's password.
    pub fn sso_dir(&self) -> PathBuf {
        match self.start.mode {
            Mode::Embedded => self.data_dir(),
            Mode::Aggregated => sso::folder(&self.root),
        }
    }
}
