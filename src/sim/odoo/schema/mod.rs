//! The models the simulator knows: their fields as `fields_get` tells them, their order, and what is stored where.

mod connector;
mod field;
mod omc;
mod partner;
mod registry;
mod system;

use std::collections::HashMap;

pub use field::{Compute, Default, Field, Kind, Source};

/// Index of a model in the [`Schema`].
pub type ModelId = usize;
/// Index of a field in its [`Model`].
pub type FieldId = usize;

/// One model.
#[derive(Debug)]
pub struct Model {
    pub name: &'static str,
    /// What faults call it.
    pub description: &'static str,
    pub fields: Vec<Field>,
    /// `_order`.
    pub order: &'static str,
    /// The fields `name_search` looks in.
    pub names: &'static [&'static str],
    by_name: HashMap<&'static str, FieldId>,
}

impl Model {
    fn new(name: &'static str, description: &'static str, order: &'static str, fields: Vec<Field>) -> Self {
        Self::extended(name, description, order, fields, Vec::new())
    }

    /// As `new`, with the fields a later addon adds after those every model has.
    fn extended(
        name: &'static str,
        description: &'static str,
        order: &'static str,
        fields: Vec<Field>,
        later: Vec<Field>,
    ) -> Self {
        let mut fields = fields;
        fields.extend(field::magic());
        fields.extend(later);
        let mut column = 0;
        for field in &mut fields {
            if let Source::Column(index) = &mut field.source {
                *index = column;
                column += 1;
            }
        }
        let by_name = fields.iter().enumerate().map(|(index, field)| (field.name, index)).collect();
        Self { name, description, fields, order, names: &["name"], by_name }
    }

    fn named_by(mut self, names: &'static [&'static str]) -> Self {
        self.names = names;
        self
    }

    pub fn field(&self, name: &str) -> Option<FieldId> {
        self.by_name.get(name).copied()
    }

    /// The column a stored field is kept in.
    pub fn column(&self, name: &str) -> Option<usize> {
        match self.fields[self.field(name)?].source {
            Source::Column(column) => Some(column),
            _ => None,
        }
    }
}

/// All models.
#[derive(Debug)]
pub struct Schema {
    pub models: Vec<Model>,
    by_name: HashMap<&'static str, ModelId>,
}

impl Schema {
    /// The schema of a registry, with or without OMC's own addon.
    pub fn new(addon: bool) -> Self {
        let mut models = vec![partner::model()];
        models.extend(registry::models());
        models.extend(system::models());
        models.push(connector::mts());
        if addon {
            models.extend(omc::models());
        }
        let by_name = models.iter().enumerate().map(|(index, model)| (model.name, index)).collect();
        Self { models, by_name }
    }

    pub fn model(&self, name: &str) -> Option<ModelId> {
        self.by_name.get(name).copied()
    }
}
