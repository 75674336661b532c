use super::*;
use crate::fake::{NEW, OLD, breaking};
use silver_plugin_api::plan::{Outcome, OutcomeKind};

fn end() -> Fact {
    Fact::End(Box::new(Outcome {
        kind: OutcomeKind::Done,
        failed_step: None,
        message: None,
        log: Vec::new(),
        undo_errors: Vec::new(),
        current: None,
        event: None,
        closed_ms: 0,
    }))
}

/// A journal in words: `+step` begun, `=step` done, `!step` failed, `-step` being undone, `~step` undone.
fn lines(words: &str) -> Vec<Line> {
    let fact = |word: &str| {
        let step = word[1..].to_owned();
        match &word[..1] {
            "+" => Fact::Begin(step),
            "=" => Fact::Done(step),
            "!" => Fact::Failed { step, message: String::new(), log: Vec::new() },
            "-" => Fact::Undo(step),
            "~" => Fact::Undone(step),
            _ => end(),
        }
    };
    words.split_whitespace().map(|word| Line { at: 0, fact: fact(word) }).collect()
}

#[test]
fn the_point_of_no_return_decides() {
    let open = breaking();
    let mut short = breaking();
    short.release = None;
    short.steps.retain(|step| step.id == "close-writes" || step.id == "switch");
    let (old, new) = (Some(OLD), Some(NEW));
    let table = [
        (&open, "", old, Decision::Revert),
        (&open, "+close-writes", old, Decision::Revert),
        (&open, "+close-writes =close-writes +migrate", old, Decision::Revert),
        (&open, "+close-writes =close-writes +migrate !migrate", old, Decision::Revert),
        (&open, "+close-writes !close-writes -close-writes", old, Decision::Revert),
        (&open, "+close-writes !close-writes -close-writes ~close-writes", old, Decision::Revert),
        (&open, "+switch =switch +probe =probe", new, Decision::Revert),
        (&open, "+switch =switch +open", new, Decision::Finish),
        (&open, "+switch =switch +open =open +drain", new, Decision::Finish),
        (&open, "+switch =switch +open =open +drain !drain", new, Decision::Finish),
        (&open, "+open =open", old, Decision::Revert), // its release is not the current one
        (&open, "+open =open", None, Decision::Revert),
        (&open, "+open =open end", old, Decision::Nothing),
        (&open, "+migrate !migrate -migrate ~migrate end", old, Decision::Nothing),
        // a plan without `open` is through with its last step
        (&short, "+close-writes =close-writes +switch", new, Decision::Revert),
        (&short, "+close-writes =close-writes +switch =switch", new, Decision::Finish),
        (&short, "+close-writes =close-writes +switch =switch", old, Decision::Finish),
    ];
    for (transition, words, current, expected) in table {
        let observed = Observed { current: current.map(str::to_owned), ..Observed::default() };
        assert_eq!(recover(transition, &lines(words), &observed), expected, "{words} with {current:?}");
    }
}
