use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn codes_have_the_class_of_whom_they_speak() {
    for (code, class) in [
        ("ATS-REQ-009", Class::Person),
        ("ATS-REQ-015", Class::Person),
        ("IDA-MLC-018", Class::Person),
        ("IDA-DEA-001", Class::Person),
        ("ATS-REQ-016", Class::System),
        ("ATS-REQ-100", Class::System),
        ("ATS-REQ-19", Class::System),
        ("ATS-REQ-032", Class::System),
        ("AUT_CRY_005", Class::System),
        ("AUT_BAS_001", Class::System),
        ("AUT_OTP_001", Class::System),
        ("IDA-MPA-009", Class::System),
        ("IDA-MLC-025", Class::System),
        ("PMS_PMP_016", Class::System),
        ("IDA-MLC-999", Class::Unknown),
        ("XYZ-1", Class::Unknown),
    ] {
        assert_eq!(Code::from_wire(code).class(), class, "{code}");
    }
}

#[test]
fn our_own_codes_are_explained() {
    for code in [
        Code::SEVERAL_VIDS,
        Code::VID_EXPIRED,
        Code::VID_INVALID,
        Code::VID_MALFORMED,
        Code::VID_UNUSUAL,
        Code::VID_CHECK_DIGIT,
        Code::VALUE_ENCRYPTED,
        Code::INPUT_FORMAT_USELESS,
        Code::INPUT_FORMAT_RUNS_AWAY,
        Code::DATE_OF_BIRTH_MALFORMED,
        Code::OTHER_TOKEN,
        Code::TOKEN_NOT_STORABLE,
        Code::TOKEN_REFUSED,
        Code::ANSWER_LOST,
        Code::SEVERAL_ERRORS,
        Code::NEVER_ARRIVED,
        Code::FAILS_ALONE,
        Code::NOT_WRITTEN,
        Code::UNREADABLE,
        Code::NO_VID,
        Code::NO_NAME,
        Code::EMPTY_NAME,
        Code::NO_GENDER,
        Code::EMPTY_GENDER,
        Code::NO_DATE_OF_BIRTH,
        Code::EMPTY_DATE_OF_BIRTH,
        Code::NO_PHONE_NUMBER,
        Code::NO_EMAIL_ID,
        Code::NO_ADDRESS,
        Code::EMPTY_ADDRESS,
    ] {
        assert!(code.known().is_some(), "{code}");
        assert_eq!(Code::from_wire(code.as_str()), code);
    }
}

#[test]
fn every_entry_is_there_once_and_written_out() {
    let mut seen = BTreeSet::new();
    for (code, known) in known::all() {
        assert!(seen.insert(code), "{code} twice");
        assert!(known.reason.ends_with('.') && known.remedy.ends_with('.'), "{code}");
        let example = code.replace('*', "9");
        assert!(has_form(&example), "{code}");
        assert!(std::ptr::eq(known::find(&example).unwrap(), known), "{code} is hidden");
    }
}

#[test]
fn what_is_no_code_is_not_kept() {
    for text in [
        "",
        "2045678901234567",
        "MARIA",
        "MARIA-DELA-CRUZ",
        "A-2045678901234567",
        "ats-req-009",
        "ATS-REQ-009 name of a person",
        "Ana-1",
        "-1",
        "A-1\u{0}",
    ] {
        assert_eq!(Code::from_wire(text), Code::UNREADABLE, "{text:?}");
    }
    assert_eq!(Code::from_wire(&format!("A-1{}", "B".repeat(40))), Code::UNREADABLE);
    assert_eq!(Code::from_wire(" ATS-REQ-009\n").as_str(), "ATS-REQ-009");
}

proptest! {
    #[test]
    fn nothing_else_than_a_code_can_be_read_back(text in "\\PC{0,50}") {
        let code = Code::from_wire(&text);
        prop_assert!(code == Code::UNREADABLE || code.as_str() == text.trim());
        let stored = serde_json::to_string(&code).unwrap();
        prop_assert_eq!(serde_json::from_str::<Code>(&stored).unwrap(), code);
    }
}

#[test]
fn the_addon_can_translate_what_is_said_of_registrants() {
    let words = include_str!("../../../odoo_addon/g2p_omc/models/words.py");
    let of_nobody_known = Code::from_wire("XYZ-1");
    let said = known::all()
        .filter(|(_, known)| known.class != Class::System)
        .flat_map(|(_, known)| [known.reason, known.remedy])
        .chain([of_nobody_known.reason(), of_nobody_known.remedy()]);
    for text in said {
        assert!(words.contains(&format!("\"{text}\"")), "not in words.py: {text}");
    }
}
