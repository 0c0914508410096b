//! SIGKILL at any moment costs time only: no token lost, none written twice, nothing sent again that MTS still works on.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::harness::{Chance, Daemon, Process, Setup, World, eventually, number};
use super::rounds;

/// Kills before a world is brought to its end and looked at.
const KILLS_OF_A_WORLD: u32 = 25;
const RECORD_MICROS: u64 = 15_000;

/// When the daemon is killed.
#[derive(Debug)]
enum Moment {
    /// So long after its start.
    Starting(Duration),
    /// So long after it began to open its store.
    Opening(Duration),
    /// So long after there was something under way.
    Busy(Duration),
    /// Having worked for so long.
    Working(Duration),
    /// So long after it was told to stop, having worked for a while.
    Stopping(Duration, Duration),
    /// So long after it was told to read its configuration again, having worked for a while.
    Reloading(Duration, Duration),
}

impl Moment {
    fn choose(chance: &mut Chance) -> Self {
        let kind = chance.next() % 20;
        let work = chance.millis(0, 1500);
        match kind {
            0 | 1 => Self::Starting(chance.millis(0, 400)),
            2..=4 => Self::Opening(chance.millis(0, 60)),
            5..=7 => Self::Stopping(work, chance.millis(0, 400)),
            8..=10 => Self::Reloading(work, chance.millis(0, 400)),
            11..=15 => Self::Busy(chance.millis(0, 600)),
            _ => Self::Working(work),
        }
    }

    async fn wait(&self, world: &World, daemon: &mut Daemon, store: &Path) {
        match *self {
            Self::Starting(time) => sleep(time).await,
            Self::Opening(time) => {
                has_open(daemon, store).await;
                sleep(time).await;
            }
            Self::Busy(time) => {
                works(daemon, Duration::ZERO).await;
                is_busy(world, daemon).await;
                sleep(time).await;
            }
            Self::Working(work) => works(daemon, work).await,
            Self::Stopping(work, time) => {
                works(daemon, work).await;
                daemon.process.signal(Signal::TERM);
                sleep(time).await;
            }
            Self::Reloading(work, time) => {
                works(daemon, work).await;
                daemon.process.signal(Signal::HUP);
                sleep(time).await;
            }
        }
    }
}

/// Lets the daemon work for so long, from when it has found the registry.
async fn works(daemon: &Daemon, time: Duration) {
    daemon.says(&["the registry answers"]).await;
    sleep(time).await;
}

/// Waits until something is at MTS, or on its way to Odoo; or until nothing is left to do.
async fn is_busy(world: &World, daemon: &Daemon) {
    let look = async || (under_way(&daemon.connector(1).await["records"]), world.odoo.state().await);
    let busy = |(under_way, odoo): &(bool, Value)| *under_way || number(odoo, "missing_tokens") == 0;
    eventually("something is under way", look, busy).await;
}

fn under_way(records: &Value) -> bool {
    ["submitted", "to_write"].iter().any(|state| records[*state].as_u64() > Some(0))
}

/// Waits until the daemon has a file of its store open.
async fn has_open(daemon: &mut Daemon, store: &Path) {
    let folder = format!("/proc/{}/fd", daemon.process.id());
    let opened = async || {
        let links = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        links.filter_map(|link| std::fs::read_link(link.path()).ok()).any(|file| file.starts_with(store))
    };
    eventually("the store is opened", opened, |opened| *opened).await;
}

/// A batch takes 0.6 s at the POST and twice as long at work and delivery, and at most ten are under way: whatever MTS holds, it
/// is through with it in two thirds of `stuck_after`, and with its callbacks in a fraction of `callback_grace`. What is sent again while
/// MTS works on it is therefore the daemon's fault.
fn slow_down(world: &mut World) {
    let keys = [
        ("submit.batch_size", "40"),
        ("submit.max_in_flight", "400"),
        ("odoo.page_size", "100"),
        ("reconcile.callback_grace", "\"3s\""),
        ("reconcile.stuck_after", "\"20s\""),
    ];
    for (key, value) in keys {
        world.configuration.set(key, value);
    }
}

async fn trouble(world: &World, chance: &mut Chance) {
    let hang = if chance.next().is_multiple_of(3) { 0.002 } else { 0.0 };
    // Slow, so that results are on their way for longer.
    let latency = chance.next() % 60;
    let odoo = json!({"error_rate": 0.03, "truncate_rate": 0.01, "garbage_rate": 0.005, "busy_rate": 0.02, "hang_rate": hang,
        "latency_ms": latency});
    world.odoo.faults(odoo).await;
    let mts = json!({"drop_callbacks": 0.1, "repeat_callbacks": 0.2, "delay_callbacks_ms": 400, "reorder_callbacks": 0.1,
        "error_rate": 0.02, "truncate_rate": 0.01});
    world.mts_faults(mts).await;
}

/// MTS loses its queue: it starts again by itself, or is killed, and knows nothing any more.
async fn lose_the_queue(world: &mut World, chance: &mut Chance) {
    if !chance.next().is_multiple_of(4) {
        return world.mts_faults(json!({"restart": true})).await;
    }
    never_sent_again(world).await;
    println!("MTS is killed");
    world.mts.kill().await;
    let address = world.mts_url.strip_prefix("http://").unwrap().to_owned();
    let micros = RECORD_MICROS.to_string();
    let arguments = ["--listen", &address, "--record-micros", &micros];
    (world.mts, world.mts_url) = Process::simulator("mts", &arguments).await;
    trouble(world, chance).await;
}

