//! Visitors who count without pause, and remember every value that was acknowledged to them.

use crate::http::Http;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Visitors of one counter.
#[derive(Debug)]
pub struct Visitors {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

/// What they saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Values that were acknowledged with 200.
    pub acknowledged: BTreeSet<u64>,
    /// Acknowledged twice: two writes that were given the same value, so one is lost.
    pub twice: Vec<u64>,
    /// Answers 503: refused, not lost.
    pub refused: usize,
    /// Any other answer, or none: what was asked for may or may not have happened.
    pub failed: Vec<String>,
}

impl Visitors {
    /// Three visitors of `host`, who begin at once.
    pub fn start(http: &Http, host: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let threads = (0..3)
            .map(|_| {
                let (http, host, stop, seen) = (http.clone(), host.to_owned(), Arc::clone(&stop), Arc::clone(&seen));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let pause = visit(&http, &host, &seen);
                        std::thread::sleep(pause);
                    }
                })
            })
            .collect();
        Self { stop, seen, threads }
    }

    /// How many values were acknowledged so far.
    ///
    /// # Panics
    /// When a visitor panicked.
    pub fn so_far(&self) -> usize {
        self.seen.lock().expect("visitors do not panic").acknowledged.len()
    }

    /// Ends the visits; what was seen.
    ///
    /// # Panics
    /// When a visitor panicked.
    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("visitors do not panic");
        }
        let seen = self.seen.lock().expect("visitors do not panic");
        seen.clone()
    }
}

/// One visit; how long the visitor pauses after it.
fn visit(http: &Http, host: &str, seen: &Mutex<Seen>) -> Duration {
    let answer = http.post(host, "/count", "");
    let mut seen = seen.lock().expect("visitors do not panic");
    match answer {
        Ok(answer) if answer.status == 200 => match answer.body.parse() {
            Ok(value) => {
                if !seen.acknowledged.insert(value) {
                    seen.twice.push(value);
                }
                return Duration::from_millis(5);
            }
            Err(_) => seen.failed.push(format!("200 {}", answer.body)),
        },
        Ok(answer) if answer.status == 503 => seen.refused += 1,
        Ok(answer) => seen.failed.push(format!("{} {}", answer.status, answer.body)),
        Err(error) => seen.failed.push(error),
    }
    Duration::from_millis(50)
}

impl Seen {
    /// Every acknowledged value is there: none was given twice, and the counter stands at least at
    /// the highest (more, when an answer was lost on its way).
    ///
    /// # Panics
    /// When a write was lost.
    pub fn assert_nothing_lost(&self, count: u64) {
        assert!(!self.acknowledged.is_empty(), "nobody counted: {:?}", self.failed);
        assert!(self.twice.is_empty(), "acknowledged twice, so lost once: {:?}", self.twice);
        let highest = self.acknowledged.last().copied().unwrap_or_default();
        assert!(count >= highest, "the counter stands at {count}, but {highest} was acknowledged");
    }

    /// No visitor was turned away or left without an answer.
    ///
    /// # Panics
    /// When one was.
    pub fn assert_all_answered(&self) {
        assert!(self.failed.is_empty(), "{:?}", self.failed);
        assert_eq!(self.refused, 0, "answers 503");
    }
}
