//! The registry's own models beside `res.partner`.

use super::Model;
use super::field::{Compute, Default, Field};

const STATUSES: &[(&str, &str)] = &[("invalid", "Invalid"), ("valid", "Valid")];

pub fn models() -> Vec<Model> {
    vec![
        Model::new(
            "g2p.reg.id",
            "Registrant ID",
            "id desc",
            vec![
                Field::many2one("partner_id", "Registrant", "res.partner").required(),
                Field::many2one("id_type", "ID Type", "g2p.id.type").required(),
                Field::sized("value", "Value", 100),
                Field::date("expiry_date", "Expiry Date"),
                Field::char("id_type_as_str", "Name").computed(Compute::IdTypeName).related("id_type.name"),
                Field::selection("status", "Status", STATUSES),
                Field::char("description", "Description"),
            ],
        ),
        Model::new(
            "g2p.id.type",
            "ID Type",
            "name ASC",
            vec![Field::char("name", "Name"), Field::char("id_validation", "Id Validation")],
        ),
        Model::new(
            "gender.type",
            "Gender Type",
            "id",
            vec![
                Field::char("code", "Code"),
                Field::char("value", "Value"),
                Field::bool("active", "Active").default(Default::True),
            ],
        )
        .named_by(&["code"]),
    ]
}
