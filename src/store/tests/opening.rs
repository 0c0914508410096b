//! Which stores open, and which are refused.

use super::*;

#[test]
fn another_key_and_a_second_owner_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    assert!(matches!(Store::open(&config, &["k"]), Err(StoreError::Locked { .. })));
    drop(store);
    let error = Store::open(&config, &["other"]).unwrap_err();
    assert!(matches!(error, StoreError::OtherKey { .. }), "{error}");
    assert!(error.to_string().contains("omc store reset"));
    Store::reset(&config.path).unwrap();
    assert!(Store::open(&config, &["other"]).is_ok());
}

#[test]
fn a_damaged_store_is_told_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[1, 2, 3]);
    drop(store);
    let size = std::fs::metadata(config.path.join("db")).unwrap().len();
    std::fs::write(config.path.join("db"), vec![0x5a; size as usize]).unwrap();
    let error = Store::open(&config, &["k"]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("omc store reset"));
    Store::reset(&config.path).unwrap();
    assert_eq!(Store::open(&config, &["k"]).unwrap().counts(CONNECTOR), Counts::default());
}

/// A kill during the first start leaves a store without its mark.
#[test]
fn a_store_that_lost_its_mark_gets_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    drop(Store::open(&config, &["k"]).unwrap());
    std::fs::remove_file(config.path.join("omc-store")).unwrap();
    assert!(Store::exists(&config.path), "a key is not made anew for what is left");
    drop(Store::open(&config, &["k"]).unwrap());
    assert!(config.path.join("omc-store").exists());
}

/// The engine writes a snapshot while it opens, and a kill or a full disk can come between.
#[test]
fn half_a_snapshot_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[1, 2]);
    drop(store);
    std::fs::write(config.path.join("snap.7FFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    let store = Store::open(&config, &["k"]).unwrap();
    assert_eq!(store.counts(CONNECTOR).pending, 2);
}

/// Its settings are what the engine writes before anything else.
#[test]
fn half_a_first_start_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    std::fs::create_dir(&config.path).unwrap();
    std::fs::write(config.path.join("conf"), b"half of the settings").unwrap();
    admit(&Store::open(&config, &["k"]).unwrap(), &[1]);
    assert_eq!(Store::open(&config, &["k"]).unwrap().counts(CONNECTOR).pending, 1);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn an_older_state_of_the_store_is_told_from_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[1]);
    store.sync().await.unwrap();
    drop(store);
    let older = folder.path().join("older");
    copy(&config.path, &older);
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[2]);
    store.sync().await.unwrap();
    drop(store);
    let mark = std::fs::read(config.path.join("omc-store")).unwrap();

    Store::reset(&config.path).unwrap();
    copy(&older, &config.path);
    assert_eq!(Store::open(&config, &["k"]).unwrap().counts(CONNECTOR).pending, 1, "as a whole it is good: a backup");
    std::fs::write(config.path.join("omc-store"), mark).unwrap();
    let error = Store::open(&config, &["k"]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

/// What the engine cannot read it takes for something that was never written.
#[tokio::test]
async fn a_damaged_store_is_whole_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    for registrants in (1..=1200).collect::<Vec<u32>>().chunks(40) {
        admit(&store, registrants);
    }
    store.sync().await.unwrap();
    drop(store);
    let good = folder.path().join("good");
    copy(&config.path, &good);
    let mut refused = 0;
    for round in 0..60_usize {
        std::fs::remove_dir_all(&config.path).unwrap();
        copy(&good, &config.path);
        let mut bytes = std::fs::read(good.join("db")).unwrap();
        let at = round * bytes.len() / 60;
        bytes[at] ^= 1 << (round % 8);
        std::fs::write(config.path.join("db"), bytes).unwrap();
        match Store::open(&config, &["k"]) {
            Ok(store) => assert_eq!((store.check().unwrap(), store.counts(CONNECTOR).pending), (1230, 1200), "{at}"),
            Err(StoreError::Corrupt { .. }) => refused += 1,
            Err(other) => panic!("{at}: {other}"),
        }
    }
    assert!(refused > 0, "none of it mattered");
}

/// An upgrade that was cut short, and the version of before at work on the store in between: it keeps no census.
#[test]
fn a_census_of_an_upgrade_that_was_cut_short_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    let meta = codec::encode(&Meta { format: 1, key: "k".to_owned() }).unwrap();
    store.0.disk.write(vec![(keys::META.to_vec(), Some(meta))]).unwrap();
    store.0.disk.sync().unwrap();
    store.0.disk.write_as_before(b"z of before", b"value");
    drop(store);
    let store = Store::open(&config, &["k"]).unwrap();
    assert_eq!(store.behind(), Some("k"));
    store.is_under("k").unwrap();
    drop(store);
    assert_eq!(Store::open(&config, &["k"]).unwrap().behind(), None, "whole, under a census of its own");
}

/// What root makes in a store, nobody else could open.
#[test]
fn root_keeps_its_hands_off_another_account_s_store() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    drop(Store::open(&config, &["k"]).unwrap());
    let before = std::fs::read_dir(&config.path).unwrap().count();
    std::os::unix::fs::chown(&config.path, Some(65_534), None).unwrap();
    let error = Store::open(&config, &["k"]).unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { owner: 65_534, .. }), "{error}");
    assert!(error.to_string().contains("sudo -u"), "{error}");
    assert_eq!(std::fs::read_dir(&config.path).unwrap().count(), before);
}
