//! Built-in plugins: overlay customizer, monitoring, backup, services and runtimes.
