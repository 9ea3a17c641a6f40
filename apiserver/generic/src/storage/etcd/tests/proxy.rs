//! A way to etcd that a test can cut.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::storage::tests::etcd_server::EtcdServer;

/// Passes on connections until it is cut.
pub(super) struct Proxy {
    target: String,
    port: u16,
    connections: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn to(server: &EtcdServer) -> Self {
        let mut proxy = Self {
            target: server.url().replace("http://", ""),
            port: 0,
            connections: JoinSet::new(),
        };
        proxy.mend().await;
        proxy
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends all connections and refuses new ones.
    pub(super) async fn cut(&mut self) {
        self.connections.shutdown().await;
    }

    /// Accepts connections, again where it was cut.
    pub(super) async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let target = self.target.clone();
        self.connections.spawn(async move {
            // Dropped, and so cut, with the listener.
            let mut passed = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let target = target.clone();
                passed.spawn(async move {
                    let mut onwards = TcpStream::connect(target).await.unwrap();
                    // Who hangs up ends it.
                    let _ = copy_bidirectional(&mut stream, &mut onwards).await;
                });
            }
        });
    }
}
