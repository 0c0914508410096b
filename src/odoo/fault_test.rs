use super::*;
use crate::odoo::error::Error;

fn fault(code: i64, text: &str) -> Error {
    classify(&Fault { code: FaultCode::Number(code), text: text.to_owned() })
}

/// An exception as Odoo's RPC controller prints it.
fn raised_in_odoo(last_lines: &str) -> Error {
    fault(
        1,
        &format!(
            "Traceback (most recent call last):\n  File \"/srv/odoo/odoo/http.py\", line 1, in dispatch\n    raise KeyError: \
             lookalike\n    ~~~~~^^^^\n{last_lines}\n"
        ),
    )
}

fn failure(last_lines: &str) -> Failure {
    match raised_in_odoo(last_lines) {
        Error::Application(failure) => failure,
        other => panic!("{other:?}"),
    }
}

fn refusal(text: &str) -> Refusal {
    match fault(2, text) {
        Error::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn exceptions_are_told_apart() {
    let some = |name: &str| Some(name.to_owned());
    for (lines, expected) in [
        (
            "psycopg2.OperationalError: connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"nowhere\" does not exist\n",
            Failure::MissingDatabase,
        ),
        (
            "psycopg2.OperationalError: connection to server at \"db\", port 5432 failed: Connection refused\n\tIs the server running?",
            Failure::DatabaseUnavailable,
        ),
        (
            "psycopg2.errors.SerializationFailure: could not serialize access due to concurrent update\n",
            Failure::Contention,
        ),
        (
            "AttributeError: The method 'omc_pull' does not exist on the model 'omc.connector'",
            Failure::MissingMethod { model: some("omc.connector"), method: some("omc_pull") },
        ),
        (
            "ValueError: Invalid field 'given_name' on model 'res.partner'",
            Failure::MissingField { model: some("res.partner"), field: some("given_name") },
        ),
        (
            "ValueError: Invalid field g2p.reg.id.nosuch in leaf ('nosuch', '=', 1)",
            Failure::MissingField { model: some("g2p.reg.id"), field: some("nosuch") },
        ),
        ("ValueError: Invalid leaf ('name', '~=', 'x')", Failure::BadDomain),
        ("ValueError: Domain ['&', ['name', '=', 'x']] is syntactically not correct.", Failure::BadDomain),
        ("ValueError: Wrong value for res.partner.gender: 'Klingon'", Failure::BadValue),
        (
            "psycopg2.errors.NumericValueOutOfRange: integer out of range\nLINE 1: SELECT 1 WHERE id = 5000000000\n              ^\n",
            Failure::BadValue,
        ),
        ("TypeError: cannot marshal None unless allow_none is enabled", Failure::NoReturn),
        ("werkzeug.exceptions.ClientDisconnected: 400 Bad Request: cut off", Failure::RequestStalled),
        ("KeyError: 'nosuch'", Failure::Other),
        ("IndexError: tuple index out of range", Failure::Other),
        ("", Failure::Other),
    ] {
        assert_eq!(failure(lines), expected, "{lines}");
    }
}

#[test]
fn warnings_are_told_apart() {
    for (text, expected) in [
        ("Object omc.connector doesn't exist", Refusal::MissingModel { model: Some("omc.connector".into()) }),
        (
            "Record does not exist or has been deleted.\n(Record: res.partner(13,), User: 2)",
            Refusal::MissingRecord { model: Some("res.partner".into()) },
        ),
        ("ID Type must be unique.", Refusal::IdTypeTaken),
        ("The provided MOSIP UIN TOKEN ID '36482736482736' is invalid.", Refusal::InvalidId),
        (
            "The operation cannot be completed: another model requires the record being deleted. If possible, archive it \
             instead.\n\nModel: Registrant ID (g2p.reg.id)\nConstraint: g2p_reg_id_partner_id_fkey\n",
            Refusal::ForeignKey,
        ),
        (
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n\nModel: Registrant ID \
             (g2p.reg.id)\nField: Registrant (partner_id)\n",
            Refusal::MandatoryField { field: Some("partner_id".into()) },
        ),
        ("Something else about Ana Lima", Refusal::Other),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn a_user_that_is_gone_is_a_lost_login() {
    let gone = "Record does not exist or has been deleted.\n(Record: res.users(999,), User: 999)";
    assert_eq!(fault(2, gone), Error::AccessDenied);
    assert_eq!(fault(3, "Access Denied"), Error::AccessDenied);
}

#[test]
fn missing_rights_name_the_model() {
    let text =
        "You are not allowed to delete 'Registrant ID' (g2p.reg.id) records.\n\nThis operation is allowed for ...";
    assert_eq!(fault(4, text), Error::AccessError { model: Some("g2p.reg.id".into()) });
    let rule = "Uh-oh!\n\nSorry, omc (id=6) doesn't have 'unlink' access to:\n- Connectors (mts.connector)\n";
    assert_eq!(fault(4, rule), Error::AccessError { model: Some("mts.connector".into()) });
    assert_eq!(
        fault(4, "Private methods (such as _search) cannot be called remotely."),
        Error::AccessError { model: None }
    );
}

#[test]
fn the_older_services_textual_codes_are_known() {
    let textual = |code: &str| classify(&Fault { code: FaultCode::Text(code.into()), text: String::new() });
    assert_eq!(textual("AccessDenied"), Error::AccessDenied);
    assert_eq!(textual("warning -- UserError\n\nID Type must be unique."), Error::Refused(Refusal::IdTypeTaken));
    assert_eq!(
        textual("warning -- AccessError\n\nYou are not allowed to access 'Registrant ID' (g2p.reg.id) records."),
        Error::AccessError { model: Some("g2p.reg.id".into()) }
    );
    assert_eq!(textual("anything"), Error::Application(Failure::Other));
}

#[test]
fn nothing_of_the_text_is_kept_but_names() {
    for text in [
        "ValueError: Invalid field 'Ana Lima' on model '20456789'",
        "AttributeError: The method 'x y' does not exist on the model '<b>'",
        "ValueError: Wrong value for res.partner.gender: 'Ana Lima'",
        "psycopg2.errors.NotNullViolation: null value\nDETAIL:  Failing row contains (1, Ana Lima, 20456789).",
    ] {
        let error = raised_in_odoo(text);
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("Ana") && !printed.contains("2045"), "{printed}");
    }
    let long = "x".repeat(65);
    let error = raised_in_odoo(&format!("ValueError: Invalid field '{long}' on model 'res.partner'"));
    assert_eq!(error, Error::Application(Failure::MissingField { model: Some("res.partner".into()), field: None }));
}
