//! `auberge serve`: all services on this machine.

mod local_cluster;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Args;

use super::output::administrator;
use super::process::Stop;
use crate::server::{Options, Server, demo, edge, mail};
use crate::settings::{self, Settings};

/// Run all services on this machine. No other program is needed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The data directory; created if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./auberge-data")]
    data: PathBuf,
    /// The address to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Do not load demo hotels into a new store.
    #[arg(long)]
    no_demo: bool,
    /// Run a cluster of N processes on this machine, each with an edge on its own port, to try out moves and failures.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=9), conflicts_with = "drop_unsynced")]
    nodes: Option<u16>,
    /// A settings file; `cluster.toml` is the commented sample.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Hold writes in memory until they are synced, so that a killed process loses what a power failure would.
    #[arg(long, hide = true)]
    drop_unsynced: bool,
}

/// Serves until SIGINT or SIGTERM, then finishes accepted requests.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut settings = settings::load(arguments.config.as_deref())?;
    if let Some(address) = arguments.http {
        settings.http.address = address;
    }
    match arguments.nodes {
        Some(count) if count > 1 => local_cluster::run(&arguments, settings, count).await,
        _ => single_node(arguments, settings).await,
    }
}

async fn single_node(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    let begun = Instant::now();
    let public_url = settings.public_url();
    let server = Server::start(Options {
        data: &arguments.data,
        settings: settings.clone(),
        public_url: public_url.clone(),
        drop_unsynced: arguments.drop_unsynced,
    })
    .await
    .with_context(|| format!("starting on {}", arguments.data.display()))?;
    let serving = edge::serve(edge::http_server(&server)?, settings.http.address).await?;
    let stop = Stop::listen()?;
    if !server.data.metadata().demo_settled {
        if !arguments.no_demo {
            demo::load(&server.client, &*server.credentials).await.context("loading demo hotels")?;
        }
        server.data.update_metadata(|metadata| metadata.demo_settled = true)?;
    }
    announce(&server, &settings, &public_url, begun);
    stop.wait().await;
    let served = serving.stop().await;
    server.stop().await;
    served.context("serving")
}

fn announce(server: &Server, settings: &Settings, public_url: &str, begun: Instant) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "Auberge is ready at {public_url}/ ({:.1} s)", begun.elapsed().as_secs_f64());
    let _ = writeln!(out, "  API       {public_url}/docs");
    let _ = writeln!(out, "  data      {}", server.data.path.display());
    if settings.mail.transport == settings::MailTransport::Files {
        let _ = writeln!(out, "  mail      {}", mail::folder(settings, &server.data.path).display());
    }
    if server.dependencies.apis.bank.sandbox {
        let _ = writeln!(out, "  bank      {SANDBOX}");
    }
    if server.data.metadata().effects_held {
        let _ = writeln!(
            out,
            "  restored  mails and payments are paused: release them with `auberge restore --release-effects`"
        );
    }
    if let Some(sign_in) = &server.sign_in {
        let _ = writeln!(out, "  admin     {}", administrator(sign_in, public_url));
    }
    let _ = out.flush();
}

/// A hint about the sandbox bank.
const SANDBOX: &str = "sandbox: no money moves; pay with pm_card_visa or 4242 4242 4242 4242";
