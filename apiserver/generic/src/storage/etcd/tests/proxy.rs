//! A way to etcd that a test can cut.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

use crate::storage::tests::etcd_server::EtcdServer;

/// Passes on connections until it is cut.
pub(super) struct Proxy {
    target: String,
    port: u16,
    connections: JoinSet<()>,
    is_mute: Arc<AtomicBool>,
}

impl Proxy {
    pub(super) async fn to(server: &EtcdServer) -> Self {
        let mut proxy = Self {
            target: server.url().replace("http://", ""),
            port: 0,
            connections: JoinSet::new(),
            is_mute: Arc::default(),
        };
        proxy.mend().await;
        proxy
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Passes questions on and no answers, until it is mended.
    pub(super) fn mute(&self) {
        self.is_mute.store(true, Ordering::SeqCst);
    }

    /// Ends all connections and refuses new ones.
    pub(super) async fn cut(&mut self) {
        self.connections.shutdown().await;
    }

    /// Accepts connections, again where it was cut.
    pub(super) async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.is_mute.store(false, Ordering::SeqCst);
        let (target, is_mute) = (self.target.clone(), self.is_mute.clone());
        self.connections.spawn(async move {
            // Dropped, and so cut, with the listener.
            let mut passed = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (target, is_mute) = (target.clone(), is_mute.clone());
                passed.spawn(async move {
                    let onwards = TcpStream::connect(target).await.unwrap();
                    let (mut questions, back) = stream.into_split();
                    let (answers, mut there) = onwards.into_split();
                    // Who hangs up ends it.
                    tokio::select! {
                        _ = copy(&mut questions, &mut there) => {}
                        _ = answer(answers, back, &is_mute) => {}
                    }
                });
            }
        });
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, is_mute: &AtomicBool) -> io::Result<()> {
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        if !is_mute.load(Ordering::SeqCst) {
            to.write_all(&piece[..length]).await?;
        }
    }
}
