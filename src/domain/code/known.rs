//! The codes OMC knows: MTS's own (`ATS-REQ-*`), those of the authentication library inside MTS (`AUT_*`), and those of MOSIP
//! ID Authentication (`IDA-*`) that a demographic authentication can end in.

use super::Class;
use super::Class::{Person, System};

/// A code, or with a trailing `*` a family of them, in the words of the administrator.
pub(super) struct Known {
    code: &'static str,
    pub(super) class: Class,
    pub(super) reason: &'static str,
    pub(super) remedy: &'static str,
}

/// The entry of a code; of several families the first.
pub(super) fn find(code: &str) -> Option<&'static Known> {
    let exact = KNOWN.iter().find(|known| known.code == code);
    exact.or_else(|| {
        KNOWN.iter().find(|known| known.code.strip_suffix('*').is_some_and(|family| code.starts_with(family)))
    })
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static Known)> {
    KNOWN.iter().map(|known| (known.code, known))
}

const fn known(code: &'static str, class: Class, reason: &'static str, remedy: &'static str) -> Known {
    Known { code, class, reason, remedy }
}

const FILL_IN: &str = "Fill the mapped field in on the registrant, or correct the connector's mapping; the record is then sent again by itself.";
const CORRECT_VID: &str =
    "Ask the person for a current VID and correct it on the registrant; the record is then sent again by itself.";
const COMPARE: &str = "Compare the registrant's data with the person's MOSIP identity and correct it; the record is then sent again by itself.";
const WAIT: &str = "Nothing to do on the registrant: OMC tries again by itself.";
const ASK_MOSIP: &str = "Nothing to do on the registrant. Have the operator of MTS check its keys, certificates, licence and policy at MOSIP; OMC tries again by itself.";
const ASK_MTS: &str =
    "Nothing to do on the registrant. Check the connector and the configuration of MTS; OMC tries again by itself.";
const ASK_IDENTITY: &str = "The person's MOSIP identity does not allow this at present; the person must have it put right at MOSIP. Requeue the record afterwards.";

