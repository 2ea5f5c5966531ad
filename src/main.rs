//! `auberge`: a booking platform for a hotel group, in one binary. `commands` is the command line, `client` reaches a
//! running server, `server` composes the services into a process, and `services` lists them.

mod client;
mod commands;
mod files;
mod server;
mod services;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use commands::{Command, process};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Command::parse();
    process::keep_files_private();
    process::start_logs();
    process::raise_descriptor_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return process::fail(&error.into()),
    };
    match runtime.block_on(command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => process::fail(&error),
    }
}
