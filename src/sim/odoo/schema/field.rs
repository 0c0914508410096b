//! One field of a model.

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Char {
        size: Option<usize>,
    },
    Text,
    Html,
    Integer,
    Float,
    Boolean,
    Date,
    Datetime,
    Binary,
    Selection(&'static [(&'static str, &'static str)]),
    Many2one(&'static str),
    /// The other model and its many2one back.
    One2many(&'static str, &'static str),
    Many2many(&'static str),
}

impl Kind {
    /// The type's name in `fields_get`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Char { .. } => "char",
            Self::Text => "text",
            Self::Html => "html",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Binary => "binary",
            Self::Selection(_) => "selection",
            Self::Many2one(_) => "many2one",
            Self::One2many(..) => "one2many",
            Self::Many2many(_) => "many2many",
        }
    }

    pub fn relation(&self) -> Option<&'static str> {
        match self {
            Self::Many2one(model) | Self::One2many(model, _) | Self::Many2many(model) => Some(model),
            _ => None,
        }
    }
}

/// Where a field's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Id,
    CreateUid,
    CreateDate,
    WriteUid,
    WriteDate,
    /// A column of the row.
    Column(usize),
    /// The rows that point back.
    Inverse,
    Computed(Compute),
}

/// The computed fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compute {
    DisplayName,
    /// Stored and indexed in Odoo; here made from the name.
    CompleteName,
    Age,
    IdTypeName,
    Zero,
}

/// What a field gets when `create` does not name it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    None,
    Text(&'static str),
    Int(i64),
    True,
    /// The first company.
    Company,
    Today,
}

/// A field and what `fields_get` says of it.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub readonly: bool,
    pub default: Default,
    pub related: Option<&'static str>,
    pub source: Source,
}

impl Field {
    fn of(name: &'static str, label: &'static str, kind: Kind) -> Self {
        let source = if matches!(kind, Kind::One2many(..)) { Source::Inverse } else { Source::Column(0) };
        Self { name, label, kind, required: false, readonly: false, default: Default::None, related: None, source }
    }

    pub fn char(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Char { size: None })
    }

    pub fn sized(name: &'static str, label: &'static str, size: usize) -> Self {
        Self::of(name, label, Kind::Char { size: Some(size) })
    }

    pub fn text(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Text)
    }

    pub fn html(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Html)
    }

    pub fn int(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Integer)
    }

    pub fn float(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Float)
    }

    pub fn bool(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Boolean)
    }

    pub fn date(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Date)
    }

    pub fn datetime(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Datetime)
    }

    pub fn binary(name: &'static str, label: &'static str) -> Self {
        Self::of(name, label, Kind::Binary)
    }

    pub fn selection(
        name: &'static str,
        label: &'static str,
        options: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::of(name, label, Kind::Selection(options))
    }

    pub fn many2one(name: &'static str, label: &'static str, model: &'static str) -> Self {
        Self::of(name, label, Kind::Many2one(model))
    }

    pub fn one2many(name: &'static str, label: &'static str, model: &'static str, back: &'static str) -> Self {
        Self::of(name, label, Kind::One2many(model, back))
    }

    pub fn many2many(name: &'static str, label: &'static str, model: &'static str) -> Self {
        Self::of(name, label, Kind::Many2many(model))
    }

    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub fn default(mut self, default: Default) -> Self {
        self.default = default;
        self
    }

    pub fn computed(mut self, compute: Compute) -> Self {
        self.source = Source::Computed(compute);
        self.readonly = true;
        self
    }

    pub fn related(mut self, path: &'static str) -> Self {
        self.related = Some(path);
        self
    }

    /// Whether `fields_get` calls it stored.
    pub fn stored(&self) -> bool {
        !matches!(self.source, Source::Computed(compute) if compute != Compute::CompleteName)
    }

    /// Whether a caller may write it.
    pub fn writable(&self) -> bool {
        matches!(self.source, Source::Column(_) | Source::Inverse)
    }
}

/// The fields every model has, in Odoo's order.
pub fn magic() -> Vec<Field> {
    let fixed = |field: Field, source| Field { source, readonly: true, ..field };
    vec![
        fixed(Field::int("id", "ID"), Source::Id),
        Field::char("display_name", "Display Name").computed(Compute::DisplayName),
        fixed(Field::many2one("create_uid", "Created by", "res.users"), Source::CreateUid),
        fixed(Field::datetime("create_date", "Created on"), Source::CreateDate),
        fixed(Field::many2one("write_uid", "Last Updated by", "res.users"), Source::WriteUid),
        fixed(Field::datetime("write_date", "Last Updated on"), Source::WriteDate),
    ]
}
