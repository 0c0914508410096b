//! The methods that every Odoo model has, typed.

use serde_json::{Map, Value, json};

use super::client::{Answered, Client};
use super::error::Error;
use super::wire::{self, Record};

/// How to search and read. The default reads many2one fields as bare ids and leaves archived records out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Always worth giving: a model's own order may be slow, and is no order to page by.
    pub order: Option<&'a str>,
    /// At most so many; zero answers nothing (in Odoo it would be no limit).
    pub limit: Option<u32>,
    /// Reads a many2one as `[id, name]`. Twice as slow.
    pub names: bool,
    /// Finds archived records too.
    pub archived: bool,
}

impl Options<'_> {
    fn searching(self) -> Map<String, Value> {
        let mut kwargs = Map::new();
        if let Some(order) = self.order {
            kwargs.insert("order".into(), order.into());
        }
        if let Some(limit) = self.limit {
            kwargs.insert("limit".into(), limit.into());
        }
        if self.archived {
            kwargs.insert("context".into(), json!({"active_test": false}));
        }
        kwargs
    }

    fn reading(self, fields: &[&str], mut kwargs: Map<String, Value>) -> Map<String, Value> {
        // An empty list would mean all fields, images among them.
        let fields = if fields.is_empty() { &["id"] } else { fields };
        kwargs.insert("fields".into(), fields.into());
        if !self.names {
            kwargs.insert("load".into(), false.into());
        }
        kwargs
    }
}

impl Client {
    /// The ids that match a domain.
    pub async fn search(&self, model: &str, domain: Vec<Value>, options: Options<'_>) -> Result<Vec<u32>, Error> {
        if options.limit == Some(0) {
            return Ok(Vec::new());
        }
        Ok(self.search_timed(model, domain, options).await?.0)
    }

    /// As [`Self::search`], with the whole answer for its time.
    pub(super) async fn search_timed(
        &self,
        model: &str,
        domain: Vec<Value>,
        options: Options<'_>,
    ) -> Result<(Vec<u32>, Answered), Error> {
        let answer = self.execute_timed(model, "search", vec![Value::Array(domain)], options.searching()).await?;
        let ids = wire::ids(&answer.value).ok_or(wire::unexpected("search", "a list of ids"))?;
        Ok((ids, answer))
    }

    /// The records that match a domain. `id` is always among the fields.
    pub async fn search_read(
        &self,
        model: &str,
        domain: Vec<Value>,
        fields: &[&str],
        options: Options<'_>,
    ) -> Result<Vec<Record>, Error> {
        if options.limit == Some(0) {
            return Ok(Vec::new());
        }
        let kwargs = options.reading(fields, options.searching());
        wire::records(self.execute_kw(model, "search_read", vec![Value::Array(domain)], kwargs).await?, "search_read")
    }

    /// Records by id. Those that are gone are left out, without an error.
    pub async fn read(
        &self,
        model: &str,
        ids: &[u32],
        fields: &[&str],
        options: Options<'_>,
    ) -> Result<Vec<Record>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let kwargs = options.reading(fields, Map::new());
        wire::records(self.execute_kw(model, "read", vec![ids.into()], kwargs).await?, "read")
    }

    pub async fn search_count(&self, model: &str, domain: Vec<Value>, options: Options<'_>) -> Result<u64, Error> {
        let options = Options { order: None, limit: None, ..options };
        let count = self.execute_kw(model, "search_count", vec![Value::Array(domain)], options.searching()).await?;
        count.as_u64().ok_or(wire::unexpected("search_count", "a number"))
    }

    /// Creates records in one transaction: all, or none. The ids come in the order of the values.
    pub async fn create(&self, model: &str, values: Vec<Value>) -> Result<Vec<u32>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let asked = values.len();
        let created = self.execute_kw(model, "create", vec![Value::Array(values)], Map::new()).await?;
        wire::ids(&created).filter(|ids| ids.len() == asked).ok_or(wire::unexpected("create", "an id for each record"))
    }

    /// Writes the same values to all these records, in one transaction.
    pub async fn write(&self, model: &str, ids: &[u32], values: Record) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        self.execute_kw(model, "write", vec![ids.into(), Value::Object(values)], Map::new()).await?;
        Ok(())
    }

    /// Deletes records, in one transaction: a single one that is gone fails all.
    pub async fn unlink(&self, model: &str, ids: &[u32]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        self.execute_kw(model, "unlink", vec![ids.into()], Map::new()).await?;
        Ok(())
    }

    /// The fields of a model with these attributes of each (`type`, `store`, `relation`, ...).
    pub async fn fields_get(&self, model: &str, attributes: &[&str]) -> Result<Record, Error> {
        let kwargs = Map::from_iter([("attributes".to_owned(), attributes.into())]);
        match self.execute_kw(model, "fields_get", Vec::new(), kwargs).await? {
            Value::Object(fields) => Ok(fields),
            _ => Err(wire::unexpected("fields_get", "a description of each field")),
        }
    }
}
