//! How results come back.

use super::row::Row;
use crate::domain::connector::Model;
use crate::domain::delivery::{Delivery, FileForm};

pub(super) fn delivery(row: &mut Row<'_>) -> Option<Delivery> {
    let form = form(row);
    match row.text("delivery_type") {
        Some("callback") => match form? {
            FileForm::Json => Some(Delivery::Callback),
            FileForm::Csv => row.problem(
                "output_type",
                "choose JSON, or Download as the delivery: what MTS calls in, OMC takes as JSON only",
            ),
        },
        Some("download") => form.map(Delivery::Download),
        _ => row.problem("delivery_type", "choose Callback or Download; `omc check` tells what your MTS can do"),
    }
}

/// Of a connector of ODK: what comes to OMC comes as a file, so that is fetched, whatever the connector says of it.
pub(super) fn of_odk(row: &mut Row<'_>, model: Model) -> Option<Delivery> {
    let called_in = model == Model::Omc && row.text("delivery_type") == Some("callback");
    if !row.readable("callback_url") {
        return None;
    }
    if called_in && row.text("callback_url").is_some() {
        delivery(row)
    } else {
        Some(Delivery::Download(FileForm::Json))
    }
}

fn form(row: &mut Row<'_>) -> Option<FileForm> {
    let field = "output_type";
    match row.text(field) {
        Some("json") => Some(FileForm::Json),
        Some("csv") => Some(FileForm::Csv),
        _ => row.problem(field, "choose JSON, or CSV"),
    }
}
