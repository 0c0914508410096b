//! Disks that are full, or turn read-only: the daemon ends with a line that says so, and loses nothing that it acknowledged.

use std::time::Duration;

use rustix::process::Signal;

use super::disk_world::DiskWorld;
use super::harness::{Chance, Daemon};
use super::image::{self, Image};

const FULL: &str = "no storage space";
const READ_ONLY: &str = "read-only filesystem";

/// Ended by itself, told where and what to do, and did not go on acknowledging.
async fn ends_telling(world: &DiskWorld, mut daemon: Daemon, reason: &str) -> Vec<String> {
    let status = daemon.process.ended(Duration::from_secs(60)).await;
    let log = daemon.process.stderr.all();
    assert_eq!(status.code(), Some(1), "{:#?}", daemon.process.tail());
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
    let store = world.configuration.get("store.path");
    let tells =
        |line: &String| [store, reason, "check free space, owner and mount"].iter().all(|part| line.contains(part));
    assert!(log.iter().any(tells), "nothing of {store} and {reason}: {:#?}", daemon.process.tail());
    log
}

/// A daemon that has acknowledged something, its store on a disk of so many megabytes.
async fn at_work_on(megabytes: u64) -> (DiskWorld, Image, Daemon) {
    let mut world = DiskWorld::start(1500, &mut Chance::seeded()).await;
    let image = Image::make(world.folder.path(), "disk", megabytes);
    world.lies_on(&image);
    let daemon = Daemon::start(&world.configuration).await;
    world.something_is_acknowledged().await;
    (world, image, daemon)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_the_daemon_and_loses_nothing() {
    if !image::are_to_be_had() {
        return;
    }
    let (world, image, daemon) = at_work_on(16).await;
    // Not while it works on: it might be through before the disk is full, and then need none of it.
    daemon.process.signal(Signal::STOP);
    let filler = image.fill();
    daemon.process.signal(Signal::CONT);
    let log = ends_telling(&world, daemon, FULL).await;
    assert!(log.iter().any(|line| line.contains("the store has failed")), "{log:#?}");
    let before = world.seeder.acknowledged().len();

    let again = Daemon::launch(&world.configuration);
    ends_telling(&world, again, FULL).await;
    let check = world.configuration.command(&["store", "check"]).await;
    assert!(matches!(check.code, Some(0 | 1)), "full is not damaged: {check:?}");

    std::fs::remove_file(filler).unwrap();
    let daemon = Daemon::start(&world.configuration).await;
    world.all_are_written().await;
    println!("{before} results were acknowledged before the disk was full");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_turns_read_only_ends_the_daemon_and_loses_nothing() {
    if !image::are_to_be_had() {
        return;
    }
    let (world, image, daemon) = at_work_on(32).await;
    // As the kernel does when the device fails.
    image.remount("abort");
    let log = ends_telling(&world, daemon, READ_ONLY).await;
    assert!(log.iter().any(|line| line.contains("the store has failed")), "{log:#?}");
    println!("{} results were acknowledged before", world.seeder.acknowledged().len());

    let again = Daemon::launch(&world.configuration);
    ends_telling(&world, again, READ_ONLY).await;
    let check = world.configuration.command(&["store", "check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stderr.contains(READ_ONLY), "{check:?}");

    let _image = image.again();
    let daemon = Daemon::start(&world.configuration).await;
    world.all_are_written().await;
    daemon.stop().await;
}
