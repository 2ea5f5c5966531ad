//! `auberge serve`: everything on this machine.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::machine::{Machine, Options};
use crate::settings::{self, Settings};
use crate::{demo, operate, services};

/// How long a shutdown waits for requests that were accepted.
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);

/// Run everything on this machine: no other program is needed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where everything is kept; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "./auberge-data")]
    data: PathBuf,
    /// Where to listen [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Start an empty store without demo hotels.
    #[arg(long)]
    no_demo: bool,
    /// A settings file; `cluster.toml` is the commented sample.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Hold writes back in memory until they are synced, so that a killed process loses what a power cut would.
    #[arg(long, hide = true)]
    drop_unsynced: bool,
}

/// Serves until it is told to stop (SIGINT or SIGTERM), then finishes what it accepted.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut settings = settings::load(arguments.config.as_deref())?;
    if let Some(address) = arguments.http {
        settings.http.address = address;
    }
    let public_url = settings.public_url();
    let mut machine = Machine::start(Options {
        data: &arguments.data,
        settings: settings.clone(),
        public_url: public_url.clone(),
        drop_unsynced: arguments.drop_unsynced,
    })
    .await
    .with_context(|| format!("starting on {}", arguments.data.display()))?;
    let server = edge::Server::new(server_settings(&settings, &public_url));
    let server = services::mount(server, &machine.client, &machine.credentials, &machine.wiring.front)?;
    let server = operate::mount(server, &machine);
    let bound = server.bind(&settings.http.address.to_string()).await?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(bound.run(async move {
        let _ = stopping.await;
    }));
    if !machine.data.fixed.demo_settled {
        if !arguments.no_demo {
            demo::load(&machine.client, &*machine.credentials).await.context("loading demo hotels")?;
        }
        machine.data.fix(|fixed| fixed.demo_settled = true)?;
    }
    announce(&machine, &settings, &public_url, begun);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    let _ = stop.send(());
    let served = tokio::time::timeout(SHUTDOWN_MAX + Duration::from_secs(5), serving).await;
    machine.stop().await;
    match served {
        Ok(served) => served?.context("serving"),
        Err(_) => Ok(()),
    }
}

fn server_settings(settings: &Settings, public_url: &str) -> edge::Settings {
    let tls = settings.http.certificate.clone().zip(settings.http.certificate_key.clone());
    edge::Settings {
        public_url: public_url.to_owned(),
        behind_proxy: settings.http.behind_proxy,
        tls: tls.map(|(certificate, key)| edge::Tls { certificate, key }),
        cors_origins: settings.http.cors_origins.clone(),
        body_bytes_max: settings.limits.body_bytes_max,
        deadline: Duration::from_secs(settings.limits.request_secs_max),
        requests_per_second: settings.limits.requests_per_second,
        requests_burst: settings.limits.requests_per_second.saturating_mul(4),
        shutdown: SHUTDOWN_MAX,
    }
}

fn announce(machine: &Machine, settings: &Settings, public_url: &str, begun: Instant) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "Auberge is ready at {public_url}/ ({:.1} s)", begun.elapsed().as_secs_f64());
    let _ = writeln!(out, "  API       {public_url}/docs");
    let _ = writeln!(out, "  data      {}", machine.data.path.display());
    if settings.mail.transport == settings::MailTransport::Files {
        let _ = writeln!(out, "  mail      {}", machine.data.path.join("outbox").display());
    }
    if machine.wiring.front.bank.sandbox {
        let _ = writeln!(
            out,
            "  bank      sandbox: no money moves; pay with pm_card_visa or 4242 4242 4242 4242"
        );
    }
    if machine.data.fixed.effects_held {
        let _ = writeln!(
            out,
            "  restored  mails and payments wait: `auberge restore --release-effects` lets them go"
        );
    }
    if let Some(sign_in) = &machine.sign_in {
        if std::io::stdout().is_terminal() {
            let _ = writeln!(
                out,
                "  admin     {} with the password {} (shown once)",
                sign_in.email, sign_in.password
            );
        } else {
            let _ = writeln!(
                out,
                "  admin     {}: choose a password by mail, at {public_url}/reset-password",
                sign_in.email
            );
        }
    }
    let _ = out.flush();
}
