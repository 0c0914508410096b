//! All tables, and the undo log that makes a request's changes one transaction.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Datelike};

use super::cell::Cell;
use super::row::{Row, Table};
use super::schema::{Compute, FieldId, Kind, ModelId, Schema, Source};

enum Undo {
    Insert(ModelId, i32),
    Change(ModelId, Box<Row>),
}

/// Ids of the models the rest speaks of by name.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub partner: ModelId,
    pub reg_id: ModelId,
    pub id_type: ModelId,
    pub parameter: ModelId,
}

/// Columns that rules and the door read without asking the schema each time.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    pub name: usize,
    pub active: usize,
    pub is_registrant: usize,
    pub is_group: usize,
    pub company: usize,
    pub partner: usize,
    pub id_type: usize,
    pub value: usize,
    pub status: usize,
    pub expiry: usize,
}

/// The database `omc`.
pub struct Database {
    pub schema: Schema,
    pub names: Names,
    pub columns: Columns,
    tables: Vec<Table>,
    undo: Vec<Undo>,
    /// Every VID a registrant ever had, to tell a wrong token from a right one.
    vids: HashMap<i32, Vec<Box<str>>>,
}

impl Database {
    pub fn new(addon: bool) -> Self {
        let schema = Schema::new(addon);
        let mut backs: Vec<Vec<usize>> = vec![Vec::new(); schema.models.len()];
        for model in &schema.models {
            for field in &model.fields {
                if let Kind::One2many(other, back) = field.kind
                    && let Some(other) = schema.model(other)
                    && let Some(column) = schema.models[other].column(back)
                {
                    backs[other].push(column);
                }
            }
        }
        // Looked up by registrant for each reported rejection.
        if let Some(rejection) = schema.model("omc.rejection") {
            backs[rejection].extend(schema.models[rejection].column("partner_id"));
        }
        let tables = backs.iter().map(|columns| Table::with_backs(columns)).collect();
        // The models and columns named here are part of every schema; index 0 would be a bug the tests find.
        let model = |name| schema.model(name).unwrap_or(0);
        let names = Names {
            partner: model("res.partner"),
            reg_id: model("g2p.reg.id"),
            id_type: model("g2p.id.type"),
            parameter: model("ir.config_parameter"),
        };
        let partner = |name| schema.models[names.partner].column(name).unwrap_or(0);
        let reg_id = |name| schema.models[names.reg_id].column(name).unwrap_or(0);
        let columns = Columns {
            name: partner("name"),
            active: partner("active"),
            is_registrant: partner("is_registrant"),
            is_group: partner("is_group"),
            company: partner("company_id"),
            partner: reg_id("partner_id"),
            id_type: reg_id("id_type"),
            value: reg_id("value"),
            status: reg_id("status"),
            expiry: reg_id("expiry_date"),
        };
        Self { schema, names, columns, tables, undo: Vec::new(), vids: HashMap::new() }
    }

    pub fn table(&self, model: ModelId) -> &Table {
        &self.tables[model]
    }

    pub fn row(&self, model: ModelId, id: i32) -> Option<&Row> {
        self.tables[model].get(id)
    }

    pub fn take_id(&mut self, model: ModelId) -> i32 {
        self.tables[model].take_id()
    }

    pub fn insert(&mut self, model: ModelId, row: Row) {
        self.undo.push(Undo::Insert(model, row.id));
        self.tables[model].put(row);
    }

    /// Puts a changed row in place of the one with its id.
    pub fn replace(&mut self, model: ModelId, row: Row) {
        if let Some(old) = self.tables[model].get(row.id) {
            self.undo.push(Undo::Change(model, Box::new(old.clone())));
        }
        self.tables[model].put(row);
    }

    pub fn delete(&mut self, model: ModelId, id: i32) {
        if let Some(old) = self.tables[model].remove(id) {
            self.undo.push(Undo::Change(model, Box::new(old)));
        }
    }

    /// A place to come back to.
    pub fn savepoint(&self) -> usize {
        self.undo.len()
    }

