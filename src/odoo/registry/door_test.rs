use super::*;
use crate::domain::connector::Model;
use crate::domain::identity::RegIdRow;
use crate::odoo::error::{Failure, Refusal};
use crate::odoo::registry::Registry;
use crate::odoo::registry::test_connector::connector;
use crate::odoo::test_server::{Act, TestServer, fault, value};
use crate::odoo::test_wire::xml;

const UID: &str = "<int>2</int>";

fn answers(value_of_call: Value) -> Vec<Act> {
    vec![value(UID), value(&xml(&value_of_call))]
}

async fn door(acts: Vec<Act>) -> (TestServer, Door) {
    let server = TestServer::start(acts).await;
    let client = Arc::new(Client::new(&server.config()).unwrap());
    (server, Door::new(client, None))
}

fn write_back(registrant: u32, token: &str) -> WriteBack {
    WriteBack {
        registrant: RegistrantId(registrant),
        token: Personal::new(token.to_owned()),
        vid_row: Some(RegIdRow(5)),
        vid_written: Some("2026-11-21 21:14:08.783633".into()),
        values: None,
    }
}

fn row(id: u32, kind: &str) -> Value {
    json!({"id": id, "kind": kind, "value": "2045678901", "status": "valid", "expiry_date": "2027-01-31",
           "create_date": "2026-11-20 10:00:00.000001", "write_date": "2026-11-21 21:14:08.783633"})
}

#[tokio::test]
async fn a_page_is_read_with_its_microseconds() {
    let page = json!({"ids": [17, 18], "complete": false, "now": "2026-11-21 21:14:08.783633", "horizon": "2026-11-21 21:14:07.000001"});
    let (server, door) = door(answers(page)).await;
    let since = wire::time("2026-11-20 00:00:00.5");
    let page = door.page(&connector(), 16, 2, since).await.unwrap();
    assert_eq!(page.ids, [RegistrantId(17), RegistrantId(18)]);
    assert!(!page.complete);
    assert_eq!(wire::time_text(page.horizon), "2026-11-21 21:14:07.000001");
    let request = server.requests().await.remove(1);
    assert!(request.contains("<string>2026-11-20 00:00:00.500000</string>"), "{request}");
}

#[tokio::test]
async fn rows_are_sorted_by_kind_and_row() {
    let values = json!({"id": 17, "given_name": "Ana", "unasked": "x"});
    let rows = json!({"rows": [{"id": 17, "is_group": false, "values": values, "ids": [row(9, "vid"), row(7, "token"), row(5, "vid")]}],
                      "now": "2026-11-21 21:14:08.783633", "horizon": "2026-11-21 21:14:08.783633"});
    let (_server, door) = door(answers(rows)).await;
    let registrants = door.read(&connector(), &[RegistrantId(17)], false).await.unwrap();
    let [registrant] = registrants.as_slice() else { panic!("{registrants:?}") };
    let rows_of = |rows: &[IdRow]| rows.iter().map(|row| row.row.0).collect::<Vec<_>>();
    assert_eq!((rows_of(&registrant.vids), rows_of(&registrant.tokens)), (vec![5, 9], vec![7]));
    assert_eq!(*registrant.values.expose(), *json!({"given_name": "Ana"}).as_object().unwrap());
    let vid = &registrant.vids[0];
    assert_eq!(vid.written_text, "2026-11-21 21:14:08.783633");
    assert_eq!(vid.expiry_date.map(|date| date.to_string()).as_deref(), Some("2027-01-31"));
    let printed = format!("{registrants:?}");
    assert!(!printed.contains("Ana") && !printed.contains("2045"), "{printed}");
}

