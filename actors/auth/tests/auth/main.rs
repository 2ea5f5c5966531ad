//! The service at its boundaries: commands and queries in tables, and whole flows over HTTP.

mod attempts;
mod bench;
mod clients;
mod codes;
mod devices;
mod http;
mod keys;
mod node;
mod refresh;
mod revocation;
mod secrets;
mod signing;
mod web;
