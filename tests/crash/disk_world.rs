//! A daemon whose store lies on a disk of the test's own, between the simulated Odoo and the test's own MTS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::harness::{Chance, Configuration, Odoo, Setup, arguments, eventually, number};
use super::image::Image;
use super::seeder::Seeder;

pub struct DiskWorld {
    pub odoo: Odoo,
    pub seeder: Seeder,
    pub configuration: Configuration,
    pub folder: TempDir,
}

impl DiskWorld {
    /// With the folder of an [`Image`] that is still to be made.
    pub async fn start(registrants: u32, chance: &mut Chance) -> Self {
        let seeder = Seeder::start(Chance::of(chance.next())).await;
        let setup = Setup { registrants, invalid_percent: 0, seed: chance.next() % 1000, ..Setup::default() };
        let arguments = arguments(&setup, "127.0.0.1:0", &seeder.url);
        let odoo = Odoo::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &setup.password).await;
        let folder = tempfile::tempdir().unwrap();
        let mut configuration = Configuration::new(folder.path(), &odoo.url);
        configuration.set("submit.batch_size", "50").set("odoo.page_size", "100");
        Self { odoo, seeder, configuration, folder }
    }

    /// Has everything that the daemon writes on this disk.
    pub fn lies_on(&mut self, image: &Image) {
        for (key, name) in [("store.path", "store"), ("store.key_file", "key"), ("admin.token_file", "admin-token")] {
            let path = image.at.join(name);
            self.configuration.set(key, &format!("{:?}", path.to_str().unwrap()));
        }
    }

    pub async fn something_is_acknowledged(&self) {
        let acknowledged = async || self.seeder.acknowledged().len();
        eventually("results are acknowledged", acknowledged, |results| *results > 0).await;
    }

    /// Waits until these registrants have these tokens, and looks at the laws.
    pub async fn are_written(&self, tokens: &BTreeMap<u32, String>) {
        let missing = async || {
            let rows =
                self.odoo.search_read("g2p.reg.id", json!([["id_type", "=", 2]]), &["partner_id", "value"]).await;
            let held =
                |row: &Value| (row["partner_id"][0].as_u64().unwrap(), row["value"].as_str().unwrap().to_owned());
            let held: BTreeSet<(u64, String)> = rows.iter().map(held).collect();
            tokens.iter().filter(|(id, token)| !held.contains(&(u64::from(**id), token.to_string()))).count()
        };
        eventually("the acknowledged results are in the registry", missing, |missing| *missing == 0).await;
        self.nothing_is_wrong().await;
    }

    pub async fn all_are_written(&self) {
        let state = async || self.odoo.state().await;
        let missing = |state: &Value| number(state, "missing_tokens");
        eventually("no token is missing", state, |state| missing(state) == 0).await;
        self.nothing_is_wrong().await;
        assert_eq!(self.seeder.needless(), 0, "what was acknowledged was asked for again");
    }

    async fn nothing_is_wrong(&self) {
        let state = self.odoo.state().await;
        for key in ["duplicate_token_rows", "wrong_tokens", "vids_cleared_without_token"] {
            assert_eq!(number(&state, key), 0, "{key}: {state}");
        }
    }
}
