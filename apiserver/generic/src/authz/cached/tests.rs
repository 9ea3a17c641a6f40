use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{sync::Semaphore, time::advance};

use super::*;

/// Counts what it is asked, and answers by the verb, once it may.
struct Distant {
    asked: AtomicUsize,
    may_answer: Semaphore,
}

#[async_trait]
impl Authorizer for Distant {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _turn = self.may_answer.acquire().await.map_err(|error| error.to_string())?;
        let reason = attributes.user.name.clone();
        match attributes.verb {
            "get" => Ok(Decision::Allow { reason }),
            "delete" => Ok(Decision::Deny { reason }),
            "list" => Ok(Decision::NoOpinion { reason }),
            "explain" => Ok(Decision::NoOpinion {
                reason: "because ".repeat(2000),
            }),
            _ => Err("down".to_owned()),
        }
    }
}

fn distant(may_answer: usize) -> (Arc<Distant>, Arc<Cached>) {
    let distant = Arc::new(Distant {
        asked: AtomicUsize::new(0),
        may_answer: Semaphore::new(may_answer),
    });
    (distant.clone(), Arc::new(Cached::new(distant)))
}

impl Distant {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        ..User::default()
    }
}

async fn ask(cached: &Cached, user: &User, verb: &str, path: &str) -> Result<Decision, String> {
    let target = Target::Path(path);
    cached.authorize(&Attributes { user, verb, target }).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_for_ten_seconds_allowed_or_not() {
    let (distant, cached) = distant(1);
    for (number, verb) in ["get", "delete", "list"].into_iter().enumerate() {
        let first = ask(&cached, &user("ana"), verb, "/x").await;
        advance(Duration::from_millis(9_999)).await;
        assert_eq!(ask(&cached, &user("ana"), verb, "/x").await, first);
        assert_eq!(distant.asked(), 2 * number + 1, "{verb}");
        advance(Duration::from_millis(1)).await;
        assert_eq!(ask(&cached, &user("ana"), verb, "/x").await, first);
        assert_eq!(distant.asked(), 2 * number + 2, "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_and_long_texts_are_not_kept() {
    let (distant, cached) = distant(1);
    for asked in 1..3 {
        assert_eq!(ask(&cached, &user("ana"), "watch", "/x").await, Err("down".to_owned()));
        assert_eq!(distant.asked(), asked);
    }
    for asked in 3..5 {
        ask(&cached, &user("ana"), "get", &"/x".repeat(5_000)).await.unwrap();
        assert_eq!(distant.asked(), asked);
    }
    for asked in 5..7 {
        ask(&cached, &user("ana"), "explain", "/x").await.unwrap();
        assert_eq!(distant.asked(), asked);
    }
    assert_eq!(cached.answers.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn somebody_in_many_groups_is_asked_about_once() {
    let (distant, cached) = distant(1);
    let groups = (0..2000)
        .map(|number| format!("sso:group-{number}@example.com"))
        .collect();
    let ana = User { groups, ..user("ana") };
    for _ in 0..2 {
        ask(&cached, &ana, "get", "/x").await.unwrap();
    }
    assert_eq!(distant.asked(), 1);
}

#[test]
fn no_two_questions_share_an_answer() {
    let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
    let mut users = vec![user("ana"), user("an"), user("ana1")];
    users.push(User {
        uid: Some(String::new()),
        ..user("ana")
    });
    users.push(User {
        uid: Some("1".into()),
        ..user("ana")
    });
    for groups in [&["1"][..], &["1", "2"], &["12"], &["1", ""], &["", "1"]] {
        users.push(User {
            groups: list(groups),
            ..user("ana")
        });
    }
    for (key, values) in [
        ("1", &["2"][..]),
        ("1", &[]),
        ("12", &[]),
        ("1", &["2", "3"]),
        ("1", &["23"]),
    ] {
        let extra = [(key.to_owned(), list(values))].into();
        users.push(User { extra, ..user("ana") });
    }
    let resource = |namespace: &'static str, name: &'static str, subresource: &'static str| Target::Resource {
        group: "g",
        version: "v1",
        resource: "widgets",
        subresource,
        namespace,
        name,
    };
    let targets = [
        Target::Path("/x"),
        Target::Path("x"),
        resource("", "", ""),
        resource("a", "", ""),
        resource("", "a", ""),
        resource("", "", "a"),
        resource("a", "b", ""),
        resource("ab", "", ""),
    ];
    let mut seen = std::collections::HashSet::new();
    let mut asked = 0;
    for user in &users {
        for verb in ["get", "list"] {
            for target in &targets {
                let target = target.clone();
                seen.insert(question(&Attributes { user, verb, target }).unwrap());
                asked += 1;
            }
        }
    }
    assert_eq!(seen.len(), asked);
}

#[tokio::test(start_paused = true)]
async fn the_same_question_is_asked_once_at_a_time() {
    let (distant, cached) = distant(0);
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let cached = cached.clone();
            tokio::spawn(async move { ask(&cached, &user("ana"), "get", "/x").await })
        })
        .collect();
    while distant.asked() == 0 {
        tokio::task::yield_now().await;
    }
    // Whoever asked first gives up; the others must not wait for ever.
    asking[0].abort();
    distant.may_answer.add_permits(1);
    for (number, task) in asking.into_iter().enumerate() {
        match task.await {
            Ok(answer) => assert!(matches!(answer, Ok(Decision::Allow { .. }))),
            Err(error) => assert!(number == 0 && error.is_cancelled()),
        }
    }
    assert!(distant.asked() <= 2);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_share_a_failure() {
    let (distant, cached) = distant(0);
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let cached = cached.clone();
            tokio::spawn(async move { ask(&cached, &user("ana"), "watch", "/x").await })
        })
        .collect();
    while distant.asked() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    distant.may_answer.add_permits(1);
    for task in asking {
        assert!(task.await.unwrap().is_err());
    }
    assert_eq!(distant.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_has_a_bound() {
    let (distant, cached) = distant(1);
    for number in 0..ANSWERS + 100 {
        ask(&cached, &user("ana"), "get", &number.to_string()).await.unwrap();
    }
    {
        assert_eq!(cached.answers.count(), ANSWERS);
    }
    ask(&cached, &user("ana"), "get", &ANSWERS.to_string()).await.unwrap();
    assert_eq!(distant.asked(), ANSWERS + 100, "the newest are kept");
    ask(&cached, &user("ana"), "get", "0").await.unwrap();
    assert_eq!(distant.asked(), ANSWERS + 101, "the oldest is not");
}
