use super::{WIDGETS, World, version_of};

#[tokio::test]
async fn get_waits_for_its_revision_and_no_longer() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let path = format!("{WIDGETS}/a");
    let version = version_of(&created);
    for query in [
        String::new(),
        "?resourceVersion=0".into(),
        format!("?resourceVersion={version}"),
    ] {
        assert_eq!(world.get(&format!("{path}{query}")).await.expect(200), created);
    }
    let missing = world.get(&format!("{WIDGETS}/none")).await;
    assert_eq!(
        missing.refused(404),
        ("NotFound".into(), "widgets.demo.example.io \"none\" not found".into())
    );
    assert_eq!(missing.json()["details"]["kind"], "widgets");
    assert_eq!(
        world.get(&format!("{path}?export=1")).await.refused(400).0,
        "BadRequest"
    );
    assert_eq!(
        world.get(&format!("{path}?resourceVersion=x")).await.refused(400).0,
        "BadRequest"
    );
}

#[tokio::test]
async fn a_revision_in_the_future_is_504() {
    let world = World::new().await;
    let version = version_of(&world.widget("a").await);
    tokio::time::pause();
    for path in [format!("{WIDGETS}/a"), WIDGETS.to_owned()] {
        let reply = world.get(&format!("{path}?resourceVersion={}", version + 100)).await;
        let (reason, message) = reply.refused(504);
        assert_eq!(reason, "Timeout");
        assert_eq!(
            message,
            format!(
                "Timeout: Too large resource version: {}, current: {version}",
                version + 100
            )
        );
        assert_eq!(reply.headers["retry-after"], "1");
        assert_eq!(
            reply.json()["details"]["causes"][0]["reason"],
            "ResourceVersionTooLarge"
        );
    }
}

#[tokio::test]
async fn unknown_subresources_and_verbs_are_refused() {
    let world = World::new().await;
    world.widget("a").await;
    assert_eq!(world.get(&format!("{WIDGETS}/a/logs")).await.refused(404).0, "NotFound");
    let status = world.get(&format!("{WIDGETS}/a/status")).await.expect(200);
    assert_eq!(status["metadata"]["name"], "a");
    assert_eq!(
        world.delete(&format!("{WIDGETS}/a/status")).await.refused(405).0,
        "MethodNotAllowed"
    );
}
