//! Input formats that take all the time or memory there is: their connectors are told, and nobody else notices.

use std::time::Duration;

use omc::seal::receiver::Credential;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};

use super::harness::{DEADLINE, Daemon, Odoo, Setup, World, eventually, number};

/// Gives the registrant as it is, for the mapping of the first connector.
const GOOD: &str = ". as $r | {given_name, family_name} | $r";

/// `step` so many times over, each fed with the one before; then the registrant as it is.
fn multiplied(begin: &str, step: &str) -> String {
    format!(". as $r | {begin}{} | $r", vec![step; 60].join("|"))
}

/// The registrants in three parts, as filters.
async fn thirds(odoo: &Odoo) -> [Value; 3] {
    let rows = odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["id"]).await;
    let at = |part: usize| rows[rows.len() * part / 3]["id"].as_u64().unwrap();
    let between = |from: u64, to: u64| {
        json!(format!("[[\"is_registrant\", \"=\", true], [\"id\", \">=\", {from}], [\"id\", \"<\", {to}]]"))
    };
    [between(0, at(1)), between(at(1), at(2)), between(at(2), u64::from(u32::MAX >> 1))]
}

/// Computing time of a process in its own code, in hundredths of seconds; 0 where there is none.
fn computing_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let utime = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(11));
    utime.map_or(0, |time| time.parse().unwrap())
}

/// What the system says of the daemon: its largest memory in kB, and the computing time of it and of its ended children, in
/// hundredths of seconds.
fn taken(daemon: &Daemon) -> (u64, u64) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", daemon.process.id())).unwrap();
    let status = read("status");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let memory = memory.split_ascii_whitespace().next().unwrap().parse().unwrap();
    let stat = read("stat");
    let after_name = stat.rsplit_once(')').unwrap().1;
    // From the third field on: utime, stime, cutime, cstime are the 14th to the 17th.
    let times = after_name.split_ascii_whitespace().skip(11).take(4);
    (memory, times.map(|time| time.parse::<u64>().unwrap()).sum())
}

