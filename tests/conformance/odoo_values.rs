//! How values are encoded, in answers and in calls.

use serde_json::json;

use super::client::marker;
use super::{fact, xml};

fact!(every_unset_field_is_false_but_numbers_and_booleans, odoo, {
    let id = odoo.registrant(&marker("unset")).await;
    let fields = [
        "given_name",
        "birthdate",
        "gender",
        "address",
        "parent_id",
        "disabled",
        "comment",
        "income",
        "color",
        "is_group",
        "reg_ids",
        "category_id",
    ];
    let row = odoo.read("res.partner", id, &fields).await;
    for name in ["given_name", "birthdate", "gender", "address", "parent_id", "disabled", "comment", "is_group"] {
        assert_eq!(row[name], json!(false), "{name}");
    }
    assert_eq!(row["income"], json!(0.0));
    assert_eq!(row["color"], json!(0));
    assert_eq!(row["reg_ids"], json!([]));
    assert_eq!(row["category_id"], json!([]));
    odoo.clean(&[id], &[]).await;
});

fact!(text_comes_back_as_it_was_written, odoo, {
    let text = "Zo\u{eb} \u{1f600} <&> \"q\" ' ]]> \u{645}\u{62d}\u{645}\u{62f} e\u{301}\nline\ttab";
    let id = odoo.registrant(&marker("text")).await;
    odoo.call("res.partner", "write", json!([[id], {"address": text, "given_name": "A & B"}]), json!({})).await;
    let row = odoo.read("res.partner", id, &["address", "given_name"]).await;
    assert_eq!(row["address"], json!(text));
    assert_eq!(row["given_name"], json!("A & B"));
    odoo.clean(&[id], &[]).await;
});

fact!(answers_escape_three_characters_only_and_keep_the_rest_raw, odoo, {
    let id = odoo.registrant(&marker("raw")).await;
    odoo.call("res.partner", "write", json!([[id], {"ref": "<&>\"'\u{1f600}"}]), json!({})).await;
    let params = [
        json!(odoo.database),
        json!(odoo.uid),
        json!(odoo.password),
        json!("res.partner"),
        json!("read"),
        json!([[id], ["ref"]]),
    ];
    let params: Vec<String> = params.iter().map(xml::encode).collect();
    let answer = odoo.post("object", xml::call("execute_kw", &params).as_bytes()).await;
    let expected = format!(
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><array><data>\n<value><struct>\n<member>\n\
         <name>id</name>\n<value><int>{id}</int></value>\n</member>\n<member>\n<name>ref</name>\n\
         <value><string>&lt;&amp;&gt;\"'\u{1f600}</string></value>\n</member>\n</struct></value>\n</data></array></value>\n\
         </param>\n</params>\n</methodResponse>\n"
    );
    assert_eq!(answer.body, expected);
    odoo.clean(&[id], &[]).await;
});

fact!(an_empty_text_is_not_unset, odoo, {
    let id = odoo.registrant(&marker("empty")).await;
    odoo.call("res.partner", "write", json!([[id], {"family_name": ""}]), json!({})).await;
    let row = odoo.read("res.partner", id, &["family_name", "given_name"]).await;
    assert_eq!(row["family_name"], json!(""));
    assert_eq!(row["given_name"], json!(false));
    odoo.clean(&[id], &[]).await;
});

fact!(nil_is_taken_and_never_given, odoo, {
    let id = odoo.registrant(&marker("nil")).await;
    odoo.call("res.partner", "write", json!([[id], {"given_name": "x"}]), json!({})).await;
    odoo.call("res.partner", "write", json!([[id], {"given_name": null}]), json!({})).await;
    assert_eq!(odoo.read("res.partner", id, &["given_name"]).await["given_name"], json!(false));
    let found =
        odoo.call("res.partner", "search_count", json!([[["id", "=", id], ["parent_id", "=", null]]]), json!({})).await;
    assert_eq!(found, json!(1));
    odoo.clean(&[id], &[]).await;
});

fact!(a_many2one_is_a_pair_or_with_load_unset_a_number, odoo, {
    let id = odoo.registrant(&marker("pair")).await;
    let row = odoo.read("res.partner", id, &["company_id"]).await;
    assert!(row["company_id"][0].is_i64() && row["company_id"][1].is_string(), "{row}");
    for load in [json!(false), json!(""), json!(null)] {
        let rows = odoo.call("res.partner", "read", json!([[id], ["company_id"]]), json!({"load": load})).await;
        assert_eq!(rows[0]["company_id"], row["company_id"][0], "load {load}");
    }
    odoo.clean(&[id], &[]).await;
});

