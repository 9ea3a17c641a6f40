//! Whose a bearer token is: the host decides, by TokenReview. Behind the front proxy no token arrives; these are of those who ask
//! our server directly, such as Prometheus.

use std::time::Duration;

use async_trait::async_trait;
use generic_apiserver::{
    authn::{Authenticated, Authenticator, Connection, Refused, User, bearer},
    remembered::Remembered,
};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo};
use kube::{Api, Client, api::PostParams};
use sha2::{Digest as _, Sha256};
use tokio::{sync::Semaphore, time::timeout};

use super::ask::ask;

/// How long an answer counts, whatever it was: as long as kube-apiserver's own servers keep it.
const KEEP: Duration = Duration::from_secs(10);
/// How many answers are kept.
const ANSWERS: usize = 4096;
/// How many questions the host is asked at once, and how long one waits for its turn: whoever sends made-up tokens asks anew
/// with each.
const AT_ONCE: usize = 16;
const TURN: Duration = Duration::from_secs(10);
/// No token is longer than the headers of a request may be; one that nearly is was never one.
const LONGEST: usize = 16 * 1024;

/// Asks the host. Without an answer nobody is known.
pub(super) struct TokenReviews {
    reviews: Api<TokenReview>,
    answers: Remembered<Result<Judged, String>>,
    turns: Semaphore,
}

/// Whose a token is; the error is the host's reason.
type Judged = Result<User, String>;

impl TokenReviews {
    /// Asks with the rights of this client, which needs `create` on tokenreviews.
    pub(super) fn new(client: Client) -> Self {
        Self {
            reviews: Api::all(client),
            answers: Remembered::new(ANSWERS, KEEP),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    async fn judge(&self, token: &str) -> Result<User, Refused> {
        if token.len() > LONGEST {
            return Err(Refused("the bearer token is too long to be one".to_owned()));
        }
        let digest = Sha256::digest(token).into();
        match self.answers.ask(digest, Result::is_ok, self.review(token)).await {
            Ok(judged) => judged.map_err(|why| Refused(format!("the host refuses the bearer token: {why}"))),
            Err(why) => Err(Refused(format!("the TokenReview failed: {why}"))),
        }
    }

    async fn review(&self, token: &str) -> Result<Judged, String> {
        let turn = timeout(TURN, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err("too many tokens are being judged".to_owned());
        };
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let parameters = PostParams::default();
        let answer = ask(|| self.reviews.create(&parameters, &review)).await?;
        Ok(judged(answer.status.unwrap_or_default()))
    }
}

#[async_trait]
impl Authenticator for TokenReviews {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        _connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        match bearer(&request.headers) {
            Some(token) => Ok(Some(self.judge(token).await?.into())),
            None => Ok(None),
        }
    }
}

fn judged(status: TokenReviewStatus) -> Judged {
    let why = status.error.filter(|error| !error.is_empty());
    match (status.authenticated, status.user) {
        (Some(true), Some(user)) if user.username.is_some() => Ok(known(user)),
        _ => Err(why.unwrap_or_else(|| "it is nobody's".to_owned())),
    }
}

fn known(user: UserInfo) -> User {
    User {
        name: user.username.unwrap_or_default(),
        uid: user.uid.filter(|uid| !uid.is_empty()),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// A host that knows one token, counts what it is asked, and fails so often first.
    fn host(failures: usize) -> (TokenReviews, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let fails = counter.fetch_add(1, SeqCst) < failures;
            async move {
                let body = request.into_body().collect_bytes().await?;
                let review: Value = serde_json::from_slice(&body)?;
                let status = match review["spec"]["token"].as_str() {
                    Some("hers") => json!({"authenticated": true, "user": {
                        "username": "ana", "uid": "", "groups": ["devs"], "extra": {"scope": ["all"]},
                    }}),
                    _ => json!({"error": "invalid bearer token"}),
                };
                let code = if fails { 503 } else { 201 };
                let answer = json!({"spec": {}, "status": status}).to_string();
                let answer = http::Response::builder()
                    .status(code)
                    .body(Body::from(answer.into_bytes()))?;
                Ok::<_, tower::BoxError>(answer)
            }
        });
        (TokenReviews::new(Client::new(service, "default")), asked)
    }

    #[tokio::test]
    async fn a_token_is_judged_by_the_host_and_once() {
        let (reviews, asked) = host(0);
        for _ in 0..3 {
            let user = reviews.judge("hers").await.unwrap();
            assert_eq!((user.name.as_str(), user.uid), ("ana", None));
            assert_eq!((user.groups, user.extra["scope"].len()), (vec!["devs".to_owned()], 1));
        }
        assert_eq!(asked.load(SeqCst), 1);
        for _ in 0..3 {
            let refused = reviews.judge("made up").await.unwrap_err().to_string();
            assert_eq!(refused, "the host refuses the bearer token: invalid bearer token");
        }
        assert_eq!(asked.load(SeqCst), 2, "a refusal counts as long");
        assert!(reviews.judge(&"a".repeat(LONGEST + 1)).await.is_err());
        assert_eq!(asked.load(SeqCst), 2, "nobody is asked about what is no token");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_fails_lets_nobody_in_and_is_asked_again() {
        let (reviews, asked) = host(3);
        let failed = reviews.judge("hers").await.unwrap_err().to_string();
        assert!(failed.starts_with("the TokenReview failed"), "{failed}");
        assert_eq!(asked.load(SeqCst), 3);
        assert!(reviews.judge("hers").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends() {
        let (reviews, asked) = host(0);
        reviews.judge("hers").await.unwrap();
        tokio::time::advance(KEEP).await;
        reviews.judge("hers").await.unwrap();
        assert_eq!(asked.load(SeqCst), 2);
    }
}
