//! The command line: one file a command. Commands reach a running server through [`crate::client`], or run one from
//! [`crate::server`].

mod admin;
mod backup;
mod bank;
mod cert;
mod check;
mod client;
mod cluster;
mod config;
mod import;
mod keys;
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

/// A booking platform for a hotel group: seven services in one binary.
#[derive(Debug, Parser)]
#[command(name = "auberge", version, max_term_width = 100)]
pub enum Command {
    /// Run everything on this machine.
    Serve(serve::Arguments),
    /// Run one node of a cluster.
    Node(node::Arguments),
    /// Initialise and operate a cluster.
    #[command(subcommand)]
    Cluster(cluster::Arguments),
    /// Run the sandbox bank alone, for a test cluster to share.
    Bank(bank::Arguments),
    /// Import your own data into a running server.
    #[command(subcommand)]
    Import(import::Arguments),
    /// Sign in as yourself with a code that you type into a browser. Commands then act as you.
    Login(login::Login),
    /// Sign out, on this machine and on the server.
    Logout(login::Logout),
    /// Manage OAuth clients of partners and SDKs.
    #[command(subcommand)]
    Client(client::Arguments),
    /// Manage the keys that sign access tokens.
    #[command(subcommand)]
    Keys(keys::Arguments),
    /// Regain the administrator's access, on the machine of a node.
    #[command(subcommand)]
    Admin(admin::Arguments),
    /// Manage accounts and their roles.
    #[command(subcommand)]
    User(user::Arguments),
    /// Generate load on a server and measure it.
    Load(load::Arguments),
    /// Check every invariant of a store or of a running server.
    Check(check::Arguments),
    /// Print a service's OpenAPI document, or the combined one.
    Openapi(openapi::Arguments),
    /// Create an encrypted archive of all stores, while the server runs.
    #[command(subcommand)]
    Backup(backup::Arguments),
    /// Restore an archive into an empty data directory, of a single node or of a new cluster's first node.
    Restore(restore::Arguments),
    /// Manage the cluster's certificate authority and its nodes' certificates.
    #[command(subcommand)]
    Cert(cert::Arguments),
    /// Check settings.
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
            Self::Keys(arguments) => keys::run(arguments).await,
            Self::Admin(arguments) => admin::run(arguments).await,
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