static KNOWN: &[Known] = &[
    // Ours.
    known(
        "OMC-VID-001",
        Person,
        "The registrant has more than one usable VID, and OMC cannot know which one counts.",
        "Remove the VIDs that do not count, or mark them invalid; the record is then sent by itself.",
    ),
    known("OMC-VID-002", Person, "The registrant's VID has expired.", CORRECT_VID),
    known("OMC-VID-003", Person, "The registrant's VID is marked invalid in the registry.", CORRECT_VID),
    known(
        "OMC-VID-004",
        Person,
        "The registrant's VID is empty, too long, or holds blanks or control characters.",
        CORRECT_VID,
    ),
    known(
        "OMC-VID-005",
        Person,
        "The registrant's VID has not the form of this country's VIDs: another number of digits, other characters, or a first digit of 0 or 1.",
        CORRECT_VID,
    ),
    known(
        "OMC-VID-006",
        Person,
        "The check digit of the registrant's VID is wrong: most likely a digit was mistyped.",
        CORRECT_VID,
    ),
    known(
        "OMC-DATA-001",
        Person,
        "A mapped value is encrypted in the registry, so OMC cannot read it.",
        "Let the daemon's Odoo user read the decrypted values, or map fields that are not encrypted; then requeue the record.",
    ),
    known(
        "OMC-DATA-002",
        Person,
        "The connector's input format gave nothing usable for this registrant: no object, or no text where the mapping wants text.",
        "Try the input format with Test (or `omc preview`); correct it, or the registrant's data.",
    ),
    known(
        "OMC-DATA-003",
        Person,
        "The date of birth is not a date in the form YYYY/MM/DD or YYYY-MM-DD.",
        "Correct the date of birth on the registrant, or map a date field; the record is then sent again by itself.",
    ),
    known(
        "OMC-DATA-004",
        Person,
        "The connector's input format takes too much time or memory on this registrant: more than a second of computing, or 256 MB.",
        "Write the input format so that it does not multiply or nest what it works on, and try it with Test (or `omc preview`); or correct the registrant's data, if a value is unusually long.",
    ),
    known(
        "OMC-TOKEN-001",
        Person,
        "MTS gave another token than the one the registrant already holds. Nothing was changed.",
        "Find out which of the two is this person's: the VID may be somebody else's. Remove the wrong token or the wrong VID by hand.",
    ),
    known(
        "OMC-TOKEN-002",
        Person,
        "MTS gave a token that the registry cannot hold: it is empty, or over 100 characters.",
        "Check the token settings of MTS with its operator, then requeue the record.",
    ),
    known(
        "OMC-TOKEN-003",
        Person,
        "Odoo refused the token, for example because it does not match the ID type's validation pattern.",
        "Correct the validation of the token's ID type in Odoo, then requeue the record.",
    ),
    known(
        "OMC-AUTH-001",
        Person,
        "MOSIP found more than one thing wrong with the record, most often several values that are not those of the person's identity. MTS does not tell which.",
        COMPARE,
    ),
    known(
        "OMC-LOST-001",
        Person,
        "MTS took the record several times and never told its result. The person was not refused.",
        "Check the log of MTS for restarts, and that it reaches the callback address, or with delivery by download keeps its files; then requeue the record.",
    ),
    known(
        "OMC-LOST-002",
        Person,
        "MTS is through with the record, and no token came into the registry. MTS tells the result to the connector's callback URL only: it refused the person, or whoever is called there did not write the token.",
        "Look for the registrant in the log of whoever is called, and in that of MTS; correct what it is about, then requeue the record.",
    ),
    known(
        "OMC-SEND-001",
        Person,
        "MTS fails on this record even when it is sent alone.",
        "Look at the registrant's values with Test (or `omc preview`) for anything unusual and correct them; the record is then sent again by itself. If nothing is unusual, look into the log of MTS, and requeue the record.",
    ),
    known(
        "OMC-READ-001",
        Person,
        "Odoo fails when OMC reads this registrant, even alone, while it reads others.",
        "Open the registrant in Odoo and look into Odoo's log for the exception; correct the value that it is about, or take the field out of the connector. The record is tried again at each full sweep, when the registrant changes, and on requeue.",
    ),
    known(
        "OMC-WRITE-001",
        Person,
        "Writing the token and removing the VID did not come to an end after several attempts. The token is kept.",
        "Check the rights of the daemon's Odoo user with `omc check`, then requeue the record.",
    ),
    known(
        "OMC-VALUE-001",
        Person,
        "Odoo refuses a field that the connector's output format sets with the token. Nothing was written.",
        "Correct the output format, or list the field in the connector's Fields to Write, then requeue the record.",
    ),
    known(
        "OMC-CODE-001",
        Class::Unknown,
        "MTS refused the record without a code that can be shown.",
        "Look into the log of MTS at the time of the refusal; requeue the record once its cause is gone.",
    ),
    // MTS, of a record.
    known("ATS-REQ-002", Person, "The VID does not have the form of a VID.", CORRECT_VID),
    known("ATS-REQ-003", Person, "The name is empty.", FILL_IN),
    known("ATS-REQ-004", Person, "The gender is empty.", FILL_IN),
    known(
        "ATS-REQ-005",
        Person,
        "The gender is none of male, female and others.",
        "Correct the gender on the registrant; the record is then sent again by itself.",
    ),
    known("ATS-REQ-006", Person, "The date of birth is empty.", FILL_IN),
    known(
        "ATS-REQ-007",
        Person,
        "The date of birth is not in a form that MTS reads.",
        "Correct the date of birth on the registrant, or map a date field; the record is then sent again by itself.",
    ),
    known("ATS-REQ-008", Person, "The address is empty.", FILL_IN),
    known("ATS-REQ-009", Person, "There is no VID.", FILL_IN),
    known("ATS-REQ-010", Person, "There is no name.", FILL_IN),
    known("ATS-REQ-011", Person, "There is no gender.", FILL_IN),
    known("ATS-REQ-012", Person, "There is no date of birth.", FILL_IN),
    known("ATS-REQ-013", Person, "There is no phone number.", FILL_IN),
    known("ATS-REQ-014", Person, "There is no e-mail address.", FILL_IN),
    known("ATS-REQ-015", Person, "There is no address.", FILL_IN),
    // MTS, of a request.
    known("ATS-REQ-001", System, "MTS could not read the request.", ASK_MTS),
    known("ATS-REQ-016", System, "MTS does not know the request any more, or could not look it up.", WAIT),
    known("ATS-REQ-017", System, "MTS has not worked through the request yet.", WAIT),
    known("ATS-REQ-100", System, "MTS failed within itself.", ASK_MTS),
    known("ATS-REQ-101", System, "MTS found no valid record in the request.", ASK_MTS),
    known("ATS-REQ-102", System, "MTS found the request invalid.", ASK_MTS),
    known(
        "ATS-REQ-103",
        System,
        "MTS cannot compile the connector's output format.",
        "Correct the output format of the connector.",
    ),
    known("ATS-REQ-1*", System, "MTS refused the whole request, not this person.", ASK_MTS),
    known("ATS-REQ-2*", System, "MTS refused the whole request, not this person.", ASK_MTS),
    known("ATS-REQ-02*", System, "MTS refused what it was told about calling back.", ASK_MTS),
    known("ATS-REQ-03*", System, "MTS refused what it was told about calling back.", ASK_MTS),
    // The authentication library inside MTS.
    known(
        "AUT_CRY_*",
        System,
        "MTS cannot encrypt or sign its requests to MOSIP: a key or certificate is missing or wrong.",
        ASK_MOSIP,
    ),
    known("AUT_BAS_*", System, "MTS could not carry out the request to MOSIP.", ASK_MOSIP),
    known("AUT_*", System, "The authentication library inside MTS failed.", ASK_MOSIP),
    // MOSIP ID Authentication, of a person.
    known("IDA-DEA-001", Person, "The data does not match the person's MOSIP identity.", COMPARE),
    known("IDA-DEA-003", Person, "MOSIP holds no such data of the person to compare with.", ASK_IDENTITY),
    known("IDA-MLC-002", Person, "MOSIP finds the ID invalid.", CORRECT_VID),
    known("IDA-MLC-003", Person, "The person's MOSIP identity is deactivated.", ASK_IDENTITY),
    known("IDA-MLC-004", Person, "MOSIP finds the VID invalid.", CORRECT_VID),
    known("IDA-MLC-005", Person, "The VID has expired, or is revoked.", CORRECT_VID),
    known("IDA-MLC-009", Person, "MOSIP finds one of the values invalid.", COMPARE),
    known("IDA-MLC-010", Person, "The VID belongs to a deactivated MOSIP identity.", ASK_IDENTITY),
    known(
        "IDA-MLC-014",
        Person,
        "The person has no phone number or e-mail address registered with MOSIP.",
        ASK_IDENTITY,
    ),
    known("IDA-MLC-018", Person, "MOSIP does not know the VID.", CORRECT_VID),
    known("IDA-MLC-019", Person, "The person has locked this kind of authentication at MOSIP.", ASK_IDENTITY),
    known("IDA-MLC-022", Person, "The person's MOSIP identity is deactivated or blocked.", ASK_IDENTITY),
    known("IDA-MLC-023", Person, "The VID has expired, or is deactivated.", CORRECT_VID),
    known("IDA-MLC-026", Person, "The ID has the wrong length.", CORRECT_VID),
    known("IDA-MLC-027", Person, "The ID's check digit is wrong.", CORRECT_VID),
    known("IDA-MLC-028", Person, "The VID has the wrong length.", CORRECT_VID),
    known("IDA-MLC-029", Person, "The VID's check digit is wrong.", CORRECT_VID),
    // MOSIP ID Authentication, of partners, keys and itself.
    known(
        "IDA-DEA-002",
        System,
        "MOSIP does not know the connector's language.",
        "Correct the MOSIP language of the connector.",
    ),
    known(
        "IDA-MLC-001",
        System,
        "MOSIP finds the request too old or from the future.",
        "Have the operator of MTS check its clock; OMC tries again by itself.",
    ),
    known("IDA-MLC-007", System, "MOSIP could not process the request.", WAIT),
    known("IDA-MLC-020", System, "MOSIP could not encrypt its data.", ASK_MOSIP),
    known("IDA-MLC-021", System, "MOSIP could not fetch a key.", ASK_MOSIP),
    known("IDA-MLC-025", System, "MOSIP has no certificate of the partner.", ASK_MOSIP),
    known("IDA-MPA-*", System, "MOSIP refuses the partner, its licence, its policy or its signature.", ASK_MOSIP),
    known("PMS_*", System, "MOSIP refuses the partner, its licence or its policy.", ASK_MOSIP),
    known("IDA-RST-*", System, "A service behind MOSIP ID Authentication failed.", WAIT),
    known("KER-*", System, "A service of MOSIP failed.", WAIT),
    known("RES-*", System, "A service of MOSIP failed.", WAIT),
];
