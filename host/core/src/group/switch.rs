//! From the submission of all transitions to the end of the last one: who is told to switch, and when.

use super::{
    ANSWER, AWAY, Ended, GroupListener, Means,
    event::{Event, Reports},
};
use crate::{
    deploy::{DeployError, Staged, Submitted},
    node::Node,
};
use silver_plugin_api::plan::{Outcome, OutcomeKind};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until, timeout},
};

/// Hands the transitions over and lets them go: the first one ahead, then all others.
pub(super) async fn switch(
    nodes: &[Arc<dyn Node>],
    staged: Vec<Staged>,
    means: &mut Means<'_>,
    listener: &mut dyn GroupListener,
) -> Vec<Ended> {
    let (events, mut heard) = mpsc::unbounded_channel();
    let mut group = Group { members: Vec::new(), turned: false, telling: JoinSet::new(), events: events.clone() };
    let mut looking = JoinSet::new();
    for (index, staged) in staged.into_iter().enumerate() {
        let signature = means.signatures.get(index).cloned().flatten();
        match if group.turned { Err(None) } else { staged.submit(means.client_time, signature).await.map_err(Some) } {
            Ok(submitted) => {
                let (node, app, id) = (Arc::clone(&nodes[index]), submitted.app().to_owned(), submitted.id().to_owned());
                let follows = looking.spawn(follow(index, submitted, Arc::clone(&node), events.clone()));
                let call = Some(Call { node, app, id, follows });
                group.members.push(Member { ended: None, told: false, ready: Ready::NotYet, away: None, cut: false, call });
            }
            Err(error) => {
                group.turned = true;
                group.members.push(Member::without(error.map_or(Ended::NotBegun, Ended::failed)));
            }
        }
    }
    if group.turned {
        group.tell_all(false);
    }
    while group.members.iter().any(|member| member.ended.is_none()) {
        let patience = group.patience();
        tokio::select! {
            biased;
            () = &mut means.called_off, if !group.turned && !group.members[0].told => group.turn(),
            event = heard.recv() => match event {
                Some(Event::Progress(index, progress)) => listener.progress(index, progress),
                Some(event) => group.hear(event),
                None => break, // not as long as `group` has a sender
            },
            () = sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => group.give_up(),
        }
    }
    group.members.into_iter().map(|member| member.ended.unwrap_or(Ended::NotBegun)).collect()
}

/// All members, and what is known of them.
struct Group {
    members: Vec<Member>,
    /// One failed before all could switch: everybody goes back who is not through.
    turned: bool,
    telling: JoinSet<()>,
    events: UnboundedSender<Event>,
}

struct Member {
    ended: Option<Ended>,
    /// Was it said whether it goes on?
    told: bool,
    ready: Ready,
    /// Since when it cannot be reached.
    away: Option<Instant>,
    /// The connection over which its change was followed broke, and nothing was heard of the change since.
    cut: bool,
    call: Option<Call>,
}

/// How far a member is on its way to the switch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ready {
    NotYet,
    /// It waits for the others.
    Waits,
    /// All wait, and it was called.
    Called,
    /// It has answered.
    Answered,
}

/// Whom to say what.
struct Call {
    node: Arc<dyn Node>,
    app: String,
    id: String,
    follows: AbortHandle,
}

impl Member {
    fn without(ended: Ended) -> Self {
        Self { ended: Some(ended), told: false, ready: Ready::NotYet, away: None, cut: false, call: None }
    }

    /// It neither has ended nor was told to go on.
    fn can_be_given_up(&self) -> bool {
        self.ended.is_none() && !self.told
    }

    fn is_away_for(&self, time: Duration) -> bool {
        self.away.is_some_and(|since| since.elapsed() >= time)
    }
}

