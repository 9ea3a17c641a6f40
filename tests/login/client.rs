//! The program that asks for a sign-in, played by the test: it names a listener of its own and waits there for the answer.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// Longest until a browser that was sent back arrives.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a connection that says nothing may cost; browsers open some in advance.
const SILENCE: Duration = Duration::from_secs(10);
/// Comes back as it is, also what must be escaped on the way.
pub(super) const STATE: &str = "a state & more=";
/// Of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 51\r\n\r\n\
                      <title>Back</title><link rel=icon href=data:,>Back.";

/// A listener that lives as long as the process.
pub(super) struct Client {
    port: u16,
    targets: Receiver<String>,
}

impl Client {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, targets) = mpsc::channel();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || {
                    // A connection that brings no request only matters to the browser.
                    if let Ok(target) = answered(connection) {
                        let _ = sender.send(target);
                    }
                });
            }
        });
        Self { port, targets }
    }

    /// Where the browser is sent to.
    pub(super) fn authorization_url(&self, issuer: &str) -> String {
        let redirect = format!("http://127.0.0.1:{}/callback", self.port);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "guestclusters"),
                ("redirect_uri", &redirect),
                ("scope", "openid"),
                ("state", STATE),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        format!("{issuer}/authorize?{query}")
    }

    /// Waits until the browser comes back; what it brings.
    #[track_caller]
    pub(super) fn await_answer(&self) -> BTreeMap<String, String> {
        let target = self.targets.recv_timeout(PATIENCE);
        let target = target.unwrap_or_else(|_| panic!("the browser did not come back within {PATIENCE:?}"));
        let query = target.strip_prefix("/callback?");
        let query = query.unwrap_or_else(|| panic!("the browser asks for {target}"));
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

/// Answers a GET; its target.
fn answered(connection: TcpStream) -> std::io::Result<String> {
    connection.set_read_timeout(Some(SILENCE))?;
    let mut stream = BufReader::new(connection);
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let target = first
        .strip_prefix("GET ")
        .and_then(|rest| rest.split(' ').next())
        .ok_or_else(|| std::io::Error::other("no GET"))?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    stream.get_mut().write_all(ANSWER.as_bytes())?;
    Ok(target.to_owned())
}
