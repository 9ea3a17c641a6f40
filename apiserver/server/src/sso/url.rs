//! The issuer's URL: its name, which must stay what it was for sessions to go on.

use std::net::{IpAddr, SocketAddr};

use crate::data_dir::DataDir;

/// Holds the URL, for scripts and for the next start.
const FILE: &str = "sso-issuer";

/// The URL of an issuer that listens there. Who listens on every address is named by the loopback one, since a name is one.
pub(crate) fn issuer_url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("https://{}", SocketAddr::new(ip, listen.port()))
}

/// Keeps the URL.
pub(crate) fn record_url(dir: &DataDir, url: &str) -> anyhow::Result<()> {
    dir.write(FILE, url)
}

/// The port of the last start.
pub(crate) fn last_port(dir: &DataDir) -> anyhow::Result<Option<u16>> {
    let url = dir.read(FILE)?.unwrap_or_default();
    Ok(url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_one_that_can_be_opened_and_is_found_again() {
        for (listen, url, port) in [
            ("127.0.0.1:6444", "https://127.0.0.1:6444", 6444),
            ("0.0.0.0:7000", "https://127.0.0.1:7000", 7000),
            ("[::]:7000", "https://[::1]:7000", 7000),
            ("[::1]:7001", "https://[::1]:7001", 7001),
        ] {
            assert_eq!(issuer_url(listen.parse().unwrap()), url);
            let folder = tempfile::tempdir().unwrap();
            let dir = DataDir::open_or_create(folder.path()).unwrap();
            assert_eq!(last_port(&dir).unwrap(), None);
            record_url(&dir, url).unwrap();
            assert_eq!(last_port(&dir).unwrap(), Some(port));
        }
    }
}
