//! The front as a visitor meets it: raw bytes on a port, in front of small apps in this process.

mod files;
mod gate;
mod passing;
mod rules;
mod server;
mod switch;
mod world;
