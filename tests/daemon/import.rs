//! `omc import`: a CSV file's rows to MTS and back, over either release, killed and gone on with.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Chance, DEADLINE, Output, Process, Setup, World, eventually, number, token_of};

/// Simulators, a stopped daemon, and files.
struct Desk {
    world: World,
    folder: tempfile::TempDir,
}

const HEADER: &str = "vid,name,gender,dob,fullAddress";

fn vid(row: u64) -> String {
    // MTS refuses some endings.
    format!("20{row:012}77")
}

/// So many rows that MTS takes.
fn rows(count: u64) -> Vec<String> {
    (1..=count).map(|row| format!("{},Person {row},female,1990-01-31,\"Hill {row}, Town\"", vid(row))).collect()
}

impl Desk {
    async fn open(setup: Setup) -> Self {
        let mut world = World::start(Setup { registrants: 5, ..setup }).await;
        world.configuration.set("submit.batch_size", "20").set("retry.base", "\"50ms\"").set("retry.max", "\"500ms\"");
        world.configuration.write();
        Self { world, folder: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.at("people.csv");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let own = ["--config", &text(self.world.configuration.path()), "import", &text(self.at("people.csv"))];
        let rest = ["--connector", "1", "--output", &text(self.at("out.csv"))];
        own.iter().chain(&rest).chain(more).map(|argument| (*argument).to_owned()).collect()
    }

    fn launch(&self, more: &[&str]) -> Process {
        let arguments = self.arguments(more);
        Process::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    async fn import(&self, more: &[&str]) -> Output {
        let mut process = self.launch(more);
        let status = process.ended(DEADLINE).await;
        Output { code: status.code(), stdout: process.stdout.all().join("\n"), stderr: process.stderr.all().join("\n") }
    }

    /// The result file's rows, below the header.
    fn results(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.at("out.csv")).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    /// Nothing but the input and the result is left.
    fn is_tidy(&self) {
        let mut names: Vec<_> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["out.csv", "people.csv"]);
        let mode = std::fs::metadata(self.at("out.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn file_of(rows: &[String]) -> Vec<u8> {
    format!("{HEADER}\n{}\n", rows.join("\n")).into_bytes()
}

fn nothing_is_printed_of(output: &Output, secrets: &[&str]) {
    for secret in secrets {
        assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{secret}: {output:?}");
    }
}

#[tokio::test]
async fn every_row_gets_its_line_from_either_release() {
    for release in ["1.1", "1.0.1"] {
        let desk = Desk::open(Setup { release, ..Setup::default() }).await;
        let mut rows = rows(70);
        // Refused before it is sent: no date, an empty name, no VID.
        rows[10] = format!("{},Person,female,yesterday,Hill", vid(11));
        rows[30] = format!("{},,female,1990-01-31,Hill", vid(31));
        rows[40] = ",Person,female,1990-01-31,Hill".to_owned();
        // Refused by MOSIP, in words that quote the person.
        let foreign = "2045678901230001";
        rows[50] = format!("{foreign},Person,female,1990-01-31,Hill");
        desk.file(&file_of(&rows));
        let output = desk.import(&[]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        let results = desk.results();
        assert_eq!(results.len(), 70, "{release}");
        for (at, row) in results.iter().enumerate() {
            let vid = vid(at as u64 + 1);
            match at {
                10 => assert_eq!(row[..4], [vid.as_str(), "", "invalid", "OMC-DATA-003"]),
                30 => assert_eq!(row[..4], [vid.as_str(), "", "invalid", "ATS-REQ-003"]),
                40 => assert_eq!(row[..4], ["", "", "invalid", "ATS-REQ-009"]),
                50 => {
                    assert_eq!(row[..4], [foreign, "", "error", "IDA-DEA-001"]);
                    assert!(!row[4].contains("Person") && row[4].contains("does not match"), "{:?}", row[4]);
                }
                _ => assert_eq!(row[..], [vid.as_str(), &token_of(&vid), "processed", "", ""]),
            }
        }
        assert!(results[10][4].contains("date of birth"), "explained: {:?}", results[10][4]);
        assert!(output.stdout.contains("processed     66") && output.stdout.contains("ATS-REQ-003"), "{output:?}");
        assert_eq!(number(&desk.world.mts_state().await, "records"), 67);
        nothing_is_printed_of(&output, &[&vid(1), &vid(11), &token_of(&vid(1)), "Person"]);
        desk.is_tidy();
        let again = desk.import(&[]).await;
        assert_eq!(again.code, Some(1));
        assert!(again.stderr.contains("is there already"), "{again:?}");
    }
}

#[tokio::test]
async fn whatever_a_spreadsheet_writes_is_read() {
    let desk = Desk::open(Setup::default()).await;
    let text = |delimiter: &str, end: &str| {
        let header = ["National no", "VID", "First", "Last", "Sex", "Born", "Street", "Town"].join(delimiter);
        let row = |row: u64| {
            ["7", &vid(row), "Zoë", "\"Ñandú \"\"Q\"\"\"", "F", "1990/01/31", "\"Rua\n1\"", "Évora"].join(delimiter)
        };
        format!("{header}{end}{}{end}{}{end}", row(1), row(2))
    };
    let windows = |text: &str| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let utf16 =
        |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let map: &[&str] =
        &["--map", "name=first,last", "--map", "gender=sex", "--map", "dob=born", "--map", "fullAddress=street,town"];
    let files: [(Vec<u8>, &[&str]); 6] = [
        (text(",", "\r\n").into_bytes(), &[]),
        (format!("\u{feff}{}", text(";", "\r\n")).into_bytes(), &[]),
        (text("|", "\n").into_bytes(), &[]),
        (utf16(&text("\t", "\r\n")), &[]),
        (windows(&text(";", "\r\n")), &["--encoding", "windows-1252"]),
        (text("^", "\n").into_bytes(), &["--delimiter", "^"]),
    ];
    for (at, (bytes, more)) in files.iter().enumerate() {
        desk.file(bytes);
        let output = desk.import(&[map, more].concat()).await;
        assert_eq!(output.code, Some(0), "{at}: {output:?}");
        let tokens: Vec<String> = desk.results().into_iter().map(|row| row[1].clone()).collect();
        assert_eq!(tokens, [token_of(&vid(1)), token_of(&vid(2))], "{at}");
        desk.is_tidy();
        std::fs::remove_file(desk.at("out.csv")).unwrap();
    }
    desk.file(&windows(&text(",", "\n")));
    let output = desk.import(map).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("people.csv, line 2: bytes that are no UTF-8"), "{output:?}");
}

/// Nothing is sent of a file that is not in order, and nobody's data is quoted.
#[tokio::test]
async fn a_file_that_is_not_in_order_is_told_and_not_sent() {
    let desk = Desk::open(Setup::default()).await;
    let mut short = rows(50);
    short[33] = format!("{},Person", vid(34));
    let (mut open, mut merged) = (rows(5), rows(5));
    open[1] = format!("{},Person 2,female,1990-01-31,\"Hill 2", vid(2));
    open.truncate(2);
    open.push(format!("{},Person 3,female,1990-01-31,Hill 3", vid(3)));
    merged[1].clone_from(&open[1]);
    let no_header = rows(3).join("\n").into_bytes();
    for (bytes, told) in [
        (file_of(&short), "people.csv, line 35: the row has 2 columns, and the header 5"),
        (file_of(&open), "people.csv, line 3: a quote is opened here and never closed"),
        (file_of(&merged), "people.csv, line 4: text behind a closing quote"),
        (no_header, "no column `vid`"),
        (b"vid,name,gender,fullAddress\n1,2,3,4\n".to_vec(), "no column is left for `dob`"),
        (format!("{HEADER}\n").into_bytes(), "no rows below its header"),
        (b"vid,VID,name,gender,dob,fullAddress\n1,1,2,3,4,5\n".to_vec(), "columns 1 and 2"),
    ] {
        desk.file(&bytes);
        let output = desk.import(&[]).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains(told), "{told}: {output:?}");
        nothing_is_printed_of(&output, &["Person", &vid(1), &vid(34), "Hill"]);
    }
    let wrong = desk.import(&["--map", "birth=x"]).await;
    assert_eq!(wrong.code, Some(64), "{wrong:?}");
    assert_eq!(number(&desk.world.mts_state().await, "requests"), 0);
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[tokio::test]
async fn without_vids_lines_are_numbered() {
    let desk = Desk::open(Setup::default()).await;
    desk.file(&file_of(&rows(3)));
    let output = desk.import(&["--no-vid", "--json"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let text = std::fs::read_to_string(desk.at("out.csv")).unwrap();
    assert!(text.starts_with("line,token,status,errorCode,errorMessage\n2,") && !text.contains(&vid(1)), "{text}");
    let told: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&told["rows"], &told["outcomes"]["processed"]["rows"]), (&json!(3), &json!(3)));
}

/// One row on which MTS fails is found by halving, told, and holds nobody else up; also the last one, when no others are left.
#[tokio::test]
async fn a_poisoned_row_stands_alone() {
    for poisoned in [45, 61] {
        let desk = Desk::open(Setup::default()).await;
        desk.file(&file_of(&rows(61)));
        desk.world.mts_faults(json!({"poison": vid(poisoned)})).await;
        let output = desk.import(&[]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        for (at, row) in desk.results().iter().enumerate() {
            match at as u64 + 1 {
                number if number == poisoned => assert_eq!(row[1..4], ["", "error", "OMC-SEND-001"]),
                number => assert_eq!(row[1], token_of(&vid(number))),
            }
        }
        assert!(output.stdout.contains(&format!("OMC-SEND-001  1     {}", poisoned + 1)), "{output:?}");
        desk.is_tidy();
    }
}

/// Killed at any time, again and again: it goes on where it was, and what MTS has given an identifier for is not sent twice.
#[tokio::test]
async fn a_killed_import_goes_on_where_it_was() {
    let desk = Desk::open(Setup { record_micros: 4_000, release: "1.0.1", ..Setup::default() }).await;
    let count = 300;
    let file = desk.file(&file_of(&rows(count)));
    let mut chance = Chance::seeded();
    let mut kills = 0;
    // At the end, or all but its tidying up: a quick machine is through before all the kills.
    let is_through = || desk.at("out.csv").exists();
    for _ in 0..8 {
        if is_through() {
            break;
        }
        let mut process = desk.launch(&[]);
        tokio::time::sleep(chance.millis(200, 900)).await;
        if process.is_running() {
            kills += 1;
        }
        process.kill().await;
        for name in ["out.csv.omc-state", "out.csv.omc-draft"] {
            let path = desk.at(name);
            let Ok(found) = std::fs::metadata(&path) else { continue };
            assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
            let state = if name.ends_with("state") { std::fs::read_to_string(path).unwrap() } else { String::new() };
            assert!(!state.contains(&vid(1)[..12]) && !state.contains(&token_of(&vid(1))), "{state}");
        }
    }
    assert!(kills >= 3, "{kills}");
    if !is_through() || desk.at("out.csv.omc-state").exists() {
        let output = desk.import(&[]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    let tokens: Vec<String> = desk.results().into_iter().map(|row| row[1].clone()).collect();
    let expected: Vec<String> = (1..=count).map(|row| token_of(&vid(row))).collect();
    assert_eq!(tokens, expected);
    // Only a POST whose answer went down with the command goes again: one for each kill.
    let sent = number(&desk.world.mts_state().await, "records");
    assert!(sent <= count + kills * 20, "{sent} for {count} rows and {kills} kills");
    desk.is_tidy();
    assert!(file.exists());
}

#[tokio::test]
async fn stopped_by_a_person_it_keeps_what_mts_has_taken() {
    let desk = Desk::open(Setup { record_micros: 10_000, ..Setup::default() }).await;
    desk.file(&file_of(&rows(100)));
    let mut process = desk.launch(&[]);
    desk.world.mts_has_seen(20).await;
    process.signal(Signal::INT);
    let status = process.ended(DEADLINE).await;
    assert_eq!(status.code(), Some(1), "{:?}", process.tail());
    assert!(process.stderr.all().join("\n").contains("the same command goes on from here"), "{:?}", process.tail());
    let other = desk.import(&["--no-vid"]).await;
    assert!(other.stderr.contains("is of another import") && other.stderr.contains("--restart"), "{other:?}");
    let output = desk.import(&[]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(desk.results().len(), 100);
    assert_eq!(number(&desk.world.mts_state().await, "records"), 100, "nothing went twice");
}

/// While MTS is away the command waits; when it has forgotten what it was given, that is sent again.
#[tokio::test]
async fn mts_may_be_down_in_the_middle() {
    let desk = Desk::open(Setup { record_micros: 5_000, ..Setup::default() }).await;
    desk.file(&file_of(&rows(120)));
    let mut process = desk.launch(&["--patience", "20s"]);
    desk.world.mts_has_seen(40).await;
    desk.world.mts_faults(json!({"refuse": true, "restart": true})).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(process.is_running(), "{:?}", process.tail());
    assert!(!desk.at("out.csv").exists());
    desk.world.faults_off().await;
    let status = process.ended(DEADLINE).await;
    assert_eq!(status.code(), Some(0), "{:?}", process.tail());
    assert!(desk.results().iter().enumerate().all(|(at, row)| row[1] == token_of(&vid(at as u64 + 1))));
    desk.is_tidy();
}

#[tokio::test]
async fn patience_has_an_end_and_a_second_try_goes_on() {
    let desk = Desk::open(Setup::default()).await;
    desk.file(&file_of(&rows(40)));
    desk.world.mts_faults(json!({"refuse": true})).await;
    let output = desk.import(&["--patience", "2s"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("nothing came of it for too long") && output.stderr.contains("http://127.0.0.1"),
        "{output:?}"
    );
    desk.world.faults_off().await;
    let output = desk.import(&[]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    desk.is_tidy();
}

/// Two at once on one result file would write through each other.
#[tokio::test]
async fn a_result_file_has_one_writer() {
    let desk = Desk::open(Setup { record_micros: 20_000, ..Setup::default() }).await;
    desk.file(&file_of(&rows(120)));
    let mut first = desk.launch(&[]);
    let state: &Path = &desk.at("out.csv.omc-state");
    eventually("it has begun", async || state.exists(), |there| *there).await;
    let second = desk.import(&[]).await;
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("another import is at work"), "{second:?}");
    // Nor does one that begins anew take the place of the first.
    let third = desk.import(&["--restart"]).await;
    assert_eq!(third.code, Some(1));
    assert!(third.stderr.contains("another import is at work"), "{third:?}");
    assert_eq!(first.ended(DEADLINE).await.code(), Some(0), "{:?}", first.tail());
    assert_eq!(desk.results().len(), 120);
    desk.is_tidy();
}

/// A file that somebody puts in the result's place while an import is under way was overwritten.
#[tokio::test]
async fn what_comes_to_the_place_of_the_result_meanwhile_stays() {
    let desk = Desk::open(Setup { record_micros: 10_000, ..Setup::default() }).await;
    desk.file(&file_of(&rows(100)));
    let mut process = desk.launch(&[]);
    desk.world.mts_has_seen(20).await;
    std::fs::write(desk.at("out.csv"), "precious").unwrap();
    assert_eq!(process.ended(DEADLINE).await.code(), Some(1), "{:?}", process.tail());
    let again = desk.import(&[]).await;
    assert!(again.code == Some(1) && again.stderr.contains("is there already"), "{again:?}");
    assert_eq!(std::fs::read_to_string(desk.at("out.csv")).unwrap(), "precious");
    std::fs::remove_file(desk.at("out.csv")).unwrap();
    let output = desk.import(&[]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!((desk.results().len(), number(&desk.world.mts_state().await, "records")), (100, 100));
    desk.is_tidy();
}

/// Whoever may write in the folder had a file of the operator's overwritten, and read what came to it.
#[tokio::test]
async fn a_link_in_the_place_of_a_file_of_ours_is_not_followed() {
    let desk = Desk::open(Setup::default()).await;
    desk.file(&file_of(&rows(3)));
    std::fs::write(desk.at("victim"), "precious").unwrap();
    for name in ["out.csv.omc-draft", "out.csv.omc-state"] {
        std::os::unix::fs::symlink(desk.at("victim"), desk.at(name)).unwrap();
        let output = desk.import(&[]).await;
        assert!(output.code == Some(1) && output.stderr.contains(name), "{output:?}");
        assert_eq!(std::fs::read_to_string(desk.at("victim")).unwrap(), "precious");
        std::fs::remove_file(desk.at(name)).unwrap();
        _ = std::fs::remove_file(desk.at("out.csv.omc-state"));
    }
    assert_eq!(number(&desk.world.mts_state().await, "requests"), 0);
}

#[tokio::test]
async fn what_a_spreadsheet_would_carry_out_is_marked_in_the_result() {
    let desk = Desk::open(Setup::default()).await;
    let cells = ["=1+2", "+12", "-12", "@SUM(1)", "2045"];
    let rows = cells.map(|cell| format!("{cell},,female,1990-01-31,Hill"));
    desk.file(&file_of(&rows));
    let output = desk.import(&[]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let told: Vec<String> = desk.results().into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, ["'=1+2", "'+12", "'-12", "'@SUM(1)", "2045"]);
}

/// A registry whose connector rests, so that only the command writes to it, and whose registrants hold a national ID each.
async fn registry(setup: Setup) -> (Desk, Vec<u64>) {
    let addon = setup.addon;
    let desk = Desk::open(setup).await;
    let odoo = &desk.world.odoo;
    if addon {
        odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
    }
    let persons = json!([["is_registrant", "=", true], ["is_group", "=", false]]);
    let people = odoo.search_read("res.partner", persons, &["id"]).await;
    let people: Vec<u64> = people.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    for person in &people {
        odoo.edit(json!({"registrant": person, "vid": null, "token": null})).await;
        national(&desk, *person, *person).await;
    }
    (desk, people)
}

fn number_of(person: u64) -> String {
    format!("{person:010}")
}

/// Gives a registrant this national ID, and no other.
async fn national(desk: &Desk, person: u64, number: u64) {
    let odoo = &desk.world.odoo;
    let domain = json!([["partner_id", "=", person], ["id_type", "=", 3]]);
    match odoo.search_read("g2p.reg.id", domain, &["id"]).await.first() {
        Some(row) => {
            odoo.write("g2p.reg.id", row["id"].as_u64().unwrap(), json!({"value": number_of(number)})).await;
        }
        None => {
            let row = json!({"partner_id": person, "id_type": 3, "value": number_of(number)});
            odoo.create("g2p.reg.id", row).await;
        }
    }
}

const MATCH: [&str; 2] = ["--match", "National ID=no"];

fn row_of(number: u64, vid: &str) -> String {
    format!("{},{vid},Person,female,1990-01-31,Hill", number_of(number))
}

async fn every_outcome(addon: bool) {
    let setup = Setup { invalid_percent: 0, addon, ..Setup::default() };
    let (mut desk, people) = registry(setup).await;
    let [with_vid, without, other_vid, other_token, twin, ..] = people[..] else { panic!("{people:?}") };
    let odoo = &desk.world.odoo;
    odoo.edit(json!({"registrant": with_vid, "vid": vid(1)})).await;
    odoo.edit(json!({"registrant": other_vid, "vid": vid(99)})).await;
    odoo.edit(json!({"registrant": other_token, "token": "another-token"})).await;
    national(&desk, twin, without).await;
    desk.file(
        format!(
            "no,vid,name,gender,dob,fullAddress\n{}\n{}\n{}\n{}\n{}\n",
            row_of(with_vid, &vid(1)),
            row_of(without, &vid(2)),
            row_of(other_vid, &vid(3)),
            row_of(other_token, &vid(4)),
            row_of(777_777, &vid(5)),
        )
        .as_bytes(),
    );
    let output = desk.import(&MATCH).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let told = |desk: &Desk| -> Vec<[String; 4]> {
        desk.results().into_iter().map(|row| [row[0].clone(), row[1].clone(), row[2].clone(), row[3].clone()]).collect()
    };
    let line = |line: u64, who: Option<u64>, status: &str, code: &str| {
        [line.to_string(), who.map_or_else(String::new, |who| who.to_string()), status.to_owned(), code.to_owned()]
    };
    let expected = [
        line(2, Some(with_vid), "written", ""),
        line(3, None, "unmatched", "OMC-MATCH-002"),
        line(4, Some(other_vid), "unmatched", "OMC-MATCH-003"),
        line(5, Some(other_token), "conflict", "OMC-TOKEN-001"),
        line(6, None, "unmatched", "OMC-MATCH-001"),
    ];
    assert_eq!(told(&desk), expected);
    assert_eq!(number(&desk.world.mts_state().await, "records"), 2, "what is nobody's is not sent");
    assert_eq!(odoo.ids_of(with_vid, 2).await, [token_of(&vid(1))]);
    assert!(odoo.ids_of(with_vid, 1).await.is_empty(), "the same VID is removed");
    assert_eq!(odoo.ids_of(other_vid, 1).await, [vid(99)]);
    assert_eq!(odoo.ids_of(other_token, 2).await, ["another-token"], "never overwritten");
    for person in [without, other_vid, twin] {
        assert!(odoo.ids_of(person, 2).await.is_empty());
    }
    let result = std::fs::read_to_string(desk.at("out.csv")).unwrap();
    for secret in [&vid(1)[..], &number_of(with_vid), &token_of(&vid(1)), "Person"] {
        assert!(!result.contains(secret), "{result}");
    }
    nothing_is_printed_of(&output, &[&vid(1), &vid(99), &number_of(with_vid), &number_of(777_777), &token_of(&vid(1))]);
    desk.is_tidy();

    // In order again, the others get theirs; who has the token keeps it.
    national(&desk, twin, twin).await;
    odoo.edit(json!({"registrant": other_vid, "vid": vid(3)})).await;
    std::fs::remove_file(desk.at("out.csv")).unwrap();
    desk.world.configuration.set("submit.batch_size", "2").write();
    let output = desk.import(&MATCH).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let expected = [
        line(2, Some(with_vid), "already", ""),
        line(3, Some(without), "written", ""),
        line(4, Some(other_vid), "written", ""),
        line(5, Some(other_token), "conflict", "OMC-TOKEN-001"),
        line(6, None, "unmatched", "OMC-MATCH-001"),
    ];
    assert_eq!(told(&desk), expected);
    assert_eq!(desk.world.odoo.ids_of(without, 2).await, [token_of(&vid(2))]);
    assert!(desk.world.odoo.ids_of(other_vid, 1).await.is_empty());
}

#[tokio::test]
async fn registrants_get_their_tokens_through_the_door() {
    every_outcome(true).await;
}

#[tokio::test]
async fn registrants_get_their_tokens_by_plain_calls() {
    every_outcome(false).await;
}

/// Rows that cannot be told apart, or are nobody's, cost nobody else theirs.
async fn whose_row_it_is(addon: bool) {
    let (desk, people) = registry(Setup { invalid_percent: 0, addon, ..Setup::default() }).await;
    let [rivals, twice, group, fine, ..] = people[..] else { panic!("{people:?}") };
    desk.world.odoo.write("res.partner", group, json!({"is_group": true})).await;
    let rows = [
        row_of(rivals, &vid(1)),
        row_of(twice, &vid(2)),
        row_of(rivals, &vid(3)),
        row_of(twice, &vid(2)),
        row_of(group, &vid(4)),
        // No Odoo was ever given such an ID.
        format!("\u{7}{}", row_of(fine, &vid(5))),
        row_of(fine, &vid(6)),
    ];
    desk.file(format!("no,vid,name,gender,dob,fullAddress\n{}\n", rows.join("\n")).as_bytes());
    let output = desk.import(&MATCH).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let told: Vec<[String; 2]> = desk.results().into_iter().map(|row| [row[2].clone(), row[3].clone()]).collect();
    let expected = [
        ["unmatched", "OMC-MATCH-005"],
        ["written", ""],
        ["unmatched", "OMC-MATCH-005"],
        ["already", ""],
        ["unmatched", "OMC-MATCH-001"],
        ["unmatched", "OMC-MATCH-001"],
        ["written", ""],
    ];
    assert_eq!(told, expected);
    let odoo = &desk.world.odoo;
    assert_eq!(odoo.ids_of(twice, 2).await, [token_of(&vid(2))]);
    assert_eq!(odoo.ids_of(fine, 2).await, [token_of(&vid(6))]);
    assert!(odoo.ids_of(rivals, 2).await.is_empty() && odoo.ids_of(group, 2).await.is_empty());
    assert_eq!(number(&desk.world.mts_state().await, "records"), 3, "what is nobody's is not sent");
}

#[tokio::test]
async fn a_row_of_which_it_is_not_certain_whose_it_is_is_nobodys() {
    whose_row_it_is(true).await;
}

#[tokio::test]
async fn a_row_of_which_it_is_not_certain_whose_it_is_is_nobodys_by_plain_calls() {
    whose_row_it_is(false).await;
}

#[tokio::test]
async fn an_id_type_that_odoo_does_not_have_is_told() {
    let desk = Desk::open(Setup::default()).await;
    desk.file(b"no,vid,name,gender,dob,fullAddress\n1,2,3,4,5,6\n");
    let output = desk.import(&["--match", "Passport=no"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("no ID type \"Passport\""), "{output:?}");
}

/// Killed while tokens are written, with Odoo busy and failing: every registrant gets the one token, and nobody's VID goes first.
#[tokio::test]
async fn a_killed_import_into_the_registry_goes_on() {
    let setup = Setup { invalid_percent: 0, record_micros: 4_000, ..Setup::default() };
    let (mut desk, people) = registry(setup).await;
    let rows: Vec<String> = people.iter().map(|person| row_of(*person, &vid(*person))).collect();
    for person in &people {
        desk.world.odoo.edit(json!({"registrant": person, "vid": vid(*person)})).await;
    }
    desk.file(format!("no,vid,name,gender,dob,fullAddress\n{}\n", rows.join("\n")).as_bytes());
    desk.world.configuration.set("submit.batch_size", "2").write();
    let mut chance = Chance::seeded();
    for _ in 0..5 {
        let mut process = desk.launch(&MATCH);
        tokio::time::sleep(chance.millis(100, 600)).await;
        process.kill().await;
    }
    if !desk.at("out.csv").exists() || desk.at("out.csv.omc-state").exists() {
        let output = desk.import(&MATCH).await;
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    for person in &people {
        assert_eq!(desk.world.odoo.ids_of(*person, 2).await, [token_of(&vid(*person))]);
        assert!(desk.world.odoo.ids_of(*person, 1).await.is_empty());
    }
    assert!(desk.results().iter().all(|row| ["written", "already"].contains(&row[2].as_str())), "{:?}", desk.results());
    desk.is_tidy();
}
