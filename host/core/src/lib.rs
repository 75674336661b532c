//! Resolves, plans and orchestrates deployments.
