//! A transition that waits for the others of its group.

use super::*;
use silver_plugin_api::plan::ProgressKind;

/// An application with a staged release; a client that has its lock, and the transition, which waits.
async fn staged(dirs: &Dirs, timeout_ms: u64) -> (Client, Transition) {
    let mut ann = Client::new(dirs, "ann@desk").await;
    assert_eq!(ann.ask(&Request::Lock { app: "shop".into() }).await, Response::Ok);
    let release = send_tree(&mut ann).await;
    let label = "shop.20261122_1".to_owned();
    let stage = Request::Stage { label: label.clone(), release: Box::new(release.clone()), secrets: Vec::new() };
    assert_eq!(ann.ask(&stage).await, Response::Ok);
    let mut transition = Transition { id: "together".into(), ..first(&label, &release) };
    transition.steps.insert(0, step("barrier", Action::Barrier { timeout_ms }, vec![]));
    (ann, transition)
}

/// Reads up to the step that waits.
async fn until_it_waits(client: &mut Client) {
    loop {
        match client.0.receive::<Response>().await.unwrap().unwrap() {
            Response::Progress(progress) if progress.step == "barrier" && matches!(progress.kind, ProgressKind::Begin(_)) => {
                return;
            }
            Response::Progress(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn it_goes_on_or_back_as_is_said_also_by_another_connection() {
    for (on, kind, current) in [(true, OutcomeKind::Done, Some("shop.20261122_1")), (false, OutcomeKind::Reverted, None)] {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let (agent, _) = start(&dirs).await;
        let (mut ann, transition) = staged(&dirs, 60_000).await;
        ann.0.send(&Request::Submit { transition: Box::new(transition) }).await.unwrap();
        until_it_waits(&mut ann).await;
        let mut bob = Client::new(&dirs, "bob@desk").await;
        let go = |id: &str| Request::Go { app: "shop".into(), id: id.into(), on };
        assert_eq!(bob.refused(&go("../journal")).await, ErrorCode::Refused);
        assert_eq!(bob.ask(&go("another")).await, Response::Ok);
        assert_eq!(bob.ask(&go("together")).await, Response::Ok);
        let Response::Outcome(outcome) = ann.last().await else { panic!() };
        assert_eq!((outcome.kind, outcome.current.as_deref()), (kind, current));
        assert!(!dirs.run.join("go/together").exists(), "what was said is forgotten");
        bob.ask(&Request::Shutdown).await;
        agent.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn without_a_word_it_goes_back_though_its_client_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start(&dirs).await;
    let (mut ann, transition) = staged(&dirs, 300).await;
    ann.0.send(&Request::Submit { transition: Box::new(transition) }).await.unwrap();
    until_it_waits(&mut ann).await;
    drop(ann);
    let mut bob = Client::new(&dirs, "bob@desk").await;
    // it may have come to its end before he looks
    let ended = match bob.ask(&Request::Watch { app: "shop".into() }).await {
        Response::Ended(ended) | Response::Idle { last: Some(ended) } => ended,
        other => panic!("{other:?}"),
    };
    assert_eq!(ended.id, "together");
    let outcome = ended.outcome;
    assert_eq!((outcome.kind, outcome.failed_step.as_deref()), (OutcomeKind::Reverted, Some("barrier")));
    assert!(outcome.message.unwrap().contains("nobody said `go`"));
    bob.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}
