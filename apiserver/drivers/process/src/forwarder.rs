//! A load balancer: passes connections on to the control-plane VMs that answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Connections at one time; others wait in the system's queue.
const CONNECTIONS: usize = 1024;
/// How long a VM may take to accept a connection before the next one is tried.
const CONNECT: Duration = Duration::from_secs(1);
/// The pause after the system could not accept one, as when files run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Where connections may go at this moment.
pub(crate) type Backends = Arc<dyn Fn() -> Vec<SocketAddr> + Send + Sync>;

/// Passes connections on until it is dropped, and with it all connections.
pub(crate) async fn run(listener: TcpListener, backends: Backends) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let turn = Arc::new(AtomicUsize::new(0));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // Never closed.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "a load balancer can't accept a connection");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (backends, turn) = (backends.clone(), turn.clone());
        connections.spawn(async move {
            pass(client, &backends(), turn.fetch_add(1, Ordering::Relaxed)).await;
            drop(place);
        });
    }
}

/// Passes one connection on to the first VM that accepts it, each connection beginning with another one.
async fn pass(mut client: TcpStream, backends: &[SocketAddr], turn: usize) {
    for offset in 0..backends.len() {
        let backend = backends[turn.wrapping_add(offset) % backends.len()];
        if let Ok(Ok(mut server)) = timeout(CONNECT, TcpStream::connect(backend)).await {
            // Small writes of TLS and HTTP/2 go on at once.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            // A connection that breaks is told to both sides by its end.
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn connections_go_to_a_vm_that_answers() {
        let answers = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refuses = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backends = vec![refuses.local_addr().unwrap(), answers.local_addr().unwrap()];
        drop(refuses);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = answers.accept().await {
                stream.write_all(b"hello").await.unwrap();
            }
        });
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        tokio::spawn(run(front, Arc::new(move || backends.clone())));
        for _ in 0..4 {
            let mut text = String::new();
            let mut client = TcpStream::connect(address).await.unwrap();
            client.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "hello");
        }
    }

    #[tokio::test]
    async fn without_a_vm_a_connection_ends_at_once() {
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        tokio::spawn(run(front, Arc::new(Vec::new)));
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