#[tokio::test]
async fn outcomes_are_given_in_order_and_refusals_are_not_sent() {
    let outcome = |id: u32, outcome: &str, code: Value| json!({"partner_id": id, "outcome": outcome, "token_id": false, "vid_removed": outcome == "written", "code": code});
    let outcomes = json!([
        outcome(1, "written", json!(false)),
        outcome(3, "error", json!("token_invalid")),
        outcome(4, "busy", json!(false)),
    ]);
    let (server, door) = door(answers(outcomes)).await;
    let results = [write_back(1, "71"), write_back(2, ""), write_back(3, "73"), write_back(4, "74")];
    assert_eq!(
        door.apply(&connector(), &results).await.unwrap(),
        [
            Outcome::Written { vid_removed: true },
            Outcome::Refused(ApplyRefusal::TokenEmpty),
            Outcome::Refused(ApplyRefusal::TokenInvalid),
            Outcome::Busy,
        ]
    );
    let request = server.requests().await.remove(1).replace('\n', "");
    assert!(request.contains("<name>vid_write_date</name><value><string>2026-11-21 21:14:08.783633</string></value>"));
    assert!(request.contains("<name>remove_vid</name><value><boolean>1</boolean></value>"));
    assert!(request.contains("<name>values</name><value><boolean>0</boolean></value>"));
}

#[tokio::test]
async fn an_outcome_of_another_registrant_is_believed_by_nobody() {
    let wrong = json!([{"partner_id": 2, "outcome": "written", "token_id": 9, "vid_removed": true, "code": false}]);
    let (_server, door) = door(answers(wrong)).await;
    let result = door.apply(&connector(), &[write_back(1, "71")]).await;
    assert!(matches!(result, Err(Error::Unexpected { .. })), "{result:?}");
}

#[tokio::test]
async fn a_report_answers_with_the_run() {
    for (answer, expected) in [(json!({"run_id": 7}), Some(7)), (json!({"run_id": false}), None)] {
        let (_server, door) = door(answers(answer)).await;
        assert_eq!(door.report(ConnectorId(1), &Report::default()).await, Ok(expected));
    }
}

#[tokio::test]
async fn a_daemon_names_itself_in_every_call() {
    let page = json!({"ids": [], "complete": true, "now": "2026-11-21 21:14:08.783633", "horizon": "2026-11-21 21:14:07.000001"});
    let server = TestServer::start(answers(page)).await;
    let door = Door::new(Arc::new(Client::new(&server.config()).unwrap()), Some("daemon-1".into()));
    door.page(&connector(), 0, 2, None).await.unwrap();
    let request = server.requests().await.remove(1).replace('\n', "");
    let context = "<name>context</name><value><struct><member><name>omc_daemon</name><value><string>daemon-1</string>";
    assert!(request.contains(context), "{request}");
}

/// Another daemon's lease, and upstream's addons at work.
#[tokio::test]
async fn what_holds_one_connector_up_concerns_no_other() {
    for (told, refusal) in [
        ("omc_lease: another daemon works on this connector (until 10:00)", Refusal::Leased),
        ("omc_upstream: connector 4 waits for upstream's Nightly", Refusal::Upstream),
    ] {
        let (_server, door) = door(vec![value(UID), fault(2, told)]).await;
        let error = door.page(&connector(), 0, 2, None).await.unwrap_err();
        assert_eq!(error, Error::Refused(refusal));
        assert!(!error.concerns_every_call() && !error.may_lie_in_a_record(), "{error}");
    }
}

async fn detected(acts: Vec<Act>, model: Model) -> Result<bool, Error> {
    let server = TestServer::start([vec![value(UID)], acts].concat()).await;
    let client = Arc::new(Client::new(&server.config()).unwrap());
    Ok(Registry::detect(client, model, None).await?.through_door())
}

