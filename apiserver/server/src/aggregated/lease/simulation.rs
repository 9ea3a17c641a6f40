//! Hours of contention with the real terms, in simulated time: an unreliable network between contenders and the one lease.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tower::service_fn;

use super::*;

/// How long each seed is simulated.
const SIMULATED: Duration = Duration::from_hours(3);
const CONTENDERS: usize = 4;

/// A server of one lease, which compares revisions as the real one does.
#[derive(Default)]
struct Server {
    lease: Option<Value>,
    revision: u64,
}

impl Server {
    fn answer(&mut self, method: &Method, body: &Value) -> (StatusCode, Value) {
        match (method, &self.lease) {
            (&Method::GET, Some(lease)) => (StatusCode::OK, lease.clone()),
            (&Method::GET, None) => failure(StatusCode::NOT_FOUND, "NotFound"),
            (&Method::POST, None) => self.store(body.clone()),
            (&Method::PATCH, Some(lease))
                if lease["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"] =>
            {
                let mut lease = lease.clone();
                for (key, value) in body["spec"].as_object().unwrap() {
                    lease["spec"][key] = value.clone();
                }
                self.store(lease)
            }
            _ => failure(StatusCode::CONFLICT, "Conflict"),
        }
    }

    fn store(&mut self, mut lease: Value) -> (StatusCode, Value) {
        self.revision += 1;
        lease["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.lease = Some(lease.clone());
        (StatusCode::OK, lease)
    }
}

fn failure(code: StatusCode, reason: &str) -> (StatusCode, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code.as_u16(),
    });
    (code, status)
}

type Shared<T> = Arc<parking_lot::Mutex<T>>;

/// One contender's way to the server: slow at times, and at times nothing passes, in one direction or both.
struct Network {
    random: Shared<StdRng>,
    /// Until when nothing passes.
    down: parking_lot::Mutex<Instant>,
}

impl Network {
    async fn pass(&self) {
        let (delay, is_lost) = {
            let mut random = self.random.lock();
            let mut down = self.down.lock();
            if random.random_bool(0.01) {
                *down = Instant::now() + Duration::from_secs(random.random_range(0..60));
            }
            let slow = if random.random_bool(0.1) { 8_000 } else { 50 };
            (
                random.random_range(0..slow),
                Instant::now() < *down || random.random_bool(0.02),
            )
        };
        sleep(Duration::from_millis(delay)).await;
        if is_lost {
            std::future::pending::<()>().await;
        }
    }
}

fn client(server: &Shared<Server>, random: &Shared<StdRng>) -> Client {
    let network = Arc::new(Network {
        random: random.clone(),
        down: parking_lot::Mutex::new(Instant::now()),
    });
    let server = server.clone();
    let service = service_fn(move |request: Request<Body>| {
        let (server, network) = (server.clone(), network.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            // The request goes on without whoever sent it: one that was given up may still count.
            let answer = tokio::spawn(async move {
                network.pass().await;
                let answer = server.lock().answer(&head.method, &body);
                network.pass().await;
                answer
            });
            let (code, answer) = answer.await.unwrap();
            let answer = Response::builder()
                .status(code)
                .body(Body::from(answer.to_string().into_bytes()));
            Ok::<_, std::convert::Infallible>(answer.unwrap())
        }
    });
    Client::new(service, "default")
}

/// Who believes to hold the lease, and for how long somebody did.
#[derive(Default)]
struct Witness {
    holding: AtomicUsize,
    terms: AtomicUsize,
    held_milliseconds: AtomicU64,
}

impl Witness {
    async fn see(&self, held: &Held, at_most: Duration) {
        assert_eq!(self.holding.fetch_add(1, Ordering::SeqCst), 0, "two hold the lease");
        let began = Instant::now();
        let _ = timeout(at_most, held.lost().cancelled()).await;
        self.holding.fetch_sub(1, Ordering::SeqCst);
        self.terms.fetch_add(1, Ordering::SeqCst);
        let held = u64::try_from(began.elapsed().as_millis()).unwrap();
        self.held_milliseconds.fetch_add(held, Ordering::SeqCst);
    }
}

/// A process that contends again and again: it works until the lease is lost, stops in order, or dies.
async fn contend(lease: Lease, random: Shared<StdRng>, witness: Arc<Witness>) {
    loop {
        let Some(held) = lease.acquire(&CancellationToken::new()).await else {
            return;
        };
        let (works, dies) = {
            let mut random = random.lock();
            (
                Duration::from_secs(random.random_range(1..600)),
                random.random_bool(0.3),
            )
        };
        witness.see(&held, works).await;
        if dies {
            drop(held);
        } else {
            held.release().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_network_does_two_never_hold_it() {
    for seed in 0..4 {
        let random = Arc::new(parking_lot::Mutex::new(StdRng::seed_from_u64(seed)));
        let (server, witness) = (Shared::<Server>::default(), Arc::new(Witness::default()));
        let mut contending = tokio::task::JoinSet::new();
        for number in 0..CONTENDERS {
            let lease = Lease::new(client(&server, &random), number.to_string());
            contending.spawn(contend(lease, random.clone(), witness.clone()));
        }
        let ended = timeout(SIMULATED, contending.join_next()).await;
        assert!(ended.is_err(), "seed {seed}: {ended:?}");
        let terms = witness.terms.load(Ordering::SeqCst);
        let held = Duration::from_millis(witness.held_milliseconds.load(Ordering::SeqCst));
        assert!(terms > 20, "seed {seed}: only {terms} terms");
        assert!(held > SIMULATED / 2, "seed {seed}: held for {held:?} only");
    }
}