    pub fn rollback_to(&mut self, savepoint: usize) {
        while self.undo.len() > savepoint {
            match self.undo.pop() {
                Some(Undo::Insert(model, id)) => drop(self.tables[model].remove(id)),
                Some(Undo::Change(model, row)) => self.tables[model].put(*row),
                None => return,
            }
        }
    }

    pub fn commit(&mut self) {
        self.undo.clear();
    }

    /// Remembers that this registrant once had this VID.
    pub fn remember_vid(&mut self, partner: i32, vid: &str) {
        let known = self.vids.entry(partner).or_default();
        if !known.iter().any(|one| &**one == vid) {
            known.push(vid.into());
        }
    }

    /// The administrator removed the VID: that it is gone is nobody's fault.
    pub fn forget_vids(&mut self, partner: i32) {
        self.vids.remove(&partner);
    }

    pub fn vids_of(&self, partner: i32) -> &[Box<str>] {
        self.vids.get(&partner).map_or(&[], Vec::as_slice)
    }

    /// The rows of `g2p.reg.id` that belong to this registrant, oldest first.
    pub fn reg_ids(&self, partner: i32) -> &[i32] {
        self.tables[self.names.reg_id].back(self.columns.partner, partner).unwrap_or(&[])
    }

    /// A field's value in the shape of a column, computed where it is not one. Rows that point back are not cells.
    pub fn cell<'a>(&'a self, model: ModelId, row: &'a Row, field: FieldId) -> Cow<'a, Cell> {
        Cow::Owned(match self.schema.models[model].fields[field].source {
            Source::Column(column) => return Cow::Borrowed(row.cell(column)),
            Source::Id => Cell::Ref(row.id),
            Source::CreateUid => Cell::Ref(row.create_uid),
            Source::WriteUid => Cell::Ref(row.write_uid),
            Source::CreateDate => Cell::Time(row.created),
            Source::WriteDate => Cell::Time(row.written),
            Source::Inverse => Cell::Null,
            Source::Computed(Compute::DisplayName) => Cell::text(&self.display_name(model, row)),
            Source::Computed(Compute::CompleteName) => return Cow::Borrowed(row.cell(self.columns.name)),
            Source::Computed(Compute::Zero) => Cell::Int(0),
            Source::Computed(Compute::Age) => self.age(row),
            Source::Computed(Compute::IdTypeName) => row
                .cell(self.columns.id_type)
                .as_ref_id()
                .and_then(|id| self.row(self.names.id_type, id))
                .map_or(Cell::Null, |kind| kind.cell(0).clone()),
        })
    }

    /// What a many2one shows of a row.
    pub fn display_name(&self, model: ModelId, row: &Row) -> String {
        if model == self.names.reg_id {
            // An ID shows the name of whom it belongs to.
            let owner = row.cell(self.columns.partner).as_ref_id().and_then(|id| self.row(self.names.partner, id));
            return owner.map(|owner| self.display_name(self.names.partner, owner)).unwrap_or_default();
        }
        let known = &self.schema.models[model];
        let shown = match known.name {
            "gender.type" => known.column("code"),
            "ir.config_parameter" => known.column("key"),
            _ => known.column("name"),
        };
        match shown.map(|column| row.cell(column)) {
            Some(Cell::Text(name)) => name.to_string(),
            Some(_) => String::new(),
            None => format!("{},{}", known.name, row.id),
        }
    }

    fn age(&self, row: &Row) -> Cell {
        let birthdate = self.schema.models[self.names.partner].column("birthdate").map(|column| row.cell(column));
        let Some(Cell::Date(born)) = birthdate else {
            return Cell::text("No Birthdate!");
        };
        // The age on the day the row was last written: the simulator has no other "today" at hand here.
        let today = DateTime::from_timestamp_micros(row.written).map(|time| time.date_naive());
        let born = chrono::NaiveDate::from_num_days_from_ce_opt(*born);
        match (today, born) {
            (Some(today), Some(born)) => {
                let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
                Cell::text(&(today.year() - born.year() - i32::from(!had_birthday)).to_string())
            }
            _ => Cell::Null,
        }
    }
}
