//! What must hold after every operation, and what must have become of everybody once nothing goes wrong any more.

use omc::domain::code::Code;
use omc::domain::record::{Record, State};

use crate::mts;
use crate::odoo::{Odoo, PEOPLE, TOKEN_TYPE, VID_TYPE, token_of};
use crate::operation::{Edit, History, Part, Twist};
use crate::servers::Servers;
use crate::world::{Grounds, MAX_IN_FLIGHT, PAGE, Step, World, under_way};

/// Rounds of a minute after which nobody may still be under way: an answer is waited for ten minutes at most.
const ROUNDS: usize = 40;
/// Steps in a row after which nothing may be left to do at once.
const SPINS: usize = 100;

/// Lives a history through; tells what broke a law, and when.
pub async fn live(grounds: &mut Grounds, history: &History) -> Result<(), String> {
    let mut world = World::new(grounds, history).await;
    let mut outcome = Ok(());
    for (place, op) in history.operations.iter().enumerate() {
        world.carry_out(*op).await;
        outcome = after_each(&world).map_err(|broken| format!("after operation {place}, {op:?}: {broken}"));
        if outcome.is_err() {
            break;
        }
    }
    if outcome.is_ok() {
        outcome = at_the_end(&mut world).await.map_err(|broken| format!("at the end: {broken}"));
    }
    world.end().await;
    outcome
}

fn after_each(world: &World<'_>) -> Result<(), String> {
    let servers = world.servers();
    let script = servers.script();
    if let Some(violation) = script.odoo.violations.first() {
        return Err(violation.clone());
    }
    for person in PEOPLE {
        if script.odoo.rows(person, TOKEN_TYPE).len() > 1 {
            return Err(format!("law 2: {person} holds two tokens"));
        }
    }
    drop(script);
    for (connector, open) in under_way(&world.worker()) {
        if open >= MAX_IN_FLIGHT + u64::from(PAGE) {
            return Err(format!("law 7: {open} records of connector {connector} are under way"));
        }
    }
    Ok(())
}

async fn at_the_end(world: &mut World<'_>) -> Result<(), String> {
    world.stop_faults().await;
    let servers = world.servers();
    // Some are sick by themselves: nobody else waits for them.
    let sick = {
        let script = servers.script();
        [script.mts.poison, script.odoo.unreadable]
    };
    drive(world, &sick).await.map_err(|broken| format!("with single people failing: {broken}"))?;
    {
        let mut script = servers.script();
        (script.mts.poison, script.odoo.unreadable) = (None, None);
        sick.into_iter().flatten().for_each(|person| script.odoo.edit(person, Edit::Mend));
    }
    world.requeue();
    drive(world, &[None, None]).await?;
    let records = world.records();
    if let Some(record) = records.iter().find(|record| matches!(record.state, State::Abandoned { .. })) {
        return Err(format!("law 3: {} is given up though nothing fails", record.key.registrant));
    }
    Ok(())
}

/// Goes on until nothing is under way but the sick; then everybody is looked at once more, and again.
async fn drive(world: &mut World<'_>, sick: &[Option<u32>]) -> Result<(), String> {
    settle(world, sick).await?;
    (0..2).for_each(|which| world.begin_by_hand(which));
    settle(world, sick).await?;
    // Whatever failed before is tried again by then.
    world.pass(11);
    world.step(Step::CleanUp, 0).await;
    settle(world, sick).await?;
    for which in 0..2 {
        world.step(Step::Report, which).await;
    }
    after_each(world)?;
    let is_sick = |person: u32| sick.contains(&Some(person));
    let members = |batch: &omc::domain::batch::Batch| world.worker().store.members(batch.id);
    let batches = world.worker().store.batches();
    if let Some(batch) = batches.iter().find(|batch| members(batch).iter().all(|key| !is_sick(key.registrant.0))) {
        return Err(format!("the store keeps the batch {} of {:?}", batch.id.0, members(batch)));
    }
    everybody(world, is_sick)
}

