//! A line to a server that can be cut: what runs over it ends in the middle of a word, as when a cable is drawn.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A listener on loopback whose connections all lead to one server. It ends with its runtime.
pub(crate) struct Line {
    /// Where clients connect to.
    pub(crate) address: SocketAddr,
    cuts: watch::Sender<u32>,
}

impl Line {
    /// One to this address.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = watch::Sender::new(0);
        let hears = cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), hears.subscribe()));
            }
        });
        Self { address, cuts }
    }

    /// Ends all connections that there are.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn carry(mut client: TcpStream, server: String, mut cuts: watch::Receiver<u32>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    tokio::select! {
        // Whoever hangs up first, the other one hears of it.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = cuts.changed() => {}
    }
}