#[tokio::test]
async fn one_that_never_ends_and_one_that_fills_the_memory_stop_nobody_else() {
    let mut world = World::start(Setup { registrants: 90, ..Setup::default() }).await;
    // So long that what is seen between two tries is quiet.
    world.configuration.set("retry.base", "\"60s\"").set("retry.max", "\"120s\"");
    let [first, second, third] = thirds(&world.odoo).await;
    world.odoo.write("omc.connector", 1, json!({"g2p_search_domain": first, "input_format": GOOD})).await;
    let endless = format!(". as $r | last({}) | $r", vec!["(.,.)"; 60].join("|"));
    let endless = world
        .odoo
        .another_connector(json!({"name": "Endless", "g2p_search_domain": second, "input_format": endless}))
        .await;
    let bomb = multiplied("\"x\" | ", ". + .");
    let bomb =
        world.odoo.another_connector(json!({"name": "Bomb", "g2p_search_domain": third, "input_format": bomb})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let odoo = &world.odoo;

    let records = async || daemon.connector(1).await["records"].clone();
    let done = |records: &Value| {
        ["pending", "submitted", "to_write"].iter().all(|state| records[*state] == 0) && records["rejected"].is_u64()
    };
    let tokens = async || daemon.metric("omc_tokens_written_total").await;
    eventually("the good connector's tokens are written", tokens, |written| *written >= 15.0).await;
    eventually("the good connector is through", records, done).await;
    assert_eq!(odoo.connector(1, &["last_error"]).await["last_error"], false);

    for (connector, what) in [(endless, "computing time"), (bomb, "256 MB of memory")] {
        let told = async || odoo.connector(connector, &["last_error"]).await["last_error"].clone();
        let told = eventually("the connector shows it", told, Value::is_string).await;
        assert!(
            told.as_str().unwrap().starts_with("input_format: ") && told.as_str().unwrap().contains(what),
            "{told}"
        );
        // Whoever it was tried on is refused by name; the others wait.
        let records = daemon.connector(connector).await["records"].clone();
        assert_eq!((number(&records, "rejected"), number(&records, "submitted")), (1, 0), "{records}");
        assert!(number(&records, "pending") > 10, "{records}");
        let rejections =
            async || odoo.search_read("omc.rejection", json!([["connector_id", "=", connector]]), &["code"]).await;
        let rejections = eventually("the refusal is shown", rejections, |rows| !rows.is_empty()).await;
        assert_eq!(rejections[0]["code"], "OMC-DATA-004");
        daemon.says(&["the input format ran away and was ended"]).await;
    }
    assert_eq!(daemon.metric("omc_jq_ended_total").await, 2.0);

    // The callbacks still go, nothing is left running, and nothing has grown.
    let bearer = world.configuration.seal().credential(Credential::Bearer, 1, daemon.generation()).into_exposed();
    assert_eq!(daemon.deliver(1, &bearer, "[]").await, 200);
    let (memory, before) = taken(&daemon);
    assert!(memory < 400 * 1024, "{memory} kB");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (_, after) = taken(&daemon);
    assert!(after - before < 150, "{} hundredths of a second in three seconds", after - before);

    // Put right, they go on at once, and those who were refused with them.
    for connector in [endless, bomb] {
        world.odoo.write("omc.connector", connector, json!({"input_format": GOOD})).await;
    }
    world.all_tokens_are_there().await;
    for connector in [endless, bomb] {
        let told = async || odoo.connector(connector, &["last_error"]).await["last_error"].clone();
        eventually("Odoo shows that it is over", told, |told| *told == json!(false)).await;
    }
}

/// An upgrade replaces the program's file under the running daemon.
#[tokio::test]
async fn input_formats_run_after_the_programs_file_was_replaced() {
    let world = World::start(Setup { registrants: 40, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("omc");
    std::fs::copy(env!("CARGO_BIN_EXE_omc"), &program).unwrap();
    world.odoo.write("omc.connector", 1, json!({"job_status": "draft", "input_format": GOOD})).await;
    let mut daemon = Daemon::launch_file(&world.configuration, &program);
    daemon.is_up().await;
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "another version").unwrap();
    world.odoo.write("omc.connector", 1, json!({"job_status": "started"})).await;
    world.all_tokens_are_there().await;
}

/// `omc preview` tells as much, and ends.
#[tokio::test]
async fn a_preview_tells_of_an_input_format_that_runs_away() {
    let world = World::start(Setup { registrants: 20, invalid_percent: 0, ..Setup::default() }).await;
    let endless = multiplied("1 | ", "(.,.)").replace("| $r", "| empty");
    world.odoo.write("omc.connector", 1, json!({"input_format": endless})).await;
    let preview = world.configuration.command(&["preview", "1", "--json"]).await;
    assert_eq!(preview.code, Some(0), "{preview:?}");
    let told: Value = serde_json::from_str(&preview.stdout).unwrap();
    let verdicts: Vec<&str> =
        told["preview"].as_array().unwrap().iter().filter_map(|line| line["verdict"].as_str()).collect();
    assert_eq!(verdicts[0], "OMC-DATA-004", "{verdicts:?}");
    assert!(verdicts.len() > 10 && verdicts[1..].iter().all(|verdict| *verdict == "not tried"), "{verdicts:?}");
}

/// Children of a process, whichever of its threads made them.
fn children(of: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{of}/task")).unwrap().map(|entry| entry.unwrap().path());
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.join("children")).ok());
    children
        .flat_map(|line| line.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Whether a process runs: one that has ended and that nobody has asked after does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn a_daemon_that_is_killed_leaves_no_input_format_running() {
    let world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    let endless = format!(". as $r | last({}) | $r", vec!["(.,.)"; 60].join("|"));
    world.odoo.write("omc.connector", 1, json!({"input_format": endless})).await;
    let mut daemon = Daemon::start(&world.configuration).await;
    let pid = daemon.process.id();
    let busy = async || children(pid).into_iter().filter(|child| computing_time(*child) >= 20).collect::<Vec<_>>();
    let busy = eventually("a child works on the input format", busy, |children| !children.is_empty()).await;
    // It would come to the end of its computing time, and must not be mistaken for one that went with the daemon.
    let endless = Rlimit { current: None, maximum: None };
    if busy.iter().any(|child| prlimit(Some(process(*child)), Resource::Cpu, endless).is_err()) {
        println!("nobody but root can give a process more computing time; left out");
        return;
    }
    daemon.process.kill().await;
    let left = async || busy.iter().copied().filter(|child| runs(*child)).collect::<Vec<_>>();
    let gone = tokio::time::timeout(DEADLINE / 4, eventually("the child has gone", left, Vec::is_empty)).await;
    for child in busy.iter().filter(|child| runs(**child)) {
        kill_process(process(*child), Signal::KILL).unwrap();
    }
    assert!(gone.is_ok(), "the daemon was killed, and its child went on");
}
