//! Child processes of a test. They end with the test.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Reserves a free port on loopback. No other running test gets the same port. The port is below the range of ephemeral ports, so
/// that no outgoing connection uses it before the server starts.
///
/// # Panics
/// When all ports are in use.
pub fn free_port() -> u16 {
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let places = std::env::temp_dir().join("auberge-test-ports");
    std::fs::create_dir_all(&places).expect("cannot create the directory for lock files");
    // Each test runs in its own process: different process ids start at different ports.
    let start = u16::try_from(std::process::id().wrapping_mul(37) % 12_000).unwrap_or(0);
    for port in (0..12_000).map(|at| 18_000 + (start + at) % 12_000) {
        let Ok(lock) = File::create(places.join(port.to_string())) else { continue };
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            // The lock is held until this process exits.
            MINE.lock().expect("the mutex is not poisoned").push(lock);
            return port;
        }
    }
    panic!("no free port between 18000 and 30000");
}

/// The result of a command that has exited.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when a signal ended the process.
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

    /// The standard output of a command that succeeded.
    ///
    /// # Panics
    /// When the exit code is not 0.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// The error line of a command that failed: the line on standard error that starts with `auberge: `.
    ///
    /// # Panics
    /// When the exit code is not 1, or there is no such line.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "the command should fail with exit code 1: {}{}", self.out, self.err);
        let line = self.err.lines().find(|line| line.starts_with("auberge: "));
        line.unwrap_or_else(|| panic!("no error line: {}", self.err)).to_owned()
    }
}

/// A process that runs in the background. It is killed when dropped.
#[derive(Debug)]
pub struct BackgroundProcess {
    child: Child,
    log: PathBuf,
}

impl BackgroundProcess {
    /// Starts a process. Its standard output and standard error go to the file `log`.
    ///
    /// # Panics
    /// When the process cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let out = File::create(log).expect("cannot create the log file");
        let err = out.try_clone().expect("cannot clone the log file handle");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// The output so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The exit status, or `None` while the process runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &order]).status();
    }

    /// Sends SIGTERM, waits until the process exits, and returns the exit status.
    ///
    /// # Panics
    /// When the process does not exit.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < crate::PATIENCE, "the process does not exit: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the output contains `word`.
    ///
    /// # Errors
    /// The exit status, when the process exits before that.
    ///
    /// # Panics
    /// On a timeout.
    pub async fn wait_for_log(&mut self, word: &str) -> Result<(), ExitStatus> {
        let begun = Instant::now();
        loop {
            if self.log().contains(word) {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(status);
            }
            assert!(
                begun.elapsed() < crate::PATIENCE,
                "timeout: the output does not contain `{word}`: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until a port of loopback accepts connections.
    ///
    /// # Panics
    /// When the process exits before that, or on a timeout.
    pub async fn listens(&mut self, port: u16) {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(self.ended().is_none(), "the process exited: {}", self.log());
            assert!(
                begun.elapsed() < crate::PATIENCE,
                "timeout: nothing listens on port {port}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for BackgroundProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
