//! Making all members ready, side by side.

use super::{
    Ended, GroupListener, Means, Member,
    event::{Event, Reports},
};
use crate::deploy::{DeployError, Staged};
use std::sync::Arc;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// Makes all members ready; nothing is begun when one cannot be, or when it is called off.
pub(super) async fn stage(
    members: Vec<Member>,
    means: &mut Means<'_>,
    listener: &mut dyn GroupListener,
) -> Result<Vec<Staged>, Vec<Ended>> {
    let count = members.len();
    let (events, mut heard) = mpsc::unbounded_channel();
    let bound = Arc::new(Semaphore::new(means.at_once.max(1)));
    let mut work = JoinSet::new();
    for (index, member) in members.into_iter().enumerate() {
        let (bound, mut reports) = (Arc::clone(&bound), Reports::of(index, events.clone()));
        work.spawn(async move {
            let permit = bound.acquire().await;
            let staged = member.planned.stage(&*member.node, &member.secrets, &mut reports).await;
            drop(permit);
            (index, staged)
        });
    }
    drop(events);
    loop {
        tokio::select! {
            biased;
            // what is dropped here gives up, and its lock falls
            () = &mut means.called_off => return Err((0..count).map(|_| Ended::NotBegun).collect()),
            event = heard.recv() => match event {
                Some(Event::Progress(index, progress)) => listener.progress(index, progress),
                Some(_) => {}
                None => break,
            },
        }
    }
    let mut staged: Vec<Option<Staged>> = (0..count).map(|_| None).collect();
    let mut refused: Vec<Option<DeployError>> = (0..count).map(|_| None).collect();
    while let Some(done) = work.join_next().await {
        match done {
            Ok((index, Ok(ready))) => staged[index] = Some(ready),
            Ok((index, Err(error))) => refused[index] = Some(error),
            Err(_) => {} // a bug of ours; the member counts as not ready
        }
    }
    if staged.iter().all(Option::is_some) {
        return Ok(staged.into_iter().flatten().collect());
    }
    // the locks fall with what is dropped here
    Err(refused.into_iter().map(|error| error.map_or(Ended::NotBegun, Ended::Refused)).collect())
}
