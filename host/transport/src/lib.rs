//! Reaches nodes: the local agent's socket, later ssh.