async fn never_sent_again(world: &World) {
    let mts = world.mts_state().await;
    println!("MTS: {mts}");
    assert_eq!(number(&mts, "resubmitted_while_working"), 0, "{mts}");
}

async fn killed_again_and_again(addon: bool, kills: u32, chance: &mut Chance) {
    let setup = Setup {
        registrants: 100 + 75 * kills,
        addon,
        record_micros: RECORD_MICROS,
        seed: chance.next() % 1000,
        ..Setup::default()
    };
    let mut world = World::start(setup).await;
    slow_down(&mut world);
    if !addon {
        // Upstream's default leaves out who holds a token, and with them the corrected VIDs.
        let filter = json!({"g2p_search_domain": r#"[["is_registrant", "=", true]]"#});
        world.odoo.write("mts.connector", 1, filter).await;
    }
    let before = world.odoo.state().await;
    trouble(&world, chance).await;
    let store = Path::new(world.configuration.get("store.path")).to_owned();

    let (mut at_work, mut mts_at_work, mut results_at_hand) = (0, 0, 0);
    for kill in 1..=kills {
        let mut daemon = Daemon::launch(&world.configuration);
        let moment = Moment::choose(chance);
        moment.wait(&world, &mut daemon, &store).await;
        if chance.next().is_multiple_of(8) {
            lose_the_queue(&mut world, chance).await;
        }
        let queued = number(&world.mts_state().await, "queued");
        let stopping = matches!(moment, Moment::Stopping(..));
        let records = if matches!(moment, Moment::Working(..) | Moment::Busy(..)) {
            daemon.connector(1).await["records"].clone()
        } else {
            Value::Null
        };
        println!("kill {kill}, {moment:?}: MTS has {queued} requests open, the daemon {records}");
        at_work += u32::from(queued > 0 || under_way(&records));
        mts_at_work += u32::from(queued > 0);
        results_at_hand += u32::from(records["to_write"].as_u64() > Some(0));
        // Not at the moment of its own answer.
        sleep(chance.millis(0, 60)).await;
        if stopping && !daemon.process.is_running() {
            let status = daemon.process.ended(Duration::ZERO).await;
            assert_eq!(status.code(), Some(0), "{:#?}", daemon.process.tail());
        } else {
            assert!(daemon.process.is_running(), "ended by itself: {:#?}", daemon.process.tail());
            daemon.process.kill().await;
        }
        assert_eq!(daemon.said("panicked"), 0, "{:#?}", daemon.process.tail());
    }
    println!(
        "{at_work} kills at work, {mts_at_work} with requests open at MTS, {results_at_hand} with results on their way to Odoo"
    );
    assert!(at_work >= kills / 10, "the kills missed the work");

    world.faults_off().await;
    let daemon = Daemon::start(&world.configuration).await;
    catches_up(&world).await;
    world.all_tokens_are_there().await;
    let records = settled(&daemon).await;
    assert_eq!(number(&records, "abandoned"), 0, "{records}");
    let odoo = &world.odoo;
    let cleaned = async || odoo.state().await;
    let after = eventually("no VID stays beside a token", cleaned, |state| number(state, "with_both") == 0).await;
    world.nothing_is_wrong(&after);
    assert_eq!(after["untouched"], before["untouched"], "something else than VIDs and tokens was changed");
    never_sent_again(&world).await;

    daemon.stop().await;
    let check = world.configuration.command(&["store", "check", "--json"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    let health: Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!((&health["ok"], &health["batches"]), (&json!(true), &json!(0)), "{health}");
    assert_eq!(number(&health, "records"), number(&records, "rejected"), "done leaves no record: {health}");
}

/// Waits until no token is missing, for as long as there are fewer and fewer.
async fn catches_up(world: &World) {
    let missing = async || number(&world.odoo.state().await, "missing_tokens");
    let mut last = u64::MAX;
    while last > 0 {
        last = eventually("fewer tokens are missing", missing, |missing| *missing < last).await;
    }
}

/// Waits until nothing is under way; gives the counts.
async fn settled(daemon: &Daemon) -> Value {
    let records = async || daemon.connector(1).await["records"].clone();
    eventually("nothing is under way", records, |records| {
        ["pending", "submitted", "to_write"].iter().all(|state| records[*state] == 0)
    })
    .await
}

/// Half of the rounds, in as many worlds as they need.
async fn worlds(addon: bool) {
    let mut chance = Chance::seeded();
    // The other test has the same seed.
    chance.letters(usize::from(addon));
    let mut left = rounds("OMC_KILL_ROUNDS", 26) / 2;
    let mut done = 0;
    while left > 0 {
        let kills = left.min(KILLS_OF_A_WORLD);
        killed_again_and_again(addon, kills, &mut chance).await;
        (left, done) = (left - kills, done + kills);
        println!("{done} kills with addon {addon}, and no law broken");
    }
}

#[tokio::test]
async fn kills_lose_nothing_through_the_door() {
    worlds(true).await;
}

#[tokio::test]
async fn kills_lose_nothing_by_plain_calls() {
    worlds(false).await;
}
