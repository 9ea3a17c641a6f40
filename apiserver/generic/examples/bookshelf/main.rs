//! A whole API server of one kind, kept in a file: `cargo run -p generic-apiserver --example bookshelf -- FOLDER`.
//!
//! It prints a kubeconfig, and kubectl does the rest: `kubectl explain book.spec`, `apply`, `get -w`, `delete`.

mod book;
mod tls;

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use generic_apiserver::{
    ApiServer,
    authn::{Authenticated, Authenticator, Connection, Refused, User},
    registry::{Registry, ResourceDefinition, crd},
    storage::redb::Engine,
};
use kube::CustomResourceExt as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Part of the file that is kept in memory; the watch cache holds every object besides.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).context("usage: bookshelf FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let engine = Engine::open(&folder.join("books.redb"), CACHE_BYTES)?;
    let definitions: Arc<[_]> = [books()?].into();
    let registry = Registry::start(engine.keyspace("books/"), definitions, Vec::new()).await?;

    let token: String = uuid::Uuid::new_v4().to_string();
    let server = ApiServer::builder(registry)
        .authenticator(Arc::new(Librarian(token.clone())))
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let identity = tls::self_signed()?;
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, tls::kubeconfig(&identity, &listener, &token)?)?;
    println!("export KUBECONFIG={}", kubeconfig.display());

    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(listener, identity.server_config()?, stop.clone()));
    tokio::signal::ctrl_c().await?;
    stop.cancel();
    serving.await??;
    engine.close().await;
    Ok(())
}

fn books() -> anyhow::Result<ResourceDefinition> {
    let mut definition = crd::definition_from(&json!(book::Book::crd()))?;
    definition.strategy = Arc::new(book::EachAuthorOnce);
    Ok(definition)
}

/// Whoever has the token may do everything.
struct Librarian(String);

#[async_trait::async_trait]
impl Authenticator for Librarian {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        _connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        let header = request.headers.get(http::header::AUTHORIZATION);
        let shown = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match shown {
            None => Ok(None),
            Some(token) if token == self.0 => Ok(Some(librarian().into())),
            Some(_) => Err(Refused("another token".to_owned())),
        }
    }
}

fn librarian() -> User {
    User {
        name: "librarian".to_owned(),
        groups: vec!["system:masters".to_owned()],
        ..User::default()
    }
}
