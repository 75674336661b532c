//! All targets with seeds, changed seeds and noise: bounded, on any toolchain. `PROPTEST_CASES` makes it more.

use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use silver_fuzz::{TARGETS, Target};

/// How a seed is changed.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), 1..16_u8).prop_map(|(at, length)| Change::Remove(at, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Set(at, byte) => bytes[at.index(length)] = byte,
        Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Change::Cut(at) => bytes.truncate(at.index(length)),
        Change::Insert(at, new) => drop(bytes.splice(at.index(length)..at.index(length), new)),
        Change::Remove(at, many) => drop(bytes.drain(at.index(length)..length.min(at.index(length) + usize::from(many)))),
    }
}

fn bounded(name: &str) {
    let target: Target = *TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = (target.seeds)();
    for seed in &seeds {
        (target.run)(seed);
    }
    let input = prop_oneof![
        8 => (any::<Index>(), vec(change(), 1..6)).prop_map(move |(seed, changes)| {
            let mut bytes = seeds[seed.index(seeds.len())].clone();
            for change in changes {
                apply(&mut bytes, change);
            }
            bytes
        }),
        1 => vec(any::<u8>(), 0..300),
    ];
    let config = Config { failure_persistence: None, ..Config::default() };
    let run = |data: Vec<u8>| {
        (target.run)(&data);
        Ok(())
    };
    TestRunner::new(config).run(&input, run).unwrap_or_else(|error| panic!("{name}: {error}"));
}

macro_rules! bounded {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            bounded(stringify!($name));
        })*

        #[test]
        fn every_target_is_here_and_has_a_program() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let programs = include_str!("../libfuzzer/Cargo.toml");
            for name in names {
                assert!(programs.contains(&format!("fuzz_targets/{name}.rs")), "{name}");
            }
        }
    };
}

bounded! { zip manifest tree lock customization log protocol mux visit }
