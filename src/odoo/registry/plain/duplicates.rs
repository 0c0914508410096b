//! Who shares a token, by plain calls: all tokens of a type are looked at, page by page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::duplicate::Duplicates;
use crate::domain::identity::{IdTypeId, RegistrantId};
use crate::odoo::error::Error;
use crate::odoo::model::Options;
use crate::odoo::wire;

use super::{PARTNER, Plain, READ, REG_ID};

/// Rows of one call: a few hundred kB of its answer.
const PAGE: u32 = 5000;
/// Registrants that are asked after at once.
const ASKED: usize = 2000;

/// Stands for a token in memory, where 200,000 of them take a tenth of what their texts would.
type Mark = [u8; 16];

/// Tokens of one type: who was seen with each.
#[derive(Default)]
struct Seen {
    first: HashMap<Mark, u32>,
    shared: BTreeMap<Mark, BTreeSet<u32>>,
}

impl Seen {
    fn see(&mut self, mark: Mark, registrant: u32) {
        let first = *self.first.entry(mark).or_insert(registrant);
        if first != registrant {
            self.shared.entry(mark).or_insert_with(|| BTreeSet::from([first])).insert(registrant);
        }
    }
}

fn mark(token_type: IdTypeId, token: &str) -> Mark {
    let digest = Sha256::new().chain_update(token_type.0.to_le_bytes()).chain_update(token).finalize();
    let mut mark = Mark::default();
    mark.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    mark
}

impl Plain {
    /// Those who are not archived and share a token of this type within a company.
    pub async fn duplicates(&self, token_type: IdTypeId) -> Result<Vec<Duplicates>, Error> {
        let shared = self.shared(token_type).await?;
        let everybody: BTreeSet<u32> = shared.values().flatten().copied().collect();
        let companies = self.companies(&everybody.into_iter().collect::<Vec<_>>()).await?;
        let mut groups = Vec::new();
        for (mark, registrants) in shared {
            let mut by_company: BTreeMap<Option<u32>, Vec<RegistrantId>> = BTreeMap::new();
            for registrant in registrants {
                if let Some(company) = companies.get(&registrant) {
                    by_company.entry(*company).or_default().push(RegistrantId(registrant));
                }
            }
            let group: String = mark.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            let large = by_company.into_values().filter(|registrants| registrants.len() > 1);
            groups.extend(large.map(|registrants| Duplicates { token_type, group: group.clone(), registrants }));
        }
        Ok(groups)
    }

    async fn shared(&self, token_type: IdTypeId) -> Result<BTreeMap<Mark, BTreeSet<u32>>, Error> {
        let mut seen = Seen::default();
        let mut after = 0;
        loop {
            let domain =
                vec![json!(["id_type", "=", token_type]), json!(["value", "!=", false]), json!(["id", ">", after])];
            let options = Options { order: Some("id"), limit: Some(PAGE), ..Options::default() };
            let rows = self.client.search_read(REG_ID, domain, &["partner_id", "value"], options).await?;
            for row in &rows {
                let number = |name: &'static str| row.get(name).ok_or(wire::unexpected(READ, name));
                // Else an Odoo that gives the same page again and again would be asked for ever.
                let id = wire::id(number("id")?).filter(|id| *id > after);
                after = id.ok_or(wire::unexpected(READ, "ids in their order"))?;
                let token = row.get("value").and_then(Value::as_str).unwrap_or_default();
                // The row of a registrant who is hidden from our user has none.
                if let (false, Some(registrant)) = (token.is_empty(), wire::many2one(number("partner_id")?)) {
                    seen.see(mark(token_type, token), registrant);
                }
            }
            if rows.len() < PAGE as usize {
                return Ok(seen.shared);
            }
        }
    }

    /// The companies of those who are there and not archived.
    async fn companies(&self, registrants: &[u32]) -> Result<BTreeMap<u32, Option<u32>>, Error> {
        let mut companies = BTreeMap::new();
        for asked in registrants.chunks(ASKED) {
            let options = Options { order: Some("id"), ..Options::default() };
            let rows =
                self.client.search_read(PARTNER, vec![json!(["id", "in", asked])], &["company_id"], options).await?;
            for row in rows {
                let id = row.get("id").and_then(wire::id).ok_or(wire::unexpected(READ, "id"))?;
                companies.insert(id, row.get("company_id").and_then(wire::many2one));
            }
        }
        Ok(companies)
    }
}
