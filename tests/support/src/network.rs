//! Virtual hosts on this machine: Linux network namespaces. A bridge connects the hosts, and tests can isolate single hosts from
//! it. A separate link connects each host with the test, and it stays up while the host is isolated.

use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Mutex;

/// Virtual hosts and the bridge between them. They are removed when dropped.
#[derive(Debug)]
pub struct Network {
    /// Distinguishes the networks of tests that run at the same time.
    number: u8,
    hosts: u8,
}

impl Network {
    /// Creates the hosts. Returns `None` when this user must not create network namespaces.
    ///
    /// # Panics
    /// When tools are required, the user is root, and the hosts cannot be created.
    pub fn of(hosts: u8) -> Option<Self> {
        let required = std::env::var_os("AUBERGE_TOOLS").is_some_and(|word| word == "required");
        let number = free_number();
        let network = Self { number, hosts };
        // Remove what a killed test has left behind.
        network.remove();
        match network.make() {
            Ok(()) => Some(network),
            Err(why) => {
                let root = run(&["id", "-u"]).is_ok_and(|id| id.trim() == "0");
                assert!(!(required && root), "cannot create network namespaces: {why}");
                eprintln!("skipped: cannot create network namespaces: {why}");
                None
            }
        }
    }

    fn make(&self) -> Result<(), String> {
        let bridge = self.bridge();
        run(&["ip", "link", "add", &bridge, "type", "bridge", "stp_state", "0"])?;
        run(&["ip", "link", "set", &bridge, "up"])?;
        for host in 0..self.hosts {
            let space = self.space(host);
            run(&["ip", "netns", "add", &space])?;
            run(&["ip", "-n", &space, "link", "set", "lo", "up"])?;
            // The link to the other hosts.
            let (port, inside) = (self.port(host), "links");
            run(&["ip", "link", "add", &port, "type", "veth", "peer", "name", inside, "netns", &space])?;
            run(&["ip", "link", "set", &port, "master", &bridge])?;
            run(&["ip", "link", "set", &port, "up"])?;
            run(&["ip", "-n", &space, "addr", "add", &format!("{}/24", self.link(host)), "dev", inside])?;
            run(&["ip", "-n", &space, "link", "set", inside, "up"])?;
            // The link to the test.
            let (cable, inside) = (self.cable(host), "edge");
            run(&["ip", "link", "add", &cable, "type", "veth", "peer", "name", inside, "netns", &space])?;
            run(&["ip", "addr", "add", &format!("{}/30", self.outside(host)), "dev", &cable])?;
            run(&["ip", "link", "set", &cable, "up"])?;
            run(&["ip", "-n", &space, "addr", "add", &format!("{}/30", self.edge(host)), "dev", inside])?;
            run(&["ip", "-n", &space, "link", "set", inside, "up"])?;
        }
        Ok(())
    }

    fn remove(&self) {
        for host in 0..self.hosts {
            // Links first: a namespace exists as long as a process runs in it.
            let _ = run(&["ip", "link", "del", &self.port(host)]);
            let _ = run(&["ip", "link", "del", &self.cable(host)]);
            let _ = run(&["ip", "netns", "del", &self.space(host)]);
        }
        let _ = run(&["ip", "link", "del", &self.bridge()]);
    }

    /// Isolates a host from all others. Packets are dropped without an error, as with an unplugged cable.
    ///
    /// # Panics
    /// When `bridge` fails.
    pub fn set_isolated(&self, host: u8) {
        run(&["bridge", "link", "set", "dev", &self.port(host), "state", "0"])
            .expect("cannot isolate the host");
    }

    /// Ends the isolation of a host.
    ///
    /// # Panics
    /// When `bridge` fails.
    pub fn heal(&self, host: u8) {
        run(&["bridge", "link", "set", "dev", &self.port(host), "state", "3"])
            .expect("cannot end the isolation of the host");
    }

    /// Delays the packets of a host to the others and drops some of them. Returns `false` when `tc` fails.
    pub fn add_delay_and_loss(&self, host: u8, delay_ms: u32, loss_percent: u32) -> bool {
        let (delay, loss) = (format!("{delay_ms}ms"), format!("{loss_percent}%"));
        let space = self.space(host);
        let disturbed = run(&[
            "ip", "netns", "exec", &space, "tc", "qdisc", "replace", "dev", "links", "root", "netem",
            "delay", &delay, "loss", &loss,
        ]);
        if let Err(why) = &disturbed {
            eprintln!("skipped: cannot delay and drop packets: {why}");
        }
        disturbed.is_ok()
    }

    /// Ends [`Network::add_delay_and_loss`].
    pub fn clear_delay_and_loss(&self, host: u8) {
        let space = self.space(host);
        let _ = run(&["ip", "netns", "exec", &space, "tc", "qdisc", "del", "dev", "links", "root"]);
    }

    /// A command that runs a program on a host.
    pub fn command(&self, host: u8, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(host)]).arg(program);
        command
    }

    /// The address of a host for the other hosts.
    pub fn link(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 214, self.number, host + 1)
    }

    /// The address of a host for the test.
    pub fn edge(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.number, host * 4 + 2)
    }

    fn outside(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.number, host * 4 + 1)
    }

    fn space(&self, host: u8) -> String {
        format!("auberge-{}-{host}", self.number)
    }

    fn bridge(&self) -> String {
        format!("aub{}", self.number)
    }

    fn port(&self, host: u8) -> String {
        format!("aub{}l{host}", self.number)
    }

    fn cable(&self, host: u8) -> String {
        format!("aub{}e{host}", self.number)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Reserves a number that no other running test uses. File locks hold the reservation until this process exits.
fn free_number() -> u8 {
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let places = std::env::temp_dir().join("auberge-test-ports");
    std::fs::create_dir_all(&places).expect("cannot create the directory for lock files");
    for number in 1..=250 {
        let Ok(lock) = File::create(places.join(format!("network-{number}"))) else { continue };
        if lock.try_lock().is_ok() {
            MINE.lock().expect("the mutex is not poisoned").push(lock);
            return number;
        }
    }
    panic!("no free network number: 250 are in use");
}

fn run(words: &[&str]) -> Result<String, String> {
    let (program, arguments) = words.split_first().expect("the command line is empty");
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.map_err(|error| format!("{program}: {error}"))?;
    if ran.status.success() {
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    } else {
        Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&ran.stderr).trim()))
    }
}
