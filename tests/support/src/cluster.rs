//! A cluster of processes of the real binary. Each node has its own data directory, ports and certificate.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::Caller;
use crate::eventually;
use crate::network::Network;
use crate::process::{BackgroundProcess, Ran, free_port};
use crate::running::{HOLDS_OF_CLIENTS, binary};

/// The name of every test cluster.
const NAME: &str = "inn";

/// Options of one node.
#[derive(Debug, Clone, Default)]
pub struct NodePlan {
    /// Labels for placement rules.
    pub labels: Vec<String>,
    /// The failure domain.
    pub zone: String,
    /// The data directory; by default a directory inside the cluster's temporary directory.
    pub data: Option<PathBuf>,
    /// Environment variables of the process.
    pub variables: Vec<(String, String)>,
    /// Whether the node is not started with the cluster. [`Cluster::start`] starts it later.
    pub later: bool,
}

/// Builder of a [`Cluster`].
#[derive(Debug)]
pub struct TestClusterPlan {
    nodes: BTreeMap<String, NodePlan>,
    settings: String,
    request_secs: u32,
    hotels: Vec<Value>,
    network: Option<Network>,
    archive: Option<Archive>,
}

/// The backup archive that a cluster is restored from, with its key and administrator file.
#[derive(Debug)]
struct Archive {
    file: PathBuf,
    key: PathBuf,
    admin: PathBuf,
}

impl TestClusterPlan {
    /// Adds tables to the settings file, other than `http`, `limits`, `mail`, `payments` and `nodes`.
    #[must_use]
    pub fn settings(self, settings: &str) -> Self {
        Self { settings: settings.to_owned(), ..self }
    }

    /// Adds a node, or replaces the options of an existing one.
    #[must_use]
    pub fn node(mut self, name: &str, plan: NodePlan) -> Self {
        self.nodes.insert(name.to_owned(), plan);
        self
    }

    /// Sets the request timeout in seconds. The default is 30.
    #[must_use]
    pub fn request_secs(self, request_secs: u32) -> Self {
        Self { request_secs, ..self }
    }

    /// Sets the hotels to import.
    #[must_use]
    pub fn hotels(self, hotels: Vec<Value>) -> Self {
        Self { hotels, ..self }
    }

    /// Runs each node on its own host of `network`.
    #[must_use]
    pub fn on(self, network: Network) -> Self {
        Self { network: Some(network), ..self }
    }

    /// Restores the cluster from a backup archive, with the cluster key and the administrator file of the original cluster.
    #[must_use]
    pub fn restored(self, file: &Path, key: &Path, admin: &Path) -> Self {
        let (file, key, admin) = (file.to_owned(), key.to_owned(), admin.to_owned());
        Self { archive: Some(Archive { file, key, admin }), hotels: Vec::new(), ..self }
    }

    /// Starts the nodes, initialises the cluster and imports the hotels.
    pub async fn open(self) -> Cluster {
        let directory =
            tempfile::Builder::new().prefix("auberge-test-").tempdir().expect("temporary directory");
        let network = self.network;
        let place = |at: usize, port: u16| -> (IpAddr, IpAddr, u16, u16) {
            let host = u8::try_from(at).expect("at most 255 nodes");
            match &network {
                Some(network) => (network.edge(host).into(), network.link(host).into(), 8080, 7400),
                None => (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), port, free_port()),
            }
        };
        let mut nodes = BTreeMap::new();
        for (at, (name, plan)) in self.nodes.into_iter().enumerate() {
            let (edge, link, http_port, link_port) = place(at, free_port());
            let data = plan.data.clone().unwrap_or_else(|| directory.path().join(&name));
            let node = Node {
                host: u8::try_from(at).expect("at most 255 nodes"),
                http: SocketAddr::new(edge, http_port),
                link: SocketAddr::new(link, link_port),
                data,
                plan,
                process: None,
                starts: 0,
            };
            nodes.insert(name, node);
        }
        let mut cluster = Cluster { nodes, bank: None, admin: PathBuf::new(), directory, network };
        cluster.certify();
        if let Some(archive) = &self.archive {
            for name in cluster.nodes.keys() {
                let key = cluster.authority().join(name).join("cluster.key");
                std::fs::copy(&archive.key, key).expect("cannot copy the cluster key");
            }
        }
        cluster.configure(&self.settings, self.request_secs).await;
        let names: Vec<String> = cluster.nodes.keys().cloned().collect();
        let begin: Vec<_> =
            names.iter().filter(|name| !cluster.nodes[*name].plan.later).map(String::as_str).collect();
        for name in &begin {
            cluster.launch(name);
        }
        for name in &begin {
            cluster.wait_for_log(name, "waiting for `auberge cluster init`").await;
        }
        let first = cluster.nodes[begin[0]].data.clone();
        let place = first.to_string_lossy();
        let mut init = vec!["cluster", "init", "--data", &place];
        let file = self.archive.as_ref().map(|archive| archive.file.to_string_lossy().into_owned());
        if let Some(file) = &file {
            init.extend(["--restore", file]);
        }
        cluster.auberge(&init).done();
        cluster.admin = self.archive.map_or_else(|| first.join("admin.json"), |archive| archive.admin);
        cluster.wait_until_healthy().await;
        if !self.hotels.is_empty() {
            cluster.import(&self.hotels);
        }
        cluster
    }
}

