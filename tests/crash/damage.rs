//! Damaged files: the store opens with everything in it, or is refused with the way out. No panic, no hang, no silent loss.

use std::cell::Cell;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::harness::{Chance, Configuration, DEADLINE, Daemon, Setup, World, eventually, number};
use super::rounds;

/// Looks at a state that stays the same before it counts as one that lasts: the daemon does everything by the second.
const LOOKS: u32 = 120;

/// A store with records in every state, as a kill leaves it and as an orderly end does.
async fn samples(world: &mut World, folder: &Path) -> [PathBuf; 2] {
    world.configuration.set("submit.batch_size", "40").set("odoo.timeout", "\"2m\"");
    let mut daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(40).await;
    let records = async || daemon.connector(1).await["records"].clone();
    let rich = |records: &Value| ["pending", "submitted", "to_write"].iter().all(|state| number(records, state) > 0);
    let records = loop {
        let two_batches = |records: &Value| number(records, "submitted") > 40;
        let seen = eventually("two batches are at MTS", records, two_batches).await;
        assert!(number(&seen, "pending") > 0, "everything was sent before there was some of everything: {seen}");
        world.odoo.process.signal(Signal::STOP);
        let answered = |records: &Value| rich(records) || number(records, "submitted") == 0;
        let seen = eventually("one of them is answered", records, answered).await;
        if rich(&seen) {
            break seen;
        }
        // Both were answered between two looks.
        world.odoo.process.signal(Signal::CONT);
    };
    println!("the store holds {records}");
    // Nothing more happens, and what has happened is on the disk: of what is not, damage may take the newest.
    world.mts.signal(Signal::STOP);
    let (seen, unchanged) = (Cell::new(None), Cell::new(0));
    let state =
        async || (daemon.connector(1).await["records"].to_string(), daemon.metric("omc_batches_in_flight").await);
    let lasts = |state: &(String, f64)| {
        let same = seen.replace(Some(state.clone())).as_ref() == Some(state);
        unchanged.set(if same { unchanged.get() + 1 } else { 0 });
        unchanged.get() >= LOOKS
    };
    eventually("nothing changes any more", state, lasts).await;
    let run = world.configuration.command(&["run", "1"]).await;
    assert_eq!(run.code, Some(0), "a run that began is on the disk, and all before it: {run:?}");
    daemon.process.kill().await;
    world.mts.signal(Signal::CONT);
    world.odoo.process.signal(Signal::CONT);
    let store = Path::new(world.configuration.get("store.path"));
    let (killed, closed) = (folder.join("killed"), folder.join("closed"));
    copy(store, &killed);
    whole(&world.configuration).await.expect("a kill is no damage");
    copy(store, &closed);
    [killed, closed]
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_file());
    found.sort();
    found
}

/// Damages one file in a way of its own; tells how.
fn damage(store: &Path, chance: &mut Chance) -> String {
    let mut files = files(store);
    // Nearly everything is in this one.
    files.extend([store.join("db"), store.join("db"), store.join("db")]);
    let file = &files[chance.next() as usize % files.len()];
    let mut bytes = std::fs::read(file).unwrap();
    let length = bytes.len().max(1);
    let mut somewhere = || chance.next() as usize % length;
    let (at, size, way) = (somewhere(), [16, 512, 4096, 65536][somewhere() % 4], somewhere() % 7);
    let end = bytes.len().min(at + size);
    let how = match way {
        0 | 1 if !bytes.is_empty() => {
            bytes[at] ^= 1 << (size % 7);
            format!("bit flipped at {at}")
        }
        2 if !bytes.is_empty() => {
            (0..20).for_each(|_| bytes[somewhere()] ^= 0x10);
            "bits flipped at 20 places".to_owned()
        }
        3 if !bytes.is_empty() => {
            bytes[at..end].fill(0);
            format!("zeros from {at} to {end}")
        }
        4 if !bytes.is_empty() => {
            bytes[at..end].iter_mut().for_each(|byte| *byte = somewhere() as u8);
            format!("noise from {at} to {end}")
        }
        5 => {
            bytes.extend((0..size).map(|_| somewhere() as u8));
            format!("{size} bytes of noise at the end")
        }
        _ => {
            bytes.truncate(at);
            format!("cut to {at} of {length}")
        }
    };
    std::fs::write(file, bytes).unwrap();
    if way == 6 && at.is_multiple_of(3) {
        std::fs::remove_file(file).unwrap();
    }
    format!("{}: {how}", file.file_name().unwrap().to_string_lossy())
}