async fn settle(world: &mut World<'_>, sick: &[Option<u32>]) -> Result<(), String> {
    let is_sick = |person: u32| sick.contains(&Some(person));
    for _ in 0..ROUNDS {
        let mut turns = 0;
        while world.round().await | deliver_all(&world.servers()).await {
            turns += 1;
            if turns > SPINS {
                return Err("law 7: something is done over and over without a pause".to_owned());
            }
        }
        after_each(world)?;
        let busy = world.records().iter().any(|record| is_open(record) && !is_sick(record.key.registrant.0));
        if !busy && !world.pulls() {
            return Ok(());
        }
        world.pass(61);
    }
    match world.records().iter().find(|record| is_open(record) && !is_sick(record.key.registrant.0)) {
        Some(record) => Err(format!("law 3: {} is still {}", record.key.registrant, record.state.name())),
        None => Err("law 3: a run still pulls".to_owned()),
    }
}

/// Given up, or found out as the one that MTS fails on: until somebody opens it again.
fn is_given_up(state: &State) -> bool {
    matches!(state, State::Abandoned { .. }) || matches!(state, State::Rejected { code } if *code == Code::FAILS_ALONE)
}

fn is_open(record: &Record) -> bool {
    !matches!(record.state, State::Rejected { .. } | State::Abandoned { .. })
}

/// MTS works as it should; tells whether it had anything to do.
async fn deliver_all(servers: &Servers) -> bool {
    let waiting: Vec<u8> = {
        let script = servers.script();
        let many = script.mts.jobs.len();
        let owed = |job: &mts::Job| {
            matches!(job.state, mts::State::Queued | mts::State::Processed)
                && !job.pending.is_empty()
                && job.file.is_none()
        };
        (0..many).rev().filter(|at| owed(&script.mts.jobs[*at])).map(|at| (many - 1 - at) as u8).collect()
    };
    for number in &waiting {
        servers.deliver(*number, Part::All, Twist::Plain).await;
    }
    !waiting.is_empty()
}

/// Whoever can have a token has it, and a VID that gave it is gone.
fn everybody(world: &World<'_>, is_sick: impl Fn(u32) -> bool) -> Result<(), String> {
    let servers = world.servers();
    let script = servers.script();
    let records = world.records();
    for person in script.odoo.people.keys().copied().filter(|person| !is_sick(*person)) {
        let given_up = records.iter().any(|record| record.key.registrant.0 == person && is_given_up(&record.state));
        let Some(vid) = acceptable(&script.odoo, world, person).filter(|_| !given_up) else { continue };
        let tokens: Vec<String> =
            script.odoo.rows(person, TOKEN_TYPE).iter().map(|(_, row)| row.value.clone()).collect();
        if tokens.is_empty() {
            return Err(format!("law 3: {person} is acceptable and holds no token; {:?}", states(&records, person)));
        }
        if tokens == [token_of(&vid)] {
            return Err(format!("{person} keeps the VID that gave the token; {:?}", states(&records, person)));
        }
    }
    Ok(())
}

fn states(records: &[Record], person: u32) -> Vec<&State> {
    records.iter().filter(|record| record.key.registrant.0 == person).map(|record| &record.state).collect()
}

/// The one VID of somebody whom a connector means and MTS takes.
fn acceptable(odoo: &Odoo, world: &World<'_>, person: u32) -> Option<String> {
    let known = &odoo.people[&person];
    let meant = world.connectors().iter().any(|connector| odoo.matches(person, connector.filter.terms()));
    let vids = odoo.rows(person, VID_TYPE);
    let usable: Vec<_> = vids.iter().filter(|(_, row)| !row.value.contains(' ')).collect();
    let [(_, vid)] = usable.as_slice() else { return None };
    (meant && known.active && !known.name.is_empty() && !mts::is_refused(&vid.value)).then(|| vid.value.clone())
}
