//! The first start, with nothing there.

use std::os::unix::fs::PermissionsExt;

use super::harness::{Daemon, Setup, World};

#[tokio::test]
async fn the_folder_of_the_store_is_made_for_omc_alone() {
    let mut world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    let folder = world.configuration.path().with_file_name("state");
    let inside = |name: &str| format!("{:?}", folder.join(name));
    let (store, key, token) = (inside("store"), inside("key"), inside("admin-token"));
    world.configuration.set("store.path", &store).set("store.key_file", &key).set("admin.token_file", &token);
    let daemon = Daemon::start(&world.configuration).await;
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    daemon.stop().await;
    // One that is there is left as it is.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o750)).unwrap();
    Daemon::start(&world.configuration).await.stop().await;
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o750);
}

/// A kill in the middle of a change of the key leaves all keys beside the key file.
#[tokio::test]
async fn a_draft_of_the_key_file_that_a_kill_left_is_gone_after_the_next_start() {
    let world = World::start(Setup { registrants: 5, ..Setup::default() }).await;
    Daemon::start(&world.configuration).await.stop().await;
    let drafts = ["store.key_file", "admin.token_file"].map(|key| {
        let file = std::path::Path::new(world.configuration.get(key));
        let name = file.file_name().unwrap().to_str().unwrap();
        let draft = file.with_file_name(format!(".{name}.omc-a1B2c3"));
        std::fs::copy(file, &draft).unwrap();
        draft
    });
    let daemon = Daemon::start(&world.configuration).await;
    assert_eq!(drafts.map(|draft| draft.exists()), [false; 2]);
    daemon.stop().await;
}
