//! Commands that ask the running daemon, by whoever may read its token and nothing else of it.

use super::harness::{Daemon, Setup, World};

#[tokio::test]
async fn whoever_asks_need_not_be_able_to_read_odoos_password() {
    let mut world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    world.configuration.remove("odoo.password").set("odoo.password_file", "\"/nonexistent/secret\"").write();
    let path = world.configuration.path();
    let file = path.to_str().unwrap();
    let variable = [("OMC_ODOO__PASSWORD_FILE", "/nonexistent/other")];
    for line in [&["status"][..], &["failed"], &["run", "1", "--wait"], &["requeue", "1", "--all"]] {
        for environment in [&[][..], &variable] {
            let arguments = [&["--config", file], line].concat();
            let output = super::harness::finished_with(&arguments, environment).await;
            assert_eq!(output.code, Some(0), "{line:?}: {output:?}");
        }
    }
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(78), "who asks Odoo needs it: {check:?}");
    daemon.stop().await;
}
