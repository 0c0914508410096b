use proptest::prelude::*;

use super::*;

fn good(text: &str) -> Value {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_json()
}

fn bad(text: &str) -> String {
    match Filter::parse(text) {
        Ok(_) => panic!("{text} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn json_and_python_say_the_same() {
    let wanted = json!([
        ["is_registrant", "=", true],
        ["reg_ids.id_type", "=like", "MOSIP VID"],
        "!",
        ["reg_ids.id_type", "=like", "MOSIP UIN TOKEN"]
    ]);
    for text in [
        r#"[["is_registrant","=",true],["reg_ids.id_type","=like","MOSIP VID"],"!",["reg_ids.id_type","=like","MOSIP UIN TOKEN"]]"#,
        r#"[('is_registrant', '=', True), ("reg_ids.id_type", "=like", "MOSIP VID"), '!', ['reg_ids.id_type', '=like', u'MOSIP UIN TOKEN']]"#,
        "[\n  (\"is_registrant\", '=', True,),\n  (\"reg_ids.id_type\", '=like', 'MOSIP VID'),\n '!', (\"reg_ids.id_type\", '=like', 'MOSIP UIN TOKEN'),\n]",
    ] {
        assert_eq!(good(text), wanted, "{text}");
    }
}

#[test]
fn python_literals_are_read_as_python_reads_them() {
    for (text, wanted) in [
        ("[('a', '=', None)]", json!([["a", "=", null]])),
        ("[('a', '=', False)]", json!([["a", "=", false]])),
        ("[('a', '=', -5)]", json!([["a", "=", -5]])),
        ("[('a', '=', - 5)]", json!([["a", "=", -5]])),
        ("[('a', '=', --5)]", json!([["a", "=", 5]])),
        ("[('a', '=', +5)]", json!([["a", "=", 5]])),
        ("[('a', '>', 1.5)]", json!([["a", ">", 1.5]])),
        ("[('a', '>', .5)]", json!([["a", ">", 0.5]])),
        ("[('a', '>', 5.)]", json!([["a", ">", 5.0]])),
        ("[('a', '>', -1.5e-3)]", json!([["a", ">", -0.0015]])),
        ("[('a', 'in', (1, 2, 3))]", json!([["a", "in", [1, 2, 3]]])),
        ("[('a', 'in', (1,))]", json!([["a", "in", [1]]])),
        ("[('a', 'in', ())]", json!([["a", "in", []]])),
        ("[('a', 'in', [])]", json!([["a", "in", []]])),
        ("[('a', '=', ('x'))]", json!([["a", "=", "x"]])),
        (r#"[('a', '=', 'it\'s \"\\\n\t\x41\u00e9\U0001F600\101\d')]"#, json!([["a", "=", "it's \"\\\n\tAé😀A\\d"]])),
        ("[('a', '=', \"it's\")]", json!([["a", "=", "it's"]])),
        ("[('a', '=', 'ልጅ')]", json!([["a", "=", "ልጅ"]])),
        ("([('a', '=', 1)])", json!([["a", "=", 1]])),
        ("[]", json!([])),
        ("()", json!([])),
    ] {
        assert_eq!(good(text), wanted, "{text}");
    }
}

#[test]
fn what_odoo_would_have_to_evaluate_is_refused() {
    for text in [
        "[('user_id', '=', uid)]",
        "[('d', '>', context_today())]",
        "[('d', '>', context_today().strftime('%Y'))]",
        "[('d', '>', datetime.datetime.now())]",
        "[('a', '=', 'x'.upper())]",
        "[('a', '=', True())]",
        "[('a', '=', -uid)]",
        "[('a', '=', not 1)]",
        "[('a', '=', b'x')]",
        "[('a', '=', r'x')]",
        "[('a', '=', f'{x}')]",
        "time",
    ] {
        assert!(
            bad(text).contains("expressions such as uid or context_today() cannot be used"),
            "{text}: {}",
            bad(text)
        );
    }
}

#[test]
fn what_is_no_literal_is_refused_with_its_place() {
    for (text, reason) in [
        ("", "ends too early"),
        ("[", "ends too early"),
        ("[('a', '=', 1)", "ends too early"),
        ("[('a', '=', 1)] x", "more after the end of the list, at character 17"),
        ("[('a' '=', 1)]", "a comma or the end of the list is wanted at character 7"),
        ("[('a', '=', 1]", "wanted at character 14"),
        ("[,]", "a value is wanted at character 2"),
        ("[('a', '=', {1: 2})]", "a value is wanted at character 13"),
        ("[('a', '=', 'x)]", "starts at character 13 has no end"),
        ("[('a', '=', 'x\ny')]", "has no end on its line"),
        (r"[('a', '=', '\N{DASH}')]", "an escape that cannot be read"),
        (r"[('a', '=', '\ud800')]", "an escape that cannot be read"),
        (r"[('a', '=', '\xg1')]", "an escape that cannot be read"),
        ("[('a', '=', 0x1F)]", "a number that cannot be read"),
        ("[('a', '=', 1_000)]", "a number that cannot be read"),
        ("[('a', '=', 012)]", "a number that cannot be read"),
        ("[('a', '=', 1j)]", "a number that cannot be read"),
        ("[('a', '=', 1+2)]", "a comma or the end"),
        ("[('a', '=', 99999999999999999999)]", "too large"),
        ("[[\"a\", \"=\", 99999999999999999999]]", "too large"),
        ("[[\"a\", \"=\", 18446744073709551615]]", "too large"),
        ("[('a', '=', 1e999)]", "too large"),
        ("{\"a\": 1}", "write a list of terms"),
        ("'x'", "write a list of terms"),
    ] {
        assert!(bad(text).contains(reason), "{text}: {}", bad(text));
    }
    assert!(bad(&"[".repeat(10_000)).contains("nest deeper"));
    assert!(bad(&format!("{}1{}", "[".repeat(100), "]".repeat(100))).contains("nest deeper"));
    assert!(bad(&format!("[('a', '=', '{}')]", "x".repeat(30_000))).contains("longer than"));
    assert!(bad(&format!("[{}]", "('a','=',1),".repeat(600))).contains("more than 500 terms"));
}

#[test]
fn terms_are_checked_one_by_one() {
    for (text, reason) in [
        ("[1]", "term 1: write [field, operator, value]"),
        ("['and']", "term 1: a text alone must be one of the operators"),
        ("['&']", "the operator & at term 1 has too few operands"),
        ("['|', ('a','=',1)]", "the operator | at term 1 has too few"),
        ("[('a','=',1), '|', '!', ('a','=',1)]", "the operator | at term 2 has too few"),
        ("[('a','=',1), '!']", "the operator ! at term 2 has too few"),
        ("[('a','=')]", "term 1: write exactly a field, an operator and a value"),
        ("[('a','~',1)]", "term 1: its second part is no operator"),
        ("[('a',1,1)]", "term 1: its second part is no operator"),
        ("[(2,'=',1)]", "term 1: its first part is not a field's name"),
        ("[(1,'!=',1)]", "term 1: its first part is not a field's name"),
        ("[('a b','=',1)]", "its first part is not a field's name"),
        ("[('a.','=',1)]", "its first part is not a field's name"),
        ("[('','=',1)]", "its first part is not a field's name"),
        ("[('x','=',1), ('a','=',[[1]])]", "term 2: its list holds something else"),
        ("[('a','in','x')]", "term 1: after `in` a list is wanted"),
        ("[('a','any',1)]", "term 1: after `any` a domain is wanted"),
        ("[('a','any',[('b','=')])]", "term 1.3.1: write exactly"),
        ("[[\"a\", \"=\", {\"secret\": 1}]]", "term 1: its value is neither plain nor a list"),
    ] {
        let error = bad(text);
        assert!(error.contains(reason), "{text}: {error}");
        assert!(!error.contains("secret"));
    }
}

#[test]
fn old_writings_become_odoo_s_own() {
    assert_eq!(
        good("[('a','<>',1),('b','==',2),('c','NOT IN',[1])]"),
        json!([["a", "!=", 1], ["b", "=", 2], ["c", "not in", [1]]])
    );
    assert_eq!(good("[(1,'=',1),(0,'=',1)]"), json!([[1, "=", 1], [0, "=", 1]]));
    assert_eq!(good("[('a','any',[('b','==',1)])]"), json!([["a", "any", [["b", "=", 1]]]]));
}

#[test]
fn fields_are_known() {
    let filter =
        Filter::parse("['|', ('is_group','=',True), '!', ('reg_ids.id_type.name','=','x'), (1,'=',1)]").unwrap();
    assert_eq!(filter.fields().collect::<Vec<_>>(), ["is_group", "reg_ids.id_type.name"]);
    assert!(filter.mentions("is_group") && filter.mentions("reg_ids"));
    assert!(!filter.mentions("id_type") && !filter.mentions("is_") && !filter.mentions("name"));
}

#[test]
fn parts_are_joined_with_the_right_number_of_operators() {
    let part = |text: &str| Filter::parse(text).unwrap();
    assert_eq!(Filter::all([]).to_json(), json!([]));
    assert_eq!(Filter::all([part("[]"), part("[('a','=',1)]")]).to_json(), json!([["a", "=", 1]]));
    let joined = Filter::all([part("[('a','=',1), '|', ('b','=',2), ('c','=',3)]"), part("['!', ('d','=',4)]")]);
    assert_eq!(
        joined.to_json(),
        json!(["&", "&", ["a", "=", 1], "|", ["b", "=", 2], ["c", "=", 3], "!", ["d", "=", 4]])
    );
    assert_eq!(Filter::leaf("id", ">", json!(5)).unwrap().to_json(), json!([["id", ">", 5]]));
    assert_eq!(Filter::leaf("id|", ">", json!(5)), None);
}

#[test]
fn long_lists_of_ids_are_fine_and_reading_back_checks_again() {
    let ids: Vec<u32> = (1..=5000).collect();
    let filter = Filter::leaf("id", "in", json!(ids)).unwrap();
    let stored = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
    assert!(serde_json::from_str::<Filter>(r#"["&"]"#).is_err());
}

/// A domain with as many operands at the top as asked for.
fn domain() -> impl Strategy<Value = Vec<Value>> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        "['\"\\\\\n\t\u{1}é]{0,6}".prop_map(Value::from),
    ];
    let leaf =
        ("[a-z_]{1,5}(\\.[a-z]{1,4})?", proptest::collection::vec(scalar, 1..4)).prop_map(|(field, mut values)| {
            if values.len() == 1 { json!([field, "=", values.remove(0)]) } else { json!([field, "in", values]) }
        });
    let operand = leaf.prop_map(|leaf| vec![leaf]).prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| [vec![json!("!")], one].concat()),
            (inner.clone(), inner, prop_oneof![Just("&"), Just("|")])
                .prop_map(|(a, b, op)| [vec![json!(op)], a, b].concat()),
        ]
    });
    proptest::collection::vec(operand, 0..4).prop_map(|operands| operands.concat())
}

