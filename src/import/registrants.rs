//! Rows that are registrants': found by an ID of theirs before they are sent, and given their tokens afterwards.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Stop;
use super::chunk::{Chunk, Desk, Holder, Line};
use super::deeds::{self, Tell};
use super::server::Server;
use super::verdict::{Cause, Verdict};
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::identity::{IdTypeId, RegistrantId};
use crate::domain::vid_rules::{Standing, Treatment, VidRules};
use crate::odoo::registry::{ApplyRefusal, IdRow, Outcome, Registrant, Registry, WriteBack};
use crate::odoo::{self};
use crate::seal::Personal;

/// Times that Odoo is asked again for a registrant on whom somebody else works.
const BUSY: u16 = 8;

/// Holders of one ID who are looked at. More are more than one person, however many of them are groups.
const FEW: usize = 20;

const NOBODY: Cause = Cause::own(
    "OMC-MATCH-001",
    "No registrant of the connector's company holds this ID.",
    "Correct the ID in the file, or enter it on the registrant; archived registrants and groups are not found.",
);
const SEVERAL: Cause = Cause::own(
    "OMC-MATCH-002",
    "More than one registrant holds this ID, and OMC cannot know whose the row is.",
    "Put the registry in order, then import the line again.",
);
const OTHER_VID: Cause = Cause::own(
    "OMC-MATCH-003",
    "The registrant holds another VID than the row has.",
    "Find out which of the two is right; correct the registrant, or the file.",
);
const CHANGED: Cause = Cause::own(
    "OMC-MATCH-004",
    "The registrant, or the registrant's VID, was changed while MTS was at work; nothing was written.",
    "Import the line again.",
);

pub(super) const RIVALS: Cause = Cause::own(
    "OMC-MATCH-005",
    "Rows of the file have different VIDs for this ID, and OMC cannot know which is the registrant's.",
    "Find out which is right, take the others out of the file, then import it again.",
);

/// The registry, for rows that are matched by IDs of one type.
pub struct Registrants<'a> {
    pub registry: &'a Registry,
    pub connector: &'a Connector,
    pub id_type: IdTypeId,
    /// How VIDs are looked at before they are sent.
    pub rules: VidRules,
    /// Has the audit told of what is written, removed and refused; `None`: nobody wants to know.
    pub tell: Option<Tell>,
}

impl Desk<'_> {
    /// Notes of which registrants VIDs are about to be removed, for the audit: a kill may come before the answer.
    pub(super) fn announce(&self, chunk: &Chunk, registrants: &Registrants<'_>) -> Result<(), Stop> {
        let removes = |line: &Line| result(line).is_some_and(|result| result.vid_row.is_some());
        let rows: Vec<usize> = (0..chunk.lines.len()).filter(|at| removes(&chunk.lines[*at])).collect();
        if registrants.tell.is_some() && registrants.connector.remove_vid && !rows.is_empty() {
            self.journal().writing(chunk.number, &rows)?;
        }
        Ok(())
    }
}

