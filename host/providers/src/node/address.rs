//! Addresses of nodes: all on one bridge of the network namespace that they are started from. Nothing is
//! routed beyond it.

use crate::{ProviderError, run::run};
use std::{
    io::Read,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

/// The bridge's interface.
const BRIDGE: &str = "silver0";
/// The network of all nodes.
const NETWORK: [u8; 3] = [10, 213, 7];
/// The last number that an address can have.
const LAST: u8 = 250;

/// The network of nodes in this network namespace.
#[derive(Debug)]
pub struct Bridge;

impl Bridge {
    /// Makes it, if it is not there.
    pub fn ensure() -> Result<(), ProviderError> {
        // not of /sys, which shows the network namespace that it was mounted in
        let there = || run(Command::new("ip").args(["link", "show", BRIDGE])).is_ok();
        if there() {
            return Ok(());
        }
        // Without a hardware address of its own it has that of one of its ports, and another one whenever a node comes or goes: nodes
        // that talk just then talk to nobody until they ask anew, which takes them up to a minute.
        let mac = Address(1).mac();
        let [a, b, c] = NETWORK;
        let up = format!(
            "ip link add {BRIDGE} address {mac} type bridge && ip address add {a}.{b}.{c}.1/24 dev {BRIDGE} && \
             ip link set {BRIDGE} up"
        );
        let made = run(&mut crate::run::script(&[], &up, []));
        // another process may have made it meanwhile
        if there() { Ok(()) } else { made.map(drop) }
    }
}

/// A node's place in the network: a number from 2 to 250.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Address(u8);

impl Address {
    /// Every address, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (2..=LAST).map(Self)
    }

    /// The IP address.
    pub fn ip(self) -> Ipv4Addr {
        let [a, b, c] = NETWORK;
        Ipv4Addr::new(a, b, c, self.0)
    }

    /// With the length of the network's prefix.
    pub(super) fn with_prefix(self) -> String {
        format!("{}/24", self.ip())
    }

    /// Belongs to the address, not to the start: neighbours remember it.
    pub(super) fn mac(self) -> String {
        format!("02:73:69:6c:76:{:02x}", self.0)
    }

    /// The bridge's address.
    pub(super) fn gateway() -> String {
        let [a, b, c] = NETWORK;
        Ipv4Addr::new(a, b, c, 1).to_string()
    }

    /// The bridge's end of the cable.
    pub(super) fn link(self) -> String {
        format!("silver-n{}", self.0)
    }

    pub(super) fn bridge() -> &'static str {
        BRIDGE
    }

    /// Does an ssh server say its name there?
    pub(super) fn answers_ssh(self) -> bool {
        let address = SocketAddr::from((self.ip(), 22));
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) else { return false };
        let mut banner = [0; 4];
        stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
            && stream.read_exact(&mut banner).is_ok()
            && &banner == b"SSH-"
    }

    /// Takes the cable away, if it is there: the kernel does so by itself, but only soon.
    pub(super) fn unplug(self) {
        // there is usually none left
        let _ = run(Command::new("ip").args(["link", "delete", &self.link()]));
    }

    /// Switches the cable on or off.
    pub(super) fn set_link(self, up: bool) -> Result<(), ProviderError> {
        run(Command::new("ip").args(["link", "set", &self.link(), if up { "up" } else { "down" }]))?;
        if up {
            // Whoever was looking for it with his last question when the cable came back gives up a second later, and with him all
            // who have asked meanwhile («No route to host»): a network of a room's size, which no server is reached over.
            let known = ["lladdr", &self.mac(), "dev", BRIDGE, "nud", "stale"];
            run(Command::new("ip").args(["neighbour", "replace", &self.ip().to_string()]).args(known))?;
        }
        Ok(())
    }
}
