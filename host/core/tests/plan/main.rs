//! The planner as a table: (wanted, observed) → plan, and the plan as people read it.

mod deploy;
mod refusals;
mod rollback;
mod state;
mod world;