#[derive(Debug)]
pub(crate) struct Node {
    host: u8,
    http: SocketAddr,
    link: SocketAddr,
    data: PathBuf,
    plan: NodePlan,
    pub(crate) process: Option<BackgroundProcess>,
    starts: u32,
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    // Fields drop in order: the processes end before the directory and the network are removed.
    pub(crate) nodes: BTreeMap<String, Node>,
    bank: Option<BackgroundProcess>,
    pub(crate) admin: PathBuf,
    directory: TempDir,
    /// The hosts of the nodes, when each node has its own.
    pub network: Option<Network>,
}

impl Cluster {
    /// A cluster of `nodes` nodes, named `n1`, `n2` and so on.
    pub fn plan(nodes: usize) -> TestClusterPlan {
        let nodes = (1..=nodes).map(|at| (format!("n{at}"), NodePlan::default())).collect();
        let hotels = vec![crate::hotel("river", "Hotel Rzeka", 200)];
        TestClusterPlan {
            nodes,
            settings: String::new(),
            request_secs: 30,
            hotels,
            network: None,
            archive: None,
        }
    }

    /// A directory for files of the test.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The settings file of all nodes.
    pub fn config(&self) -> PathBuf {
        self.path().join("cluster.toml")
    }

    /// The administrator's credentials file.
    pub fn admin_file(&self) -> &Path {
        &self.admin
    }

    /// The directory of the cluster's certificate authority. It has one directory per node certificate.
    pub fn authority(&self) -> PathBuf {
        self.path().join("authority")
    }

    /// The data directory of a node.
    pub fn data(&self, name: &str) -> &Path {
        &self.nodes[name].data
    }