fact!(dates_and_times_are_text_in_utc_without_fractions, odoo, {
    let id = odoo.registrant(&marker("dates")).await;
    let values = json!({"birthdate": "1990-02-28", "disabled": "2020-01-02 03:04:05"});
    odoo.call("res.partner", "write", json!([[id], values]), json!({})).await;
    let context = json!({"context": {"tz": "Asia/Kolkata", "lang": "xx_XX"}});
    let rows = odoo.call("res.partner", "read", json!([[id], ["birthdate", "disabled", "write_date"]]), context).await;
    assert_eq!(rows[0]["birthdate"], json!("1990-02-28"));
    assert_eq!(rows[0]["disabled"], json!("2020-01-02 03:04:05"));
    assert_eq!(rows[0]["write_date"].as_str().unwrap().len(), "2020-01-02 03:04:05".len());
    odoo.clean(&[id], &[]).await;
});

fact!(a_float_has_a_fraction, odoo, {
    let id = odoo.registrant(&marker("float")).await;
    odoo.call("res.partner", "write", json!([[id], {"income": 1234.5}]), json!({})).await;
    assert_eq!(odoo.read("res.partner", id, &["income"]).await["income"], json!(1234.5));
    odoo.clean(&[id], &[]).await;
});

fact!(no_fields_mean_all_fields, odoo, {
    let id = odoo.registrant(&marker("all")).await;
    let rows = odoo.call("res.partner", "read", json!([[id], []]), json!({})).await;
    let row = rows[0].as_object().unwrap();
    assert!(row.len() > 40, "{} fields", row.len());
    for name in ["id", "name", "reg_ids", "write_date", "display_name", "is_registrant"] {
        assert!(row.contains_key(name), "{name}");
    }
    odoo.clean(&[id], &[]).await;
});

fact!(read_takes_a_bare_id_and_keeps_the_order_asked, odoo, {
    let (one, two) = (odoo.registrant(&marker("b")).await, odoo.registrant(&marker("a")).await);
    let rows = odoo.call("res.partner", "read", json!([one, ["name"]]), json!({})).await;
    assert_eq!(rows[0]["id"], json!(one));
    let rows = odoo.call("res.partner", "read", json!([[two, one], ["ref"]]), json!({})).await;
    assert_eq!((&rows[0]["id"], &rows[1]["id"]), (&json!(two), &json!(one)));
    odoo.clean(&[one, two], &[]).await;
});

fact!(reading_deleted_rows_is_no_fault, odoo, {
    let (one, two) = (odoo.registrant(&marker("gone")).await, odoo.registrant(&marker("here")).await);
    odoo.unlink("res.partner", &[one]).await;
    let rows = odoo.call("res.partner", "read", json!([[one, two], ["ref"]]), json!({})).await;
    assert_eq!(rows, json!([{"id": two, "ref": false}]));
    assert_eq!(odoo.call("res.partner", "read", json!([[one], ["ref"]]), json!({})).await, json!([]));
    odoo.clean(&[two], &[]).await;
});

fact!(untyped_values_and_long_integers_are_taken, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("i8")).await;
    let made = odoo.reg_id(id, kind, json!("1120299416054286")).await;
    let domain = "<value><array><data><value><array><data><value><array><data><value>value</value><value>=</value>\
                  <value><i8>1120299416054286</i8></value></data></array></value><value><array><data><value>partner_id</value>\
                  <value>=</value><value><i4>ID</i4></value></data></array></value></data></array></value></data></array></value>"
        .replace("ID", &id.to_string());
    let found = odoo.call_xml("g2p.reg.id", "search", &domain, &xml::encode(&json!({}))).await.unwrap();
    assert_eq!(found, json!([made]));
    odoo.clean(&[id], &[kind]).await;
});

fact!(an_integer_written_to_a_text_becomes_text, odoo, {
    let kind = odoo.id_type(json!("\\d{10}")).await;
    let id = odoo.registrant(&marker("int")).await;
    let made = odoo.reg_id(id, kind, json!(1_234_567_890)).await;
    assert_eq!(odoo.read("g2p.reg.id", made, &["value"]).await["value"], json!("1234567890"));
    odoo.clean(&[id], &[kind]).await;
});

fact!(a_datetime_element_works_in_a_domain_but_not_in_a_write, odoo, {
    let id = odoo.registrant(&marker("iso")).await;
    let time = "<value><dateTime.iso8601>20200101T00:00:00</dateTime.iso8601></value>";
    let domain = format!(
        "<value><array><data><value><array><data><value><array><data><value>write_date</value><value>&gt;=</value>{time}\
         </data></array></value><value><array><data><value>id</value><value>=</value><value><int>{id}</int></value></data>\
         </array></value></data></array></value></data></array></value>"
    );
    let none = xml::encode(&json!({}));
    assert_eq!(odoo.call_xml("res.partner", "search_count", &domain, &none).await.unwrap(), json!(1));
    let write = format!(
        "<value><array><data>{}<value><struct><member><name>disabled</name>{time}</member></struct></value></data></array></value>",
        xml::encode(&json!([id]))
    );
    let fault = odoo.call_xml("res.partner", "write", &write, &none).await.unwrap_err();
    assert_eq!((fault.code, fault.last_line()), (1, "TypeError: object of type 'DateTime' has no len()"));
    odoo.clean(&[id], &[]).await;
});

