//! `auberge`: a hotel group's booking system in one binary. One file a verb; the rest wires actors to nodes.

mod admin;
mod backup;
mod bank;
mod cert;
mod checks;
mod cli;
mod clients;
mod cluster;
mod config;
mod demo;
mod documents;
mod import;
mod load;
mod login;
mod machine;
mod node;
mod openapi;
mod operate;
mod papers;
mod restore;
mod serve;
mod services;
mod settings;
mod user;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A hotel group's booking system: seven services, one binary, nothing beside it.
#[derive(Debug, Parser)]
#[command(name = "auberge", version, max_term_width = 100)]
enum Verb {
    /// Run everything on this machine.
    Serve(serve::Arguments),
    /// Run one node of a cluster.
    Node(node::Arguments),
    /// Make a cluster, ask it how it is, and tell it what to do.
    #[command(subcommand)]
    Cluster(cluster::Arguments),
    /// Run the sandbox bank by itself, for clusters that are tried out.
    Bank(bank::Arguments),
    /// Load your own data into a running server.
    #[command(subcommand)]
    Import(import::Arguments),
    /// Sign in as yourself, by a code that you type into a browser: verbs act as you from then on.
    Login(login::Login),
    /// End a sign-in, here and on the server.
    Logout(login::Logout),
    /// OAuth clients for partners and SDKs.
    #[command(subcommand)]
    Client(clients::Arguments),
    /// Accounts and their roles.
    #[command(subcommand)]
    User(user::Arguments),
    /// Put load on a server and say how it bears it.
    Load(load::Arguments),
    /// Check every invariant of a store, or of a running server.
    Check(checks::Arguments),
    /// Print a service's OpenAPI document, or the combined one.
    Openapi(openapi::Arguments),
    /// Make one encrypted archive of every store, while serving.
    #[command(subcommand)]
    Backup(backup::Arguments),
    /// Put an archive's stores into an empty data directory, of a machine or of a new cluster's first node.
    Restore(restore::Arguments),
    /// The cluster's own authority, and its nodes' certificates.
    #[command(subcommand)]
    Cert(cert::Arguments),
    /// Settings.
    #[command(subcommand)]
    Config(config::Arguments),
}

fn main() -> ExitCode {
    let verb = Verb::parse();
    cli::keep_files_private();
    cli::start_logs();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(&error.into()),
    };
    let done = runtime.block_on(async {
        match verb {
            Verb::Serve(arguments) => serve::run(arguments).await,
            Verb::Node(arguments) => node::run(arguments).await,
            Verb::Cluster(arguments) => cluster::run(arguments).await,
            Verb::Bank(arguments) => bank::run(arguments).await,
            Verb::Import(arguments) => import::run(arguments).await,
            Verb::Login(verb) => login::login(verb).await,
            Verb::Logout(verb) => login::logout(verb).await,
            Verb::Client(arguments) => clients::run(arguments).await,
            Verb::User(arguments) => user::run(arguments).await,
            Verb::Load(arguments) => load::run(arguments).await,
            Verb::Check(arguments) => checks::run(arguments).await,
            Verb::Openapi(arguments) => openapi::run(&arguments),
            Verb::Backup(arguments) => backup::run(arguments).await,
            Verb::Restore(arguments) => restore::run(arguments).await,
            Verb::Cert(arguments) => cert::run(arguments),
            Verb::Config(arguments) => config::run(&arguments),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::fail(&error),
    }
}
