//! The few of Odoo's own models a client of the registry meets.

use super::Model;
use super::field::{Default, Field};

pub fn models() -> Vec<Model> {
    vec![
        Model::new(
            "res.users",
            "User",
            "name, login",
            vec![
                Field::char("name", "Name").required(),
                Field::char("login", "Login").required(),
                Field::bool("active", "Active").default(Default::True),
                Field::many2one("partner_id", "Related Partner", "res.partner").required(),
                Field::many2one("company_id", "Company", "res.company").required().default(Default::Company),
                Field::char("tz", "Timezone"),
            ],
        ),
        Model::new("res.company", "Companies", "id", vec![Field::char("name", "Company Name").required()]),
        Model::new(
            "ir.config_parameter",
            "System Parameter",
            "key",
            vec![Field::char("key", "Key").required(), Field::text("value", "Value").required()],
        )
        .named_by(&["key"]),
    ]
}
