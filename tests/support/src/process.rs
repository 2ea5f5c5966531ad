//! Processes that end with the test.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A port of loopback that nobody listens on, and that no other test is given while this one runs. Below the range that
/// outgoing connections are given, so that nobody takes it between this look and the start of a server.
///
/// # Panics
/// When all are taken.
pub fn free_port() -> u16 {
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let places = std::env::temp_dir().join("auberge-test-ports");
    std::fs::create_dir_all(&places).expect("a directory for locks");
    // Tests run in processes of their own: the process id spreads them out.
    let start = u16::try_from(std::process::id().wrapping_mul(37) % 12_000).unwrap_or(0);
    for port in (0..12_000).map(|at| 18_000 + (start + at) % 12_000) {
        let Ok(lock) = File::create(places.join(port.to_string())) else { continue };
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            // Held until this process ends.
            MINE.lock().expect("no panic inside").push(lock);
            return port;
        }
    }
    panic!("no free port between 18000 and 30000");
}

/// What a command said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output =
            command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The output of a command that did what it should.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// What a command says that refuses: one line on standard error.
    ///
    /// # Panics
    /// When it did not refuse with exit code 1.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "it should have been refused: {}{}", self.out, self.err);
        let line = self.err.lines().find(|line| line.starts_with("auberge: "));
        line.unwrap_or_else(|| panic!("no line says why: {}", self.err)).to_owned()
    }
}

/// A process beside the server. Killed when dropped.
#[derive(Debug)]
pub struct BackgroundProcess {
    child: Child,
    log: PathBuf,
}

impl BackgroundProcess {
    /// Starts it; what it says goes to `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let out = File::create(log).expect("a log file");
        let err = out.try_clone().expect("a log file");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its id, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `STOP`, `CONT`, …
    pub fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &order]).status();
    }

    /// `SIGTERM`, and the exit status.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < crate::PATIENCE, "it does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns once its log has this word, or it has ended.
    ///
    /// # Panics
    /// When neither comes.
    pub async fn wait_for_log(&mut self, word: &str) -> Result<(), ExitStatus> {
        let begun = Instant::now();
        loop {
            if self.log().contains(word) {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(status);
            }
            assert!(begun.elapsed() < crate::PATIENCE, "it never says `{word}`: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns once something listens on this port of loopback.
    ///
    /// # Panics
    /// When nothing ever does.
    pub async fn listens(&mut self, port: u16) {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(self.ended().is_none(), "it ended: {}", self.log());
            assert!(begun.elapsed() < crate::PATIENCE, "nothing listens on {port}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for BackgroundProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
