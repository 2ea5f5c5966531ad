//! Hosts on this machine, each with a network stack of its own (network namespaces): nodes on them are linked through a
//! bridge that can be split, and the tests reach each host over a cable of its own, which stays whole.

use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Mutex;

/// Hosts, and the bridge between them. Gone when dropped.
#[derive(Debug)]
pub struct Network {
    /// Tells the networks of tests that run at the same time apart.
    number: u8,
    hosts: u8,
}

impl Network {
    /// So many hosts. Nothing where this user may not make any.
    ///
    /// # Panics
    /// When tools are required, this is root, and they cannot be made all the same.
    pub fn of(hosts: u8) -> Option<Self> {
        let required = std::env::var_os("AUBERGE_TOOLS").is_some_and(|word| word == "required");
        let number = free_number();
        let network = Self { number, hosts };
        // What a test that was killed has left behind.
        network.remove();
        match network.make() {
            Ok(()) => Some(network),
            Err(why) => {
                let root = run(&["id", "-u"]).is_ok_and(|id| id.trim() == "0");
                assert!(!(required && root), "no network namespaces: {why}");
                eprintln!("left out: no network namespaces can be made: {why}");
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
            // To the other hosts.
            let (port, inside) = (self.port(host), "links");
            run(&["ip", "link", "add", &port, "type", "veth", "peer", "name", inside, "netns", &space])?;
            run(&["ip", "link", "set", &port, "master", &bridge])?;
            run(&["ip", "link", "set", &port, "up"])?;
            run(&["ip", "-n", &space, "addr", "add", &format!("{}/24", self.link(host)), "dev", inside])?;
            run(&["ip", "-n", &space, "link", "set", inside, "up"])?;
            // To the tests.
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
            // Cables first: a namespace lives on as long as a process of it does.
            let _ = run(&["ip", "link", "del", &self.port(host)]);
            let _ = run(&["ip", "link", "del", &self.cable(host)]);
            let _ = run(&["ip", "netns", "del", &self.space(host)]);
        }
        let _ = run(&["ip", "link", "del", &self.bridge()]);
    }

    /// Cuts a host off from all others: what is sent is lost without a word, as with an unplugged cable.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn set_isolated(&self, host: u8) {
        run(&["bridge", "link", "set", "dev", &self.port(host), "state", "0"]).expect("cutting a host off");
    }

    /// Joins a host to all others again.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn heal(&self, host: u8) {
        run(&["bridge", "link", "set", "dev", &self.port(host), "state", "3"]).expect("joining a host again");
    }

    /// Has a host's packets to the others come late, and some of them not at all. `false` where the kernel cannot.
    pub fn add_delay_and_loss(&self, host: u8, delay_ms: u32, loss_percent: u32) -> bool {
        let (delay, loss) = (format!("{delay_ms}ms"), format!("{loss_percent}%"));
        let space = self.space(host);
        let disturbed = run(&[
            "ip", "netns", "exec", &space, "tc", "qdisc", "replace", "dev", "links", "root", "netem",
            "delay", &delay, "loss", &loss,
        ]);
        if let Err(why) = &disturbed {
            eprintln!("left out: packets cannot be delayed and lost here: {why}");
        }
        disturbed.is_ok()
    }

    /// Ends [`Network::disturb`].
    pub fn clear_delay_and_loss(&self, host: u8) {
        let space = self.space(host);
        let _ = run(&["ip", "netns", "exec", &space, "tc", "qdisc", "del", "dev", "links", "root"]);
    }

    /// The command that runs a program on a host.
    pub fn command(&self, host: u8, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(host)]).arg(program);
        command
    }

    /// Where other hosts reach it.
    pub fn link(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 214, self.number, host + 1)
    }

    /// Where the tests reach it.
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

/// A number that no other test has while this one runs.
fn free_number() -> u8 {
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let places = std::env::temp_dir().join("auberge-test-ports");
    std::fs::create_dir_all(&places).expect("a directory for locks");
    for number in 1..=250 {
        let Ok(lock) = File::create(places.join(format!("network-{number}"))) else { continue };
        if lock.try_lock().is_ok() {
            MINE.lock().expect("no panic inside").push(lock);
            return number;
        }
    }
    panic!("250 networks at a time");
}

fn run(words: &[&str]) -> Result<String, String> {
    let (program, arguments) = words.split_first().expect("a program");
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.map_err(|error| format!("{program}: {error}"))?;
    if ran.status.success() {
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    } else {
        Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&ran.stderr).trim()))
    }
}