/// As Python's `repr` writes a value, with tuples for leaves.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let escaped: String = text
                .chars()
                .map(|c| match c {
                    '\'' => "\\'".to_owned(),
                    '\\' => "\\\\".to_owned(),
                    c if c.is_control() => format!("\\x{:02x}", u32::from(c)),
                    c if u32::from(c) > 0xffff => format!("\\U{:08x}", u32::from(c)),
                    c if c.is_alphabetic() && !c.is_ascii() => format!("\\u{:04x}", u32::from(c)),
                    c => c.to_string(),
                })
                .collect();
            format!("'{escaped}'")
        }
        Value::Array(items) => format!("({},)", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => unreachable!(),
    }
}

proptest! {
    #[test]
    fn json_and_python_forms_parse_equal(terms in domain()) {
        let json_text = serde_json::to_string(&terms).unwrap();
        let python_text = format!("[{}]", terms.iter().map(python).collect::<Vec<_>>().join(" , "));
        let from_json = Filter::parse(&json_text).unwrap();
        prop_assert_eq!(Filter::parse(&python_text).unwrap(), from_json.clone());
        prop_assert_eq!(from_json.to_json(), Value::Array(terms));
    }

    #[test]
    fn joined_parts_are_one_operand_and_keep_their_leaves(parts in proptest::collection::vec(domain(), 0..4)) {
        let parts: Vec<Filter> = parts.into_iter().map(|part| Filter::try_from(part).unwrap()).collect();
        let leaves = |filter: &Filter| filter.terms().iter().filter(|term| term.is_array()).cloned().collect::<Vec<_>>();
        let wanted: Vec<Value> = parts.iter().flat_map(leaves).collect();
        let joined = Filter::all(parts);
        prop_assert_eq!(leaves(&joined), wanted);
        prop_assert!(split(joined.terms()).len() <= 1);
        prop_assert!(Filter::try_from(joined.terms().to_vec()).is_ok());
    }

    #[test]
    fn no_text_is_too_much_for_it(text in "[\\[\\]()'\",0-9a-zA-Z&|!=. \\\\-]{0,40}") {
        let _ = Filter::parse(&text);
    }
}

#[test]
fn its_values_are_not_printed() {
    let filter = Filter::parse(r#"[["phone", "=", "0917555123"]]"#).unwrap();
    assert_eq!(format!("{filter:?}"), "Filter(1 terms)");
}

/// A number of a Python literal is read exactly; JSON's reader must give the same back.
#[test]
fn a_float_of_many_digits_comes_back_from_the_store_as_it_was() {
    let filter = Filter::parse("[('share', '=', 123.415678905555555555555555555555)]").unwrap();
    let stored = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
    assert_eq!(Filter::parse(&stored).unwrap(), filter);
}
