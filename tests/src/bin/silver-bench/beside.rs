//! Servers to measure with: real Debian nodes on a network of their own.

use silver_tests::{
    World,
    nodes::{self, TestNode, server::HOST},
};
use std::{
    path::Path,
    process::{Command, ExitCode},
    thread,
    time::Instant,
};

/// So many servers are made at the same time.
const AT_ONCE: usize = 3;

/// Runs a command beside so many servers that are set up, `web1` and on, in a world whose `nodes.toml` knows them. It
/// finds their addresses and a key for them in its environment.
pub(crate) fn servers(count: &str, command: &[&str]) -> ExitCode {
    if let Err(exit) = nodes::enter() {
        return exit;
    }
    let count: usize = count.parse().expect("a number of servers");
    let (program, arguments) = command.split_first().expect("a command");
    let world = World::new();
    prepare(&world);
    let names: Vec<String> = (1..=count).map(|number| format!("web{number}")).collect();
    let mut servers = Vec::new();
    for names in names.chunks(AT_ONCE) {
        let made = thread::scope(|scope| {
            let making: Vec<_> = names.iter().map(|name| scope.spawn(move || TestNode::ready(name))).collect();
            making.into_iter().map(|node| node.join().expect("a server")).collect::<Vec<_>>()
        });
        for node in &made {
            note(&world, node);
        }
        thread::scope(|scope| {
            for node in &made {
                let world = &world;
                scope.spawn(move || world.silver(["setup-node", node.name(), "--yes"]).ok());
            }
        });
        servers.extend(made);
    }
    let addresses: Vec<String> = servers.iter().map(|node| node.address().ip().to_string()).collect();
    let mut command = Command::new(program);
    world.settle(command.args(arguments));
    command.env("SILVER_BENCH_SERVERS", addresses.join(" ")).env("SILVER_BENCH_KEY", nodes::access().key());
    let status = command.status().expect("the command starts");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says how many microseconds the three commands take that lead from a bare server to an application that answers.
pub(crate) fn three_commands() -> ExitCode {
    if let Err(exit) = nodes::enter() {
        return exit;
    }
    let (world, node) = (World::new(), TestNode::bare("web1"));
    prepare(&world);
    let zip = world.hello("good");
    let began = Instant::now();
    note(&world, &node);
    world.silver(["setup-node", "web1", "--yes"]).ok();
    world.silver([Path::new("update"), &zip, Path::new(HOST), Path::new("--node=web1"), Path::new("--yes")]).ok();
    let page = node.http().page(HOST, "/");
    let took = began.elapsed();
    assert!(page.contains("1.0.0"), "{page}");
    println!("{}", took.as_micros());
    ExitCode::SUCCESS
}

/// Plain http: there is nobody here who could give certificates.
fn prepare(world: &World) {
    world.write("nodes.toml", "[organisation]\ntls = \"off\"\n");
}

fn note(world: &World, node: &TestNode) {
    world.silver(["add-node", node.name(), &node.target("deploy"), "--host-key", node.host_key()]).ok();
}