impl Registrants<'_> {
    /// Finds the registrants of these rows. Rows that are nobody's, or not one person's, get their verdict.
    pub(super) async fn find(&self, lines: &mut [Line], server: &Server) -> Result<(), Stop> {
        let values: BTreeSet<&str> =
            lines.iter().filter_map(|line| line.matched.as_ref()).map(|id| id.expose().as_str()).collect();
        let values: Vec<Personal<String>> =
            values.into_iter().filter(|value| !value.is_empty()).map(|value| Personal::new(value.to_owned())).collect();
        let found = asked(server, || self.registry.holders(self.connector, self.id_type, &values)).await?;
        let mut holders: HashMap<Personal<String>, BTreeSet<RegistrantId>> = HashMap::new();
        for (registrant, value) in found {
            holders.entry(value).or_default().insert(registrant);
        }
        let few = holders.values().filter(|who| who.len() <= FEW);
        let ids: BTreeSet<RegistrantId> = few.flatten().copied().collect();
        let ids: Vec<RegistrantId> = ids.into_iter().collect();
        let read = asked(server, || self.registry.read(self.connector, &ids, true)).await?;
        // A token is a person's.
        let people = read.into_iter().filter(|found| !found.is_group);
        let people: BTreeMap<RegistrantId, Registrant> = people.map(|found| (found.id, found)).collect();
        for line in lines {
            let all = line.matched.as_ref().and_then(|id| holders.get(id));
            let who: Vec<&Registrant> = all.into_iter().flatten().filter_map(|id| people.get(id)).collect();
            let refused = match who.as_slice() {
                _ if all.is_some_and(|all| all.len() > FEW) => Some(("unmatched", SEVERAL)),
                [] => Some(("unmatched", NOBODY)),
                [_, _, ..] => Some(("unmatched", SEVERAL)),
                [registrant] => {
                    let vid = registrant.vids.iter().find(|vid| vid.value.expose().trim() == line.vid.expose());
                    let other = vid.is_none() && !registrant.vids.is_empty();
                    line.holder = Some(Holder { registrant: registrant.id, vid: vid.cloned() });
                    let refused = vid.and_then(|vid| self.refused(vid, server)).map(|code| ("invalid", code.into()));
                    other.then_some(("unmatched", OTHER_VID)).or(refused)
                }
            };
            // What is wrong with the row itself is told first.
            if let (Some((status, cause)), None) = (refused, &line.verdict) {
                line.verdict = Some(Verdict::refused(status, cause));
            }
            if let (Some(verdict), Some(holder)) = (&mut line.verdict, &line.holder) {
                verdict.registrant = Some(holder.registrant);
            }
        }
        Ok(())
    }

    /// What the registry itself says against a VID.
    fn refused(&self, vid: &IdRow, server: &Server) -> Option<Code> {
        let today = server.clock.now().date_naive();
        let invalid = vid.status.as_deref() == Some("invalid");
        let standing = Standing { invalid, expired: vid.expiry_date.is_some_and(|until| until < today) };
        match self.rules.doubt(vid.value.expose().trim(), standing) {
            Some((doubt, Treatment::Refuse)) => Some(doubt.code()),
            _ => None,
        }
    }

    /// Gives the registrants of these rows their tokens.
    pub(super) async fn write(&self, lines: &mut [Line], server: &Server) -> Result<(), Stop> {
        let mut open: Vec<usize> = (0..lines.len()).filter(|at| result(&lines[*at]).is_some()).collect();
        let mut tries = 0;
        while !open.is_empty() {
            // One result of a registrant at a time.
            let mut seen = BTreeSet::new();
            let (now, mut later): (Vec<usize>, Vec<usize>) = open
                .iter()
                .partition(|at| lines[**at].holder.as_ref().is_some_and(|holder| seen.insert(holder.registrant)));
            let results: Vec<WriteBack> = now.iter().filter_map(|at| result(&lines[*at])).collect();
            let vids: BTreeMap<RegistrantId, &Personal<String>> =
                results.iter().zip(&now).map(|(result, at)| (result.registrant, &lines[*at].vid)).collect();
            let matches = |registrant, value: &Personal<String>| {
                vids.get(&registrant).is_some_and(|vid| vid.expose() == value.expose().trim())
            };
            let outcomes = asked(server, || self.registry.apply(self.connector, &results, &matches)).await?;
            drop(vids);
            let mut busy = false;
            for (at, outcome) in now.into_iter().zip(outcomes) {
                let registrant = lines[at].holder.as_ref().map(|holder| holder.registrant);
                lines[at].vid_removed |=
                    matches!(outcome, Outcome::Written { vid_removed: true } | Outcome::Already { vid_removed: true });
                match verdict(outcome, tries >= BUSY) {
                    Some(verdict) => lines[at].verdict = Some(Verdict { registrant, ..verdict }),
                    None => {
                        busy = true;
                        later.push(at);
                    }
                }
            }
            server.progressed();
            if busy {
                tries += 1;
                server.pause(tries, "somebody else works on registrants in Odoo").await?;
            }
            later.sort_unstable();
            open = later;
        }
        Ok(())
    }

    /// Has the audit told of these rows. `writing` are those that a start before this one may have written.
    pub(super) async fn tell(&self, lines: &[Line], writing: &[usize], server: &Server) -> Result<(), Stop> {
        let Some(tell) = &self.tell else { return Ok(()) };
        let events = deeds::of(lines, writing, self.connector.id, server.clock.now());
        for part in events.chunks(deeds::AT_ONCE) {
            let mut failures = 0;
            while let Err(trouble) = tell(part.to_vec()).await {
                failures += 1;
                server.pause(failures, &trouble).await?;
            }
            server.progressed();
        }
        Ok(())
    }
}

/// Asks Odoo until it answers, or for as long as patience lasts. What Odoo refuses is refused.
async fn asked<T, F>(server: &Server, mut call: impl FnMut() -> F) -> Result<T, Stop>
where
    F: Future<Output = Result<T, odoo::Error>>,
{
    let mut failures = 0;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.concerns_every_call() && !error.is_login() => {
                failures += 1;
                server.pause(failures, &error.to_string()).await?;
            }
            Err(error) => return Err(Stop::Odoo(error)),
        }
    }
}

/// The token of a row, for its registrant.
fn result(line: &Line) -> Option<WriteBack> {
    let (token, holder) = (line.verdict.as_ref()?.token.as_ref()?, line.holder.as_ref()?);
    Some(WriteBack {
        registrant: holder.registrant,
        token: token.clone(),
        vid_row: holder.vid.as_ref().map(|vid| vid.row),
        vid_written: holder.vid.as_ref().map(|vid| vid.written_text.clone()),
        values: None,
    })
}

/// What became of a token; `None`: it is to be tried again.
fn verdict(outcome: Outcome, last: bool) -> Option<Verdict> {
    let told = |status| Verdict { status, token: None, cause: None, registrant: None };
    Some(match outcome {
        Outcome::Written { .. } => told("written"),
        Outcome::Already { .. } => told("already"),
        // The token is there; its VID is for the clean-up.
        Outcome::TokenWritten(_) if last => told("written"),
        Outcome::Busy if last => Verdict::refused("error", Code::NOT_WRITTEN),
        Outcome::TokenWritten(_) | Outcome::Busy => return None,
        Outcome::Conflict => Verdict::refused("conflict", Code::OTHER_TOKEN),
        Outcome::Superseded => Verdict::refused("error", CHANGED),
        Outcome::Refused(ApplyRefusal::TokenEmpty | ApplyRefusal::TokenTooLong) => {
            Verdict::refused("error", Code::TOKEN_NOT_STORABLE)
        }
        Outcome::Refused(_) => Verdict::refused("error", Code::TOKEN_REFUSED),
    })
}