/// What `omc store check` tells of a store that it takes for whole; `None` of one that it refuses.
async fn whole(configuration: &Configuration) -> Option<[u64; 4]> {
    let check = configuration.command(&["store", "check", "--json"]).await;
    assert!(!check.stderr.contains("panicked"), "{}", check.stderr);
    if check.code == Some(0) {
        let health: Value = serde_json::from_str(&check.stdout).unwrap();
        return Some(["values", "records", "batches", "runs"].map(|key| number(&health, key)));
    }
    assert_eq!(check.code, Some(78), "{check:?}");
    let named = [configuration.get("store.path"), "omc store reset"];
    assert!(named.iter().all(|part| check.stderr.contains(part)), "{check:?}");
    None
}

#[tokio::test]
async fn a_damaged_store_opens_whole_or_is_refused() {
    let mut chance = Chance::seeded();
    let setup = Setup { registrants: 500, record_micros: 25_000, ..Setup::default() };
    let mut world = World::start(setup).await;
    let folder = TempDir::new().unwrap();
    let samples = samples(&mut world, folder.path()).await;
    let good = whole(&world.configuration).await.expect("nothing was done to it");
    let store = PathBuf::from(world.configuration.get("store.path"));

    let (mut opened, mut refused) = (0, 0);
    for round in 1..=rounds("OMC_DAMAGE_ROUNDS", 40) {
        std::fs::remove_dir_all(&store).unwrap();
        copy(&samples[round as usize % 2], &store);
        let how = damage(&store, &mut chance);
        let found = whole(&world.configuration).await;
        println!("{round}: {how}: {found:?}");
        match found {
            Some(found) => {
                assert_eq!(found, good, "lost in silence");
                opened += 1;
            }
            None => {
                assert_eq!(whole(&world.configuration).await, None, "damaged, and good when asked again");
                refused += 1;
            }
        }
    }
    println!("{opened} opened whole, {refused} were refused");
    assert!(opened > 0 && refused > 0, "the damage was all of one kind");

    // The daemon says the same, and the way out is one.
    std::fs::remove_dir_all(&store).unwrap();
    copy(&samples[0], &store);
    let size = std::fs::metadata(store.join("db")).unwrap().len();
    std::fs::File::options().write(true).open(store.join("db")).unwrap().set_len(size / 2).unwrap();
    let refused = world.configuration.command(&["serve"]).await;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let named = [store.to_str().unwrap(), "is damaged", "omc store reset"];
    assert!(named.iter().all(|part| refused.stderr.contains(part)), "{refused:?}");
    assert!(!refused.stderr.contains("panicked"), "{refused:?}");
    let reset = world.configuration.command(&["store", "reset"]).await;
    assert_eq!(reset.code, Some(0), "{reset:?}");
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    daemon.stop().await;
}

/// What is left after damage that happened to miss: the daemon goes on with it to the end.
#[tokio::test]
async fn a_store_that_was_opened_by_a_check_goes_on() {
    let mut world = World::start(Setup { registrants: 500, record_micros: 25_000, ..Setup::default() }).await;
    let folder = TempDir::new().unwrap();
    samples(&mut world, folder.path()).await;
    let store = Path::new(world.configuration.get("store.path"));
    let mut log = std::fs::read(store.join("db")).unwrap();
    log.extend([0x77; 3000]);
    std::fs::write(store.join("db"), log).unwrap();
    whole(&world.configuration).await.expect("noise behind the end is not the store's");
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    daemon.stop().await;
    assert_eq!(number(&world.mts_state().await, "resubmitted_while_working"), 0);
}

/// The disk goes bad under a daemon at work: it goes on or it ends, it does not hang, and the next start knows.
#[tokio::test]
async fn damage_under_a_running_daemon_is_no_hang() {
    let mut chance = Chance::seeded();
    let mut world = World::start(Setup { registrants: 600, record_micros: 3_000, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "40");
    let mut daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(200).await;
    let log = Path::new(world.configuration.get("store.path")).join("db");
    let log = std::fs::File::options().write(true).open(log).unwrap();
    let length = log.metadata().unwrap().len();
    for _ in 0..30 {
        log.write_all_at(&[0x5a; 2048], chance.next() % length).unwrap();
    }
    let ended = async {
        while daemon.process.is_running() && number(&world.odoo.state().await, "missing_tokens") > 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, ended).await.expect("it neither works nor ends");
    if daemon.process.is_running() {
        daemon.process.signal(Signal::TERM);
    }
    let status = daemon.process.ended(Duration::from_secs(60)).await;
    assert!(matches!(status.code(), Some(0 | 1)), "{status:?}: {:#?}", daemon.process.tail());
    assert_eq!(daemon.said("panicked"), 0, "{:#?}", daemon.process.tail());
    println!("found afterwards: {:?}", whole(&world.configuration).await);
    world.nothing_is_wrong(&world.odoo.state().await);
}
