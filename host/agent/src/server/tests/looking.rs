//! What lies on the node and what its registry keeps can be read.

use super::*;
use silver_plugin_api::plan::MAX_CONTENTS;

async fn bytes(client: &mut Client, size: u64) -> Vec<u8> {
    let mut all = Vec::new();
    while (all.len() as u64) < size {
        all.extend(client.0.receive_data().await.unwrap());
    }
    all
}

async fn contents(client: &mut Client, request: &Request) -> Vec<Option<Vec<u8>>> {
    let Response::Contents { sizes } = client.ask(request).await else { panic!() };
    let mut all = Vec::new();
    for size in sizes {
        all.push(match size {
            Some(size) => Some(bytes(client, size).await),
            None => None,
        });
    }
    all
}

#[tokio::test]
async fn files_as_they_are_and_the_log_with_all_it_names() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start(&dirs).await;
    let mut ann = Client::new(&dirs, "ann@desk").await;
    ann.ask(&Request::Lock { app: "shop".into() }).await;
    let release = send_tree(&mut ann).await;
    let label = "shop.20261122_1".to_owned();
    ann.ask(&Request::Stage { label: label.clone(), release: Box::new(release.clone()), secrets: Vec::new() }).await;
    ann.ask(&Request::Submit { transition: Box::new(first(&label, &release)) }).await;
    let file = dirs.tree("shop", &label).join("env/a");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "altered by hand").unwrap();

    let Response::Files { label: found, size, odd } = ann.ask(&Request::Files { app: "shop".into() }).await else { panic!() };
    let lines = String::from_utf8(bytes(&mut ann, size).await).unwrap();
    assert_eq!((found.as_str(), odd), (label.as_str(), Vec::new()));
    let listing = Listing::parse(&lines).unwrap();
    let path = |text: &str| TreePath::new(text).unwrap();
    assert_eq!(listing.get(&path("env/a")).unwrap().digest, hash::sha256(b"altered by hand"));
    assert_eq!(ann.refused(&Request::Files { app: "absent".into() }).await, ErrorCode::NotFound);

    let read = |paths: Vec<TreePath>| Request::Contents { app: "shop".into(), label: label.clone(), paths };
    let found = contents(&mut ann, &read(vec![path("env/b"), path("env/a")])).await;
    assert_eq!(found, [None, Some(b"altered by hand".to_vec())]);
    assert_eq!(ann.refused(&read(vec![path("env/a"); MAX_CONTENTS + 1])).await, ErrorCode::Refused);
    let elsewhere = Request::Contents { app: "shop".into(), label: "../../keys".into(), paths: vec![path("node.key")] };
    assert_eq!(ann.refused(&elsewhere).await, ErrorCode::Refused);

    let registry = silver_registry::Registry::open(&dirs.registry()).unwrap();
    for since in [None, Some(0), Some(1), Some(2)] {
        let Response::LogHead(head) = ann.ask(&Request::LogHead { since }).await else { panic!() };
        assert_eq!((head.text, head.proof), (registry.head_text().unwrap(), Vec::new()), "{since:?} of one event");
    }
    let events = contents(&mut ann, &Request::Events { first: 0 }).await;
    assert_eq!(events, [Some(registry.event_file(0).unwrap())]);
    assert_eq!(contents(&mut ann, &Request::Events { first: 1 }).await, []);
    let wanted = vec![hash::sha256(b"absent"), hash::sha256(b"hello")];
    let stored = contents(&mut ann, &Request::Stored { archives: false, digests: wanted.clone() }).await;
    assert_eq!(stored, [None, Some(b"hello".to_vec())]);
    assert_eq!(contents(&mut ann, &Request::Stored { archives: true, digests: wanted }).await, [None, None]);
    ann.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}