impl Group {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Waits(index) => self.members[index].ready = self.members[index].ready.max(Ready::Waits),
            Event::Away(index) => {
                self.members[index].cut = true;
                self.members[index].away.get_or_insert_with(Instant::now);
            }
            Event::Near(index) => (self.members[index].cut, self.members[index].away) = (false, None),
            Event::Open(0) if !self.turned => self.tell_all(true),
            Event::Progress(..) | Event::Open(_) => {}
            Event::Answers(index, true) => {
                let member = &mut self.members[index];
                member.ready = Ready::Answered;
                // a node that was started again answers, and its change may have been reverted by that
                if !member.cut {
                    member.away = None;
                }
            }
            Event::Answers(index, false) => {
                self.members[index].away.get_or_insert_with(Instant::now);
                self.call(index);
            }
            // it finds that nobody says anything, and goes back by itself
            Event::Deaf => self.turn(),
            Event::Ended(index, end) => self.end(index, end),
        }
        if self.turned || self.members[0].told || self.members.iter().any(|member| member.ready == Ready::NotYet) {
            return;
        }
        for index in 0..self.members.len() {
            if self.members[index].ready == Ready::Waits {
                self.call(index);
            }
        }
        if self.members.iter().all(|member| member.ready == Ready::Answered && member.away.is_none()) {
            self.tell(0, true);
        }
    }

    /// Calls a member, to hear that it is there.
    fn call(&mut self, index: usize) {
        let member = &mut self.members[index];
        member.ready = Ready::Called;
        let Some(node) = member.call.as_ref().map(|call| Arc::clone(&call.node)) else { return };
        let (again, events) = (member.away.is_some(), self.events.clone());
        self.telling.spawn(async move {
            if again {
                sleep(Duration::from_secs(1)).await;
            }
            let answers = timeout(ANSWER, node.status()).await.is_ok_and(|answer| answer.is_ok());
            let _ = events.send(Event::Answers(index, answers)); // nobody listens any more when all have ended
        });
    }

    fn end(&mut self, index: usize, end: Result<Outcome, DeployError>) {
        let done = matches!(&end, Ok(outcome) if outcome.kind == OutcomeKind::Done);
        self.members[index].ended.get_or_insert_with(|| end.map_or_else(Ended::failed, Ended::Outcome));
        if !done && !self.turned {
            self.turn();
        } else if index == 0 && !self.turned {
            // it has told everything in one go
            self.tell_all(true);
        }
    }

    /// Until when those are waited for that cannot be reached: as long as others wait, or they are to go back anyway.
    fn patience(&self) -> Option<Instant> {
        let others_wait = !self.turned && self.members.iter().any(Member::can_be_given_up);
        let counts = |member: &&Member| member.can_be_given_up() || (others_wait && member.ended.is_none());
        self.members.iter().filter(counts).filter_map(|member| member.away).min().map(|since| since + AWAY)
    }

    /// Somebody has been away for too long: all go back, and whoever is away is not waited for.
    fn give_up(&mut self) {
        for member in self.members.iter_mut().filter(|member| member.can_be_given_up() && member.is_away_for(AWAY)) {
            member.ended = Some(Ended::Away);
            if let Some(call) = &member.call {
                call.follows.abort();
            }
        }
        self.turn();
    }

    fn turn(&mut self) {
        if !self.turned {
            self.turned = true;
            self.tell_all(false);
        }
    }

    /// Says `go` or «back» to all who have not been told yet. A member that cannot be told goes back by itself.
    fn tell_all(&mut self, on: bool) {
        for index in 0..self.members.len() {
            self.tell(index, on);
        }
    }

    fn tell(&mut self, index: usize, on: bool) {
        let member = &mut self.members[index];
        let Some(Call { node, app, id, .. }) = member.call.as_ref().filter(|_| !member.told) else { return };
        // who is called back and cannot be reached is still one to be given up
        member.told = on;
        let (node, app, id, events) = (Arc::clone(node), app.clone(), id.clone(), self.events.clone());
        self.telling.spawn(async move {
            if node.go(&app, &id, on).await.is_err() && on && index == 0 {
                let _ = events.send(Event::Deaf); // nobody listens any more when all have ended
            }
        });
    }
}

async fn follow(index: usize, submitted: Submitted, node: Arc<dyn Node>, events: UnboundedSender<Event>) {
    let mut reports = Reports::of(index, events.clone());
    let end = submitted.outcome(&*node, &mut reports).await;
    // nobody listens any more when the command was ended
    let _ = events.send(Event::Ended(index, end));
}
