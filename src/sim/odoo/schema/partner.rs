//! `res.partner` as the registry's addons leave it. Columns that most registrants fill come first: a row ends at its last
//! filled column.

use super::Model;
use super::field::{Compute, Default, Field};

const GENDERS: &[(&str, &str)] = &[("Male", "Male"), ("Female", "Female"), ("Other", "Other")];
const LANGUAGES: &[(&str, &str)] = &[("en_US", "English (US)")];
const KINDS: &[(&str, &str)] = &[
    ("contact", "Contact"),
    ("invoice", "Invoice Address"),
    ("delivery", "Delivery Address"),
    ("other", "Other Address"),
];

pub fn model() -> Model {
    let fields = vec![
        Field::char("name", "Name"),
        Field::bool("active", "Active").default(Default::True),
        Field::bool("is_registrant", "Registrant"),
        Field::bool("is_group", "Group"),
        Field::many2one("company_id", "Company", "res.company").required().default(Default::Company),
        Field::selection("lang", "Language", LANGUAGES).default(Default::Text("en_US")),
        Field::selection("type", "Address Type", KINDS).default(Default::Text("contact")),
        Field::date("registration_date", "Registration Date").default(Default::Today),
        Field::char("given_name", "Given Name"),
        Field::char("family_name", "Family Name"),
        Field::selection("gender", "Gender", GENDERS),
        Field::date("birthdate", "Date of Birth"),
        Field::text("address", "Address"),
        Field::char("phone", "Phone"),
        Field::char("email", "Email"),
        Field::char("addl_name", "Additional Name"),
        Field::char("ref", "Reference"),
        Field::float("income", "Income"),
        Field::char("mobile", "Mobile"),
        Field::char("civil_status", "CivilState"),
        Field::char("occupation", "Occupation"),
        Field::char("birth_place", "Birth Place"),
        Field::bool("birthdate_not_exact", "Approximate Birthdate"),
        Field::datetime("disabled", "Date Disabled"),
        Field::text("disabled_reason", "Reason for Disabling"),
        Field::many2one("disabled_by", "Disabled By", "res.users"),
        Field::html("comment", "Notes"),
        Field::int("color", "Color Index"),
        Field::float("partner_latitude", "Geo Latitude"),
        Field::float("partner_longitude", "Geo Longitude"),
        Field::many2one("parent_id", "Related Company", "res.partner"),
        Field::one2many("child_ids", "Contact", "res.partner", "parent_id"),
        Field::char("street", "Street"),
        Field::char("street2", "Street2"),
        Field::char("city", "City"),
        Field::char("zip", "Zip"),
        Field::char("vat", "Tax ID"),
        Field::char("website", "Website Link"),
        Field::char("function", "Job Position"),
        Field::bool("is_company", "Is a Company"),
        Field::bool("employee", "Employee"),
        Field::many2one("user_id", "Salesperson", "res.users"),
        Field::many2many("category_id", "Tags", "res.partner.category"),
        Field::many2many("tags_ids", "Tags", "g2p.registrant.tags"),
        Field::binary("image_1920", "Image"),
        Field::binary("image_128", "Image 128"),
        Field::one2many("reg_ids", "Registrant IDs", "g2p.reg.id", "partner_id"),
        Field::char("complete_name", "Complete Name").computed(Compute::CompleteName),
        Field::sized("age", "Age", 50).computed(Compute::Age),
        Field::int("z_ind_grp_num_individuals", "Number of individuals").computed(Compute::Zero),
    ];
    Model::new("res.partner", "Contact", "complete_name ASC, id DESC", fields).named_by(&[
        "complete_name",
        "email",
        "ref",
        "vat",
    ])
}