    /// The base URL of a node's HTTP endpoint.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}", self.nodes[name].http)
    }

    /// The names of all nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// The names of all nodes but one.
    pub fn others(&self, name: &str) -> Vec<String> {
        self.nodes.keys().filter(|other| *other != name).cloned().collect()
    }

    fn certify(&self) {
        let home = self.authority().to_string_lossy().into_owned();
        self.auberge(&["cert", "init", "--dir", &home, "--cluster", NAME]).done();
        for (name, node) in &self.nodes {
            let address = node.link.ip().to_string();
            self.auberge(&["cert", "node", name, "--dir", &home, "--address", &address]).done();
        }
    }

    async fn configure(&mut self, more: &str, request_secs: u32) {
        let first = self.nodes.values().next().expect("the cluster has a node").http;
        let public_url = format!("http://{first}");
        let loopback = first.ip().is_loopback();
        let payments = if loopback {
            self.open_bank(&public_url).await
        } else {
            // The sandbox bank is not reachable from the hosts; tests on hosts make no payments.
            "[payments]\nbank = \"sandbox\"\nbase_url = \"http://127.0.0.1:9\"\nsecret_key = \"sk_test_sandbox_x\"\n\
             publishable_key = \"pk_test_sandbox_x\"\nwebhook_secret = \"whsec_x\"\n"
                .to_owned()
        };
        let mail = self.path().join("outbox");
        let mut settings = format!(
            "[http]\npublic_url = \"{public_url}\"\nbehind_proxy = {}\n\n{payments}\n\
             [mail]\nfolder = \"{}\"\n\n\
             [limits]\nrequest_timeout = \"{request_secs}s\"\nrequests_per_second = 100000\n\n{more}\n",
            !loopback,
            mail.display()
        );
        if !more.contains("[cluster]") {
            let _ = writeln!(settings, "[cluster]\nname = \"{NAME}\"\n");
        }
        for (name, node) in &self.nodes {
            let (Node { http, link, data, plan, .. }, home) = (node, self.authority());
            let _ = writeln!(
                settings,
                "[nodes.{name}]\nlink = \"{link}\"\nhttp = \"{http}\"\nzone = \"{}\"\nlabels = {}\ndata = \"{}\"\n\
                 certificates = \"{}\"\n",
                plan.zone,
                json!(plan.labels),
                data.display(),
                home.join(name).display()
            );
        }
        std::fs::write(self.config(), settings).expect("cannot write the settings file");
        self.auberge(&["config", "check", &self.config().to_string_lossy()]).done();
    }

    /// Starts the sandbox bank that all nodes share, and returns the `[payments]` table for the settings.
    async fn open_bank(&mut self, url: &str) -> String {
        let mut command = self.command(&binary());
        command.args(["bank", "--url", url, "--data"]).arg(self.path().join("bank"));
        let mut bank = BackgroundProcess::start(&mut command, &self.path().join("bank.log"));
        bank.wait_for_log("webhook_secret = ").await.expect("the sandbox bank did not start");
        let log = bank.log();
        self.bank = Some(bank);
        log[log.find("[payments]").expect("the sandbox bank printed no [payments] table")..].to_owned()
    }

    fn command(&self, program: &Path) -> Command {
        self.clean(Command::new(program))
    }

    fn clean(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AUBERGE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.path());
        command.env(HOLDS_OF_CLIENTS.0, HOLDS_OF_CLIENTS.1);
        command
    }

    /// Runs a CLI command and waits until it exits.
    pub fn auberge(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(&binary()).args(arguments))
    }

    /// Runs a CLI command against a node, with the administrator's credentials.
    pub fn operate(&self, at: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(&binary());
        command.args(arguments).arg("--admin").arg(&self.admin).args(["--url", &self.url(at)]);
        Ran::of(&mut command)
    }

    fn import(&self, hotels: &[Value]) {
        let file = self.path().join("hotels.jsonl");
        let lines: String = hotels.iter().map(|hotel| format!("{hotel}\n")).collect();
        std::fs::write(&file, lines).expect("cannot write the import file");
        let first = self.names().remove(0);
        self.operate(&first, &["import", "hotels", &file.to_string_lossy()]).done();
    }

    /// Starts the process of a node without waiting until the node is ready.
    pub fn launch(&mut self, name: &str) {
        let node = &self.nodes[name];
        let mut command = match &self.network {
            Some(network) => self.clean(network.command(node.host, &binary())),
            None => self.command(&binary()),
        };
        command.envs(node.plan.variables.iter().map(|(name, value)| (name, value)));
        command.arg("node").arg("--config").arg(self.config()).args(["--name", name]);
        let log = self.path().join(format!("{name}-{}.log", node.starts + 1));
        let process = BackgroundProcess::start(&mut command, &log);
        let node = self.nodes.get_mut(name).expect("no such node");
        node.starts += 1;
        node.process = Some(process);
    }

    /// Starts a node and waits until it is ready.
    pub async fn start(&mut self, name: &str) {
        self.launch(name);
        self.ready(name).await;
    }

    /// Waits until the log of a running node contains `word`.
    ///
    /// # Panics
    /// When the process exits before that.
    pub async fn wait_for_log(&mut self, name: &str, word: &str) {
        let process =
            self.nodes.get_mut(name).and_then(|node| node.process.as_mut()).expect("the node is not running");
        if let Err(status) = process.wait_for_log(word).await {
            panic!("{name} exited ({status}) without logging `{word}`: {}", process.log());
        }
    }

    /// Waits until the readiness probe of a node succeeds.
    pub async fn ready(&self, name: &str) {
        let anyone = Caller::new(self.url(name));
        eventually(&format!("{name} to be ready"), || async {
            anyone.get("/readyz").attempt().await.ok().filter(|answer| answer.status == 200).map(drop)
        })
        .await;
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) {
        if let Some(mut process) = self.nodes.get_mut(name).and_then(|node| node.process.take()) {
            process.kill();
        }
    }

    /// Stops a node with SIGTERM.
    ///
    /// # Panics
    /// When the process does not exit, or exits with an error.
    pub fn stop(&mut self, name: &str) {
        if let Some(mut process) = self.nodes.get_mut(name).and_then(|node| node.process.take()) {
            let status = process.terminate();
            assert!(status.success(), "stopping {name}: {status}: {}", process.log());
        }
    }

    /// Sends a signal to the process of a node.
    pub fn signal(&self, name: &str, signal: &str) {
        if let Some(process) = &self.nodes[name].process {
            process.signal(signal);
        }
    }

    /// The log of a node since its last start.
    pub fn log(&self, name: &str) -> String {
        self.nodes[name].process.as_ref().map(BackgroundProcess::log).unwrap_or_default()
    }

    /// Sets the environment variables of a node's process from its next start.
    pub fn set_variables(&mut self, name: &str, variables: Vec<(String, String)>) {
        self.nodes.get_mut(name).expect("no such node").plan.variables = variables;
    }

    /// Isolates a node from all others, or ends the isolation.
    ///
    /// # Panics
    /// When the nodes do not run on their own hosts.
    pub fn set_isolated(&self, name: &str, cut: bool) {
        let network = self.network.as_ref().expect("the nodes do not run on their own hosts");
        let host = self.nodes[name].host;
        if cut { network.set_isolated(host) } else { network.heal(host) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for name in self.nodes.keys() {
            let log = self.log(name);
            let last: Vec<&str> = log.lines().rev().take(15).collect();
            eprintln!("last log lines of {name}:");
            last.into_iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}
