use proptest::prelude::*;

use super::*;

fn problems(text: &str) -> Vec<String> {
    Mapping::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn missing_keys_take_the_defaults_of_mts() {
    let mapping = Mapping::parse("{}").unwrap();
    assert_eq!(
        mapping.to_json(),
        json!({"vid": "vid", "name": ["name"], "gender": "gender", "dob": "dob", "phoneNumber": "phoneNumber",
               "emailId": "emailId", "fullAddress": ["fullAddress"]})
    );
    assert!(Target::ALL.iter().all(|target| !mapping.is_given(*target)));
}

#[test]
fn every_key_can_be_given() {
    let text = r#"{"vid": "ids.vid", "name": ["given_name", "family_name"], "gender": "gender", "dob": "birthdate",
                   "phoneNumber": "phone", "emailId": "email", "fullAddress": ["street", "city"]}"#;
    let mapping = Mapping::parse(text).unwrap();
    assert_eq!(mapping.to_json(), serde_json::from_str::<Value>(text).unwrap());
    assert!(Target::ALL.iter().all(|target| mapping.is_given(*target)));
    assert_eq!(mapping.paths(Target::Name).len(), 2);
}

#[test]
fn all_problems_are_told_at_once() {
    let told = problems(
        r#"{"vid": "vid | env", "name": "given_name", "gender": null, "dob": "", "phoneNumber": 1, "fullAddress": [], "Mail": "x"}"#,
    );
    for start in [
        "`vid`: not a plain",
        "`name`: a list is wanted",
        "`gender`: write one path",
        "`dob`: the path is empty",
        "`phoneNumber`: write one",
        "`fullAddress`: the list is empty",
        "`Mail`: not a field of MTS",
    ] {
        assert!(told.iter().any(|line| line.starts_with(start)), "{start}: {told:?}");
    }
    assert_eq!(told.len(), 7);
    assert!(problems("[]")[0].contains("JSON object"));
    assert!(problems("{\n\"vid\" \"x\"}")[0].contains("line 2, column 7"));
    assert!(problems(r#"{"name": ["a", 1]}"#)[0].contains("no text"));
    assert!(problems(&format!(r#"{{"name": [{}"a"]}}"#, "\"a\",".repeat(30)))[0].contains("more than 20"));
}

#[test]
fn a_path_that_is_code_is_no_path() {
    for text in [
        "vid|env",
        "a[0]",
        "\"a b\"",
        ".a",
        "a.",
        "a..b",
        "a b",
        "1a",
        "a-b",
        "é",
        "a:b",
        "env.HOME|a",
        "a\n",
        "$x",
        "a?",
        "",
    ] {
        assert!(text.parse::<Path>().is_err(), "{text}");
    }
    // Names that are keywords of jq are plain after a dot, in jq 1.5 too.
    for text in ["a", "_a", "A1", "a.b.c", "and", "a.if", "input", "not"] {
        assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
    }
    assert!("a.".repeat(20).parse::<Path>().is_err());
    assert_eq!(format!("{}a", "a.".repeat(8)).parse::<Path>(), Err(NotAPath::TooLong));
    assert_eq!("a".repeat(201).parse::<Path>(), Err(NotAPath::TooLong));
}

#[test]
fn paths_find_and_put_values() {
    let path = |text: &str| text.parse::<Path>().unwrap();
    let Value::Object(mut record) = json!({"a": {"b": 1, "n": null}, "s": "x"}) else { unreachable!() };
    assert_eq!(path("a.b").resolve(&record), Some(&json!(1)));
    assert_eq!(path("a.n").resolve(&record), Some(&Value::Null));
    assert_eq!(path("a.x").resolve(&record), None);
    assert_eq!(path("s.b").resolve(&record), None);
    assert!(path("a.c.d").put(&mut record, json!(2)));
    assert!(path("a.n.m").put(&mut record, json!(3)));
    assert!(path("new").put(&mut record, json!(4)));
    let before = record.clone();
    assert!(!path("s.b").put(&mut record, json!(5)), "a text stands in the way");
    assert!(!path("s.b.c").put(&mut record, json!(5)));
    assert_eq!(record, before);
    assert_eq!(Value::Object(record), json!({"a": {"b": 1, "c": {"d": 2}, "n": {"m": 3}}, "s": "x", "new": 4}));
}

#[test]
fn what_is_left_to_defaults_is_known_after_reading_back() {
    let mapping = Mapping::parse(r#"{"dob": "birthdate"}"#).unwrap();
    let stored = serde_json::to_string(&mapping).unwrap();
    let read = serde_json::from_str::<Mapping>(&stored).unwrap();
    assert_eq!(read, mapping);
    assert!(read.is_given(Target::DateOfBirth) && !read.is_given(Target::Name));
    assert!(serde_json::from_str::<Mapping>(r#"{"dob": "a|env"}"#).is_err());
    assert!(serde_json::from_str::<Path>(r#""a|env""#).is_err());
}

#[test]
fn mandatory_fields_are_those_named() {
    let usual = Mandatory::from_names(["name", "gender", "dob", "fullAddress"]).unwrap();
    assert_eq!(usual, Mandatory::default());
    let few = Mandatory::from_names([" dob ", "vid", "emailId"]).unwrap();
    let has: Vec<&str> = Target::ALL.into_iter().filter(|target| few.has(*target)).map(Target::name).collect();
    assert_eq!(has, ["vid", "dob", "emailId"]);
    assert_eq!(Mandatory::from_names(["email"]), Err(UnknownMandatory));
    assert!(!Mandatory::from_names([]).unwrap().has(Target::Name));
}

proptest! {
    #[test]
    fn what_was_put_is_found(text in "[a-c]{1,2}(\\.[a-c]{1,2}){0,3}", n in any::<u8>()) {
        let path: Path = text.parse().unwrap();
        let mut record = Map::new();
        prop_assert!(path.put(&mut record, json!(n)));
        prop_assert_eq!(path.resolve(&record), Some(&json!(n)));
        *path.resolve_mut(&mut record).unwrap() = json!("changed");
        prop_assert_eq!(path.resolve(&record), Some(&json!("changed")));
    }

    #[test]
    fn no_text_is_too_much_for_it(text in "\\PC{0,60}") {
        let _ = Mapping::parse(&text);
        if let Ok(path) = text.parse::<Path>() {
            prop_assert!(path.segments().iter().all(|segment| is_name(segment)));
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
