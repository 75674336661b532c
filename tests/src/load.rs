//! Visitors of every kind, without pause: each request has to be answered as it shall.

use crate::http::{Answer, Http};
use std::{
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Between two requests of a visitor: the machine has other things to do as well.
const PAUSE: Duration = Duration::from_millis(5);
/// The body that some send: more than a front keeps in memory.
const LARGE: usize = 300_000;

/// What a visitor of the reference pack `hello` asks for, and what has to come.
type Visit = fn(&Http, &str) -> Result<(), String>;

/// How many updates a test of updates makes, unless this variable says otherwise: docs/nodes.md tells of 100.
pub const UPDATES: &str = "SILVER_TEST_UPDATES";

/// See [`UPDATES`].
pub fn updates(default: usize) -> usize {
    std::env::var(UPDATES).ok().and_then(|said| said.parse().ok()).unwrap_or(default)
}

/// The kinds: name, does it keep its connection, what it does.
const KINDS: [(&str, bool, Visit); 6] = [
    ("a page, on new connections", false, |http, host| expect(http.get(host, "/health"), "healthy")),
    ("a page, on a kept connection", true, |http, host| expect(http.get(host, "/health"), "healthy")),
    ("writes, on new connections", false, count),
    ("writes, on a kept connection", true, count),
    ("large bodies, on a kept connection", true, |http, host| {
        let body = "x".repeat(LARGE);
        expect(http.post(host, "/echo", &body), &body)
    }),
    ("slow answers, on new connections", false, |http, host| {
        expect(http.get(host, "/slow?seconds=0.5"), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    }),
];

/// Constant load on one host.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// One visitor of each kind, who begin at once.
    pub fn start(http: &Http, host: &str) -> Self {
        let (stop, answered, failed) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::default());
        let threads = KINDS.iter().map(|&(name, keeps, visit)| {
            let http = if keeps { http.again() } else { http.fresh() };
            let (host, stop, answered, failed) =
                (host.to_owned(), Arc::clone(&stop), Arc::clone(&answered), Arc::<Mutex<Vec<String>>>::clone(&failed));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match visit(&http, &host) {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(why) => failed.lock().expect("visitors do not panic").push(format!("{name}: {why}")),
                    }
                    std::thread::sleep(PAUSE);
                }
            })
        });
        let threads = threads.collect();
        Self { stop, answered, failed, threads }
    }

    /// How many requests were answered so far.
    pub fn so_far(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it, and says aloud how many requests were answered meanwhile.
    ///
    /// # Panics
    /// When one was not, or not as it shall.
    pub fn all_answered(self, meanwhile: &str) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("visitors do not panic");
        }
        let (answered, failed) = (self.answered.load(Ordering::Relaxed), self.failed.lock().expect("visitors do not panic"));
        assert!(failed.is_empty(), "{} requests were not answered, {answered} were: {failed:#?}", failed.len());
        writeln!(std::io::stderr(), "{meanwhile}: {answered} requests, all answered").ok(); // nobody may listen
    }
}

fn count(http: &Http, host: &str) -> Result<(), String> {
    let answer = http.post(host, "/count", "")?;
    if answer.status == 200 && answer.body.parse::<u64>().is_ok() { Ok(()) } else { Err(shown(&answer)) }
}

fn expect(answer: Result<Answer, String>, body: &str) -> Result<(), String> {
    let answer = answer?;
    if answer.status == 200 && answer.body == body { Ok(()) } else { Err(shown(&answer)) }
}

fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body.chars().take(200).collect::<String>())
}
