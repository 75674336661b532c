//! From a name to the addresses that are connected to. What is checked is what is used: there is no second look-up
//! between the two in which a name could come to mean another machine.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, mpsc},
    thread,
};
use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Asks for the addresses of a host.
pub(super) type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// The look-up of this system, for the standard port.
pub(super) fn system() -> Lookup {
    Arc::new(|host| Ok((host, 443).to_socket_addrs()?.collect()))
}

/// Why a host is not connected to.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` is at {address}, which is no public address")]
pub(super) struct Refused {
    host: String,
    address: IpAddr,
}

/// Gives addresses that are public, all of them: one that is not spoils the rest.
pub(super) struct PublicOnly {
    pub(super) lookup: Lookup,
    pub(super) is_public: fn(&IpAddr) -> bool,
}

impl fmt::Debug for PublicOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicOnly")
    }
}

impl Resolver for PublicOnly {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?.to_owned();
        // the system's look-up cannot be interrupted; a thread that still waits ends with it
        let (sender, receiver) = mpsc::sync_channel(1);
        let (lookup, name) = (Arc::clone(&self.lookup), host.clone());
        thread::spawn(move || sender.send(lookup(&name)).ok());
        let found = receiver.recv_timeout(*timeout.after).map_err(|_| ureq::Error::Timeout(timeout.reason))?;
        let found = found.map_err(|_| ureq::Error::HostNotFound)?;
        if let Some(inside) = found.iter().find(|address| !(self.is_public)(&address.ip())) {
            return Err(ureq::Error::Other(Box::new(Refused { host, address: inside.ip() })));
        }
        let mut addresses = self.empty();
        for address in found.into_iter().take(16) {
            addresses.push(address);
        }
        if addresses.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(addresses) }
    }
}
