//! Certificates of an embedded supervisor: a serving certificate at every start, and kubeconfigs for users.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use guestcluster_credentials::{
    kubeconfig::Kubeconfig,
    x509::{CertificateAuthority, CertifiedKey},
};

use crate::{authority::SUPERVISOR, data_dir::DataDir};

/// A start makes a new serving certificate, so this bounds how long one process can serve.
const SERVING_VALIDITY: Duration = Duration::from_hours(8760);
/// The admin's certificate is renewed at every start.
const ADMIN_VALIDITY: Duration = Duration::from_hours(8760);
/// Members may do everything (`authz::SystemMasters`).
const ADMIN_GROUP: &str = "system:masters";

/// Who a kubeconfig is for.
pub(crate) struct UserRequest<'a> {
    /// User name.
    pub(crate) name: &'a str,
    /// Group, if any.
    pub(crate) group: Option<&'a str>,
    /// Default namespace of the context.
    pub(crate) namespace: Option<&'a str>,
    /// Until the certificate expires.
    pub(crate) validity: Duration,
}

/// A serving certificate for the address and the names that reach it. The authority's own certificate follows it, so that whoever
/// knows its fingerprint can learn it from the server.
pub(crate) fn serving(authority: &CertificateAuthority, address: IpAddr) -> anyhow::Result<CertifiedKey> {
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
    ];
    let addresses = [address, IpAddr::from([127, 0, 0, 1])];
    let mut serving = authority.issue_server("guestcluster-apiserver", &names, &addresses, SERVING_VALIDITY)?;
    serving.certificate.push_str(authority.certificate());
    Ok(serving)
}

/// Writes the admin's kubeconfig and the server's address for later kubeconfigs.
pub(crate) fn write_admin_kubeconfig(
    dir: &DataDir,
    authority: &CertificateAuthority,
    address: SocketAddr,
) -> anyhow::Result<()> {
    let server = format!("https://{address}");
    let admin = UserRequest {
        name: "admin",
        group: Some(ADMIN_GROUP),
        namespace: Some("team-a"),
        validity: ADMIN_VALIDITY,
    };
    dir.write("server", &server)?;
    dir.write("admin.kubeconfig", &kubeconfig(authority, &server, &admin)?)
}

/// A kubeconfig for a user of the supervisor in this folder.
pub(crate) fn user_kubeconfig(dir: &DataDir, user: &UserRequest<'_>) -> anyhow::Result<String> {
    let authority = SUPERVISOR
        .read(dir)?
        .context("the folder holds no certificate authority")?;
    let server = dir
        .read("server")?
        .context("the supervisor was never started from this folder")?;
    kubeconfig(&authority, &server, user)
}

fn kubeconfig(authority: &CertificateAuthority, server: &str, user: &UserRequest<'_>) -> anyhow::Result<String> {
    let credential = authority.issue_client(user.name, user.group, user.validity)?;
    Ok(Kubeconfig {
        cluster: "supervisor",
        user: user.name,
        context: "supervisor",
        server,
        certificate_authority: authority.certificate(),
        credential: &credential,
        namespace: user.namespace,
    }
    .render())
}