#[tokio::test]
async fn the_door_is_found_or_known_to_be_missing() {
    let found = value("<array><data><value><int>1</int></value></data></array>");
    let none = value("<array><data></data></array>");
    let fields = value("<struct><member><name>value</name><value><struct></struct></value></member></struct>");
    let rows = value(&xml(&json!({"rows": [], "now": "", "horizon": ""})));
    let no_model = fault(2, "Object omc.connector doesn't exist");
    let no_method =
        fault(1, "Traceback\nAttributeError: The method 'omc_pull' does not exist on the model 'omc.connector'");
    let singleton = fault(1, "Traceback\nValueError: Expected singleton: omc.connector()");
    let denied = fault(4, "You are not allowed to access 'Connector' (omc.connector) records.");
    assert_eq!(detected(vec![found.clone(), rows], Model::Omc).await, Ok(true));
    assert_eq!(detected(vec![none, singleton], Model::Omc).await, Ok(true));
    assert_eq!(detected(vec![no_model, fields.clone()], Model::Omc).await, Ok(false));
    assert_eq!(detected(vec![found.clone(), no_method, fields.clone()], Model::Omc).await, Ok(false));
    assert_eq!(detected(vec![fields], Model::Stock).await, Ok(false));
    assert_eq!(detected(vec![denied.clone()], Model::Omc).await, Err(Error::DoorClosed));
    assert_eq!(detected(vec![found.clone(), denied], Model::Omc).await, Err(Error::DoorClosed));
    let trouble = fault(1, "Traceback\npsycopg2.OperationalError: FATAL:  the database system is starting up");
    let unavailable = Error::Application(Failure::DatabaseUnavailable);
    assert_eq!(detected(vec![found, trouble], Model::Omc).await, Err(unavailable));
}

#[tokio::test]
async fn duplicates_are_read_to_their_end_and_not_for_ever() {
    let page = |group: &str, partners: &[u32], complete: bool| {
        value(&xml(&json!({"groups": [{"group": group, "partner_ids": partners}], "complete": complete})))
    };
    let (server, whole) = door(vec![value(UID), page("0a", &[7, 9], false), page("0b", &[8, 10, 11], true)]).await;
    let found = whole.duplicates(&connector()).await.unwrap();
    let found: Vec<_> = found.iter().map(|group| (group.group.as_str(), group.registrants.len())).collect();
    assert_eq!(found, [("0a", 2), ("0b", 3)]);
    assert!(server.requests().await.remove(2).contains("<string>0a</string>"), "from where the first page ended");

    let none = value(&xml(&json!({"groups": [], "complete": false})));
    let (_server, empty) = door(vec![value(UID), none]).await;
    assert!(matches!(empty.duplicates(&connector()).await, Err(Error::Unexpected { .. })), "no end");
    let (_server, again) = door(vec![value(UID), page("0a", &[7, 9], false), page("0a", &[7, 9], false)]).await;
    assert!(matches!(again.duplicates(&connector()).await, Err(Error::Unexpected { .. })), "the same page again");
}

#[tokio::test]
async fn an_alarm_is_told_by_its_code_and_its_numbers() {
    use crate::domain::alarm::{Alarm, Numbers, Threshold};

    let news = |turn, numbers| News { connector: ConnectorId(4), alarm: Alarm::ManyRefused, turn, numbers };
    let numbers = Numbers { count: 40, found: u64::MAX, limit: Some(Threshold::Percent(10)) };
    let (server, door) =
        door(vec![value(UID), value(&xml(&json!({"users": 2}))), value(&xml(&json!({"users": 0})))]).await;
    assert_eq!(door.alarm(&news(Turn::Begins, Some(numbers))).await, Ok(2));
    assert_eq!(door.alarm(&news(Turn::Ends, None)).await, Ok(0));
    let requests = server.requests().await;
    for part in ["omc_alarm", "many_refused", "<boolean>1</boolean>", ">40<", ">2147483647<", "10%"] {
        assert!(requests[1].contains(part), "{part}: {}", requests[1]);
    }
    assert!(requests[2].contains("<boolean>0</boolean>"), "{}", requests[2]);
}

#[tokio::test]
async fn an_answer_without_the_number_of_people_is_none() {
    for wrong in [json!({}), json!({"users": -1}), json!({"users": "two"}), json!([])] {
        let (_server, door) = door(answers(wrong.clone())).await;
        let answer = door.responsible(ConnectorId(4)).await;
        assert!(matches!(answer, Err(Error::Unexpected { .. })), "{wrong}: {answer:?}");
    }
}
