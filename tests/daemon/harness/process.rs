//! A child process whose output is kept, and which does not outlive the test.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{DEADLINE, eventually};

/// Everything that was printed so far, line by line.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn find(&self, part: &str) -> Option<String> {
        self.0.lock().unwrap().iter().find(|line| line.contains(part)).cloned()
    }

    fn follow(&self, from: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let lines = self.0.clone();
        tokio::spawn(async move {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while matches!(from.read_until(b'\n', &mut line).await, Ok(1..)) {
                lines.lock().unwrap().push(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        })
    }
}

/// A running `omc`; killed when dropped, also by a panic.
pub struct Process {
    child: Child,
    pub stdout: Lines,
    pub stderr: Lines,
    readers: Vec<JoinHandle<()>>,
    /// Simulators end when it closes, even if the test itself is killed.
    stdin: Option<ChildStdin>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts `omc`, with nothing of the surroundings' configuration or proxies.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_omc")), arguments, environment)
    }

    /// Another file of the same program.
    pub fn start_file(program: &std::path::Path, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(program), arguments, &[])
    }

    /// As [`Process::start`], by a shell that does something first which a program inherits.
    pub fn start_after(script: &str, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{script}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_omc")]);
        Self::spawn(shell, arguments, &[])
    }

    fn spawn(mut command: Command, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OMC_")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = vec![stdout.follow(child.stdout.take().unwrap()), stderr.follow(child.stderr.take().unwrap())];
        let stdin = child.stdin.take();
        Self { child, stdout, stderr, readers, stdin }
    }

    /// A simulator; gives its address, too.
    pub async fn simulator(kind: &str, arguments: &[&str]) -> (Self, String) {
        let mut all = vec!["simulate", kind, "--with-parent"];
        all.extend(arguments);
        let process = Self::start(&all);
        let stdout = process.stdout.clone();
        let line =
            eventually("a simulator says where it listens", async || stdout.find("listening"), Option::is_some).await;
        let told: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        (process, told["listening"].as_str().unwrap().to_owned())
    }

    /// Types this, and then nothing more.
    pub async fn types(&mut self, text: &str) {
        let mut stdin = self.stdin.take().expect("it was closed");
        stdin.write_all(text.as_bytes()).await.unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("the process has ended")
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
        self.drain().await;
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let ended = timeout(within, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("still runs after {within:?}: {:#?}", self.tail())).unwrap();
        self.drain().await;
        status
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The last lines it printed, for a failure's message.
    pub fn tail(&self) -> Vec<String> {
        let all = self.stderr.all();
        all[all.len().saturating_sub(15)..].to_vec()
    }

    async fn drain(&mut self) {
        for reader in self.readers.drain(..) {
            // Whatever is left in the pipes is read; nobody holds their other end any more.
            _ = timeout(DEADLINE, reader).await;
        }
    }
}

/// Runs a command to its end.
pub async fn finished(arguments: &[&str]) -> Output {
    finished_with(arguments, &[]).await
}

pub async fn finished_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut process = Process::start_with(arguments, environment);
    let status = process.ended(DEADLINE).await;
    Output { code: status.code(), stdout: process.stdout.all().join("\n"), stderr: process.stderr.all().join("\n") }
}
