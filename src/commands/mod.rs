//! The command line: one file a command. Commands reach a running server through [`crate::client`], or run one from
//! [`crate::server`].

mod backup;
mod bank;
mod cert;
mod check;
mod client;
mod cluster;
mod config;
mod import;
mod load;
mod login;
mod node;
mod openapi;
mod output;
pub mod process;
mod restore;
mod serve;
mod user;

use clap::Parser;

/// A hotel group's booking system: seven services, one binary, nothing beside it.
#[derive(Debug, Parser)]
#[command(name = "auberge", version, max_term_width = 100)]
pub enum Command {
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
    Client(client::Arguments),
    /// Accounts and their roles.
    #[command(subcommand)]
    User(user::Arguments),
    /// Put load on a server and say how it bears it.
    Load(load::Arguments),
    /// Check every invariant of a store, or of a running server.
    Check(check::Arguments),
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

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// When the command is refused or fails.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(arguments) => serve::run(arguments).await,
            Self::Node(arguments) => node::run(arguments).await,
            Self::Cluster(arguments) => cluster::run(arguments).await,
            Self::Bank(arguments) => bank::run(arguments).await,
            Self::Import(arguments) => import::run(arguments).await,
            Self::Login(arguments) => login::login(arguments).await,
            Self::Logout(arguments) => login::logout(arguments).await,
            Self::Client(arguments) => client::run(arguments).await,
            Self::User(arguments) => user::run(arguments).await,
            Self::Load(arguments) => load::run(arguments).await,
            Self::Check(arguments) => check::run(arguments).await,
            Self::Openapi(arguments) => openapi::run(&arguments),
            Self::Backup(arguments) => backup::run(arguments).await,
            Self::Restore(arguments) => restore::run(arguments).await,
            Self::Cert(arguments) => cert::run(arguments),
            Self::Config(arguments) => config::run(&arguments),
        }
    }
}