fact!(carriage_returns_live_only_as_references, odoo, {
    let id = odoo.registrant(&marker("cr")).await;
    let write = format!(
        "<value><array><data>{}<value><struct><member><name>ref</name><value>a&#13;&#10;b&#128512;</value></member></struct>\
         </value></data></array></value>",
        xml::encode(&json!([id]))
    );
    odoo.call_xml("res.partner", "write", &write, &xml::encode(&json!({}))).await.unwrap();
    let params = [
        json!(odoo.database),
        json!(odoo.uid),
        json!(odoo.password),
        json!("res.partner"),
        json!("read"),
        json!([[id], ["ref"]]),
    ];
    let params: Vec<String> = params.iter().map(xml::encode).collect();
    let answer = odoo.post("object", xml::call("execute_kw", &params).as_bytes()).await;
    assert!(answer.body.contains("<string>a\r\nb\u{1f600}</string>"), "{}", answer.body);
    odoo.clean(&[id], &[]).await;
});

fact!(binary_fields_are_text_and_their_size_on_request, odoo, {
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let id = odoo.registrant(&marker("image")).await;
    odoo.call("res.partner", "write", json!([[id], {"image_1920": png}]), json!({})).await;
    let row = odoo.read("res.partner", id, &["image_1920"]).await;
    assert_eq!(row["image_1920"], json!(png));
    let sized =
        odoo.call("res.partner", "read", json!([[id], ["image_1920"]]), json!({"context": {"bin_size": true}})).await;
    assert_eq!(sized[0]["image_1920"], json!("70.00 bytes"));
    odoo.clean(&[id], &[]).await;
});

fact!(create_answers_one_id_or_a_list_and_write_answers_true, odoo, {
    let one = odoo.call("res.partner", "create", json!([{"name": marker("one")}]), json!({})).await;
    let many = odoo
        .call("res.partner", "create", json!([[{"name": marker("two")}, {"name": marker("three")}]]), json!({}))
        .await;
    assert!(one.is_i64());
    assert_eq!(many.as_array().unwrap().len(), 2);
    let all = [one.as_i64().unwrap(), many[0].as_i64().unwrap(), many[1].as_i64().unwrap()];
    assert_eq!(odoo.call("res.partner", "write", json!([all, {"ref": "x"}]), json!({})).await, json!(true));
    assert_eq!(odoo.call("res.partner", "unlink", json!([all]), json!({})).await, json!(true));
});

fact!(fields_get_gives_the_attributes_asked_for, odoo, {
    let attributes =
        json!({"attributes": ["type", "string", "required", "readonly", "relation", "store", "selection", "size"]});
    let fields = odoo.call("g2p.reg.id", "fields_get", json!([]), attributes).await;
    assert_eq!(
        fields["value"],
        json!({"type": "char", "string": "Value", "required": false, "readonly": false, "store": true, "size": 100})
    );
    let expected = json!({"type": "many2one", "string": "Registrant", "required": true, "readonly": false, "store": true,
        "relation": "res.partner"});
    assert_eq!(fields["partner_id"], expected);
    assert_eq!(fields["status"]["selection"], json!([["invalid", "Invalid"], ["valid", "Valid"]]));
    let only = odoo
        .call(
            "res.partner",
            "fields_get",
            json!([["gender", "reg_ids", "nosuch"]]),
            json!({"attributes": ["type", "relation"]}),
        )
        .await;
    assert_eq!(
        only,
        json!({"gender": {"type": "selection"}, "reg_ids": {"type": "one2many", "relation": "g2p.reg.id"}})
    );
});

fact!(the_registrants_fields_are_of_the_types_known, odoo, {
    let types = [
        ("given_name", "char"),
        ("family_name", "char"),
        ("birthdate", "date"),
        ("gender", "selection"),
        ("address", "text"),
        ("phone", "char"),
        ("email", "char"),
        ("is_registrant", "boolean"),
        ("is_group", "boolean"),
        ("income", "float"),
        ("company_id", "many2one"),
        ("write_date", "datetime"),
        ("registration_date", "date"),
        ("reg_ids", "one2many"),
        ("category_id", "many2many"),
        ("image_1920", "binary"),
        ("comment", "html"),
        ("age", "char"),
        ("color", "integer"),
    ];
    let fields = odoo.call("res.partner", "fields_get", json!([]), json!({"attributes": ["type"]})).await;
    for (name, kind) in types {
        assert_eq!(fields[name]["type"], json!(kind), "{name}");
    }
});
