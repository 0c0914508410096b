//! Parts of the daemon that fail for good: it says so, acknowledges nothing any more, and ends, for whoever started it to start
//! it again.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use omc::seal::receiver::Credential;
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, getrlimit, pidfd_getfd, pidfd_open, prlimit,
};
use serde_json::json;

use super::harness::{Daemon, Process, Setup, World, eventually};

/// MTS takes what comes, and answers nobody.
async fn silent_mts() -> World {
    let world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    world.mts_faults(json!({"hang_rate": 1.0})).await;
    world
}

/// The daemon waits for its POST when it ends, so that it can be looked at meanwhile.
async fn is_posting(world: &World, daemon: &Daemon) {
    let submitted = async || daemon.connector(1).await["records"]["submitted"].as_u64();
    eventually("a batch is on its way", submitted, |submitted| *submitted > Some(0)).await;
    // A record is submitted on the disk before the first byte of its POST: that has begun once there is a connection.
    let connected = async || is_connected_to(&world.mts_url);
    eventually("the daemon is connected to MTS", connected, |connected| *connected).await;
    assert_eq!(daemon.open("/ready").await.0, 200);
}

async fn ends_unready(world: &mut World, mut daemon: Daemon) -> Vec<String> {
    let ready = async || daemon.open("/ready").await.0;
    eventually("it is not ready", ready, |ready| *ready == 503).await;
    assert_eq!(daemon.open("/live").await.0, 200);
    world.mts.kill().await;
    let status = daemon.process.ended(Duration::from_secs(40)).await;
    assert_eq!(status.code(), Some(1), "{:#?}", daemon.process.tail());
    daemon.process.stderr.all()
}

/// What was under way is found again by the next start.
async fn the_next_start_goes_on(world: &mut World) {
    let address = world.mts_url.strip_prefix("http://").unwrap().to_owned();
    (world.mts, world.mts_url) = Process::simulator("mts", &["--listen", &address]).await;
    let _daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
}

fn pid(daemon: &Daemon) -> Pid {
    Pid::from_raw(i32::try_from(daemon.process.id()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_store_that_fails_ends_the_daemon() {
    let mut world = silent_mts().await;
    let mut daemon = Daemon::launch_deaf_to_limits(&world.configuration);
    daemon.is_up().await;
    is_posting(&world, &daemon).await;

    // As a disk does that is full: no file takes another byte.
    let none = Rlimit { current: Some(0), ..getrlimit(Resource::Fsize) };
    prlimit(Some(pid(&daemon)), Resource::Fsize, none).unwrap();
    let bearer = world.configuration.seal().credential(Credential::Bearer, 1, daemon.generation()).into_exposed();
    let run = world.configuration.command(&["run", "1"]).await;
    assert_eq!(run.code, Some(1), "a run that is not on disk did not begin: {run:?}");
    assert_eq!(daemon.deliver(1, &bearer, "[]").await, 503, "what is not on disk is not acknowledged");
    let log = ends_unready(&mut world, daemon).await;
    assert!(log.iter().any(|line| line.contains("the store has failed")), "{log:#?}");
    the_next_start_goes_on(&mut world).await;
}

#[tokio::test]
async fn a_listener_that_fails_ends_the_daemon() {
    let mut world = silent_mts().await;
    let daemon = Daemon::start(&world.configuration).await;
    is_posting(&world, &daemon).await;
    if !shut_listener(&daemon, world.configuration.get("callback.listen")) {
        println!("the daemon lets nobody look into it but who may trace any process; left out");
        return;
    }
    let log = ends_unready(&mut world, daemon).await;
    assert!(log.iter().any(|line| line.contains("a listener failed")), "{log:#?}");
    the_next_start_goes_on(&mut world).await;
}

/// Takes the daemon's listening socket, and makes it one that listens no more. `false`: that is not allowed here.
fn shut_listener(daemon: &Daemon, address: &str) -> bool {
    let inode = inode_of_listener(address);
    let links = match std::fs::read_dir(format!("/proc/{}/fd", daemon.process.id())) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return false,
        links => links.unwrap().map(Result::unwrap),
    };
    let is_it = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == format!("socket:[{inode}]").as_str())
    };
    let found = links.into_iter().find(is_it).expect("the daemon has the socket");
    let number = found.file_name().to_str().unwrap().parse().unwrap();
    let process = pidfd_open(pid(daemon), PidfdFlags::empty()).unwrap();
    match pidfd_getfd(process, number, PidfdGetfdFlags::empty()) {
        Err(rustix::io::Errno::PERM) => return false,
        socket => TcpStream::from(socket.unwrap()).shutdown(Shutdown::Both).unwrap(),
    }
    true
}

fn inode_of_listener(address: &str) -> String {
    const LISTENING: &str = "0A";
    let port = port_of(address);
    let mut listening = sockets().into_iter().filter(|row| row[1].ends_with(&port) && row[3] == LISTENING);
    listening.next().expect("somebody listens").remove(9)
}

fn is_connected_to(url: &str) -> bool {
    const ESTABLISHED: &str = "01";
    let port = port_of(url);
    sockets().iter().any(|row| row[2].ends_with(&port) && row[3] == ESTABLISHED)
}

/// As the table of sockets writes it.
fn port_of(address: &str) -> String {
    let port: u16 = address.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    format!(":{port:04X}")
}

/// The rows of the table of sockets.
fn sockets() -> Vec<Vec<String>> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}
