//! The power fails: what was acknowledged is on the device, and what was sent is known to have been.
//!
//! A power cut leaves what reached the device. That is what the file behind a loop device holds while the daemon stands still.

use std::collections::{BTreeMap, BTreeSet};

use rustix::process::Signal;
use tokio::time::sleep;

use super::disk_world::DiskWorld;
use super::harness::{Chance, Daemon, eventually};
use super::image::{self, Image};
use super::rounds;

async fn cut(chance: &mut Chance) {
    let mut world = DiskWorld::start(900, chance).await;
    let image = Image::make(world.folder.path(), "disk", 48);
    world.lies_on(&image);
    // Nothing is held to be lost before the end of the test.
    world.configuration.set("reconcile.callback_grace", "\"1h\"").set("reconcile.stuck_after", "\"1h\"");
    let mut daemon = Daemon::launch(&world.configuration);
    let odoo_is_deaf = chance.next().is_multiple_of(2);
    world.something_is_acknowledged().await;
    sleep(chance.millis(0, 400)).await;
    if odoo_is_deaf {
        // From now on a result has no other place than the store.
        world.odoo.process.signal(Signal::STOP);
    }
    sleep(chance.millis(0, 300)).await;
    daemon.process.signal(Signal::STOP);
    let copy = image.copy("copy");
    // Whatever the daemon has answered, it answered before the copy.
    daemon.process.kill().await;
    world.seeder.fall_silent().await;
    let (acknowledged, sent) = (world.seeder.acknowledged(), world.seeder.taken());
    world.odoo.process.signal(Signal::CONT);
    println!("cut with {} results acknowledged of {} sent, Odoo deaf: {odoo_is_deaf}", acknowledged.len(), sent.len());
    drop(image);

    let image = Image::mount(copy);
    world.lies_on(&image);
    let check = world.configuration.command(&["store", "check", "--json"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    let daemon = Daemon::start(&world.configuration).await;
    world.are_written(&acknowledged).await;
    let pending = async || daemon.connector(1).await["records"]["pending"].as_u64();
    eventually("all are sent", pending, |pending| *pending == Some(0)).await;
    assert_eq!(twice(&world.seeder.taken()), BTreeSet::new(), "sent again, with {} sent before the cut", sent.len());
    daemon.stop().await;
}

fn twice(registrants: &[u32]) -> BTreeSet<u32> {
    let mut times = BTreeMap::new();
    for registrant in registrants {
        *times.entry(*registrant).or_insert(0) += 1;
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(registrant, _)| registrant).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    if !image::are_to_be_had() {
        return;
    }
    let mut chance = Chance::seeded();
    for round in 1..=rounds("OMC_POWER_CUTS", 4) {
        println!("power cut {round}");
        cut(&mut chance).await;
    }
}
