//! Executes plans on a node.
