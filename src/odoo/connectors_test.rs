use super::*;
use crate::odoo::test_server::{Act, TestServer, value};
use crate::odoo::test_wire::xml;

async fn client(answers: Vec<Value>) -> (TestServer, Client) {
    let acts: Vec<Act> = answers.iter().map(|answer| value(&xml(answer))).collect();
    let server = TestServer::start([vec![value("<int>2</int>")], acts].concat()).await;
    let client = Client::new(&server.config()).unwrap();
    (server, client)
}

#[tokio::test]
async fn only_fields_that_the_model_has_are_asked_for() {
    let known = json!({"name": {"type": "char"}, "mapping": {"type": "text"}, "odk_password": {"type": "char"}});
    let records = json!([{"id": 1, "name": "Main", "mapping": "{}", "odk_password": "open sesame"}]);
    let (server, client) = client(vec![known, records]).await;
    let definitions = definitions(&client, Model::Stock).await.unwrap();
    assert_eq!(definitions[0].id, ConnectorId(1));
    assert_eq!(definitions[0].fields.expose()["name"], json!("Main"));
    assert!(!format!("{definitions:?}").contains("sesame"));
    let request = server.requests().await.remove(2);
    assert!(request.contains("<string>mapping</string>") && !request.contains("schedule_cron"), "{request}");
    // No archiving, no archived ones to ask for.
    assert!(!request.contains("active_test"), "{request}");
}

#[tokio::test]
async fn archived_connectors_are_read_as_archived() {
    let known = json!({"name": {"type": "char"}, "active": {"type": "boolean"}});
    let records = json!([{"id": 1, "name": "Main", "active": false}]);
    let (server, client) = client(vec![known, records]).await;
    let definitions = definitions(&client, Model::Omc).await.unwrap();
    assert_eq!(definitions[0].fields.expose()["active"], json!(false));
    assert!(server.requests().await[2].contains("active_test"));
}

#[tokio::test]
async fn fields_of_the_registrant_are_described() {
    let fields = json!({
        "gender": {"type": "many2one", "store": true, "relation": "gender.type"},
        "display_name": {"type": "char", "store": false},
    });
    let (_server, client) = client(vec![fields]).await;
    let fields = registrant_fields(&client).await.unwrap();
    assert_eq!(
        fields["gender"],
        RegistrantField { kind: "many2one".into(), stored: true, relation: Some("gender.type".into()) }
    );
    assert!(!fields["display_name"].stored);
}

#[tokio::test]
async fn an_unset_parameter_is_none() {
    let (_server, client) = client(vec![json!(false), json!("3"), json!(7)]).await;
    assert_eq!(config_parameter(&client, "g2p_mts.vid_id_type").await, Ok(None));
    assert_eq!(config_parameter(&client, "g2p_mts.vid_id_type").await, Ok(Some("3".into())));
    assert!(config_parameter(&client, "g2p_mts.vid_id_type").await.is_err());
}

#[tokio::test]
async fn requests_are_read_by_id() {
    let (server, client) = client(vec![
        json!([{"id": 9, "connector_id": 1}]),
        json!([{"id": 4, "connector_id": [1, "Main"], "partner_id": 17, "write_date": "2026-11-21 21:14:08"}]),
        json!([{"id": 2, "name": "MOSIP VID"}]),
    ])
    .await;
    assert_eq!(requested_runs(&client).await.unwrap(), [RequestedRun { run: 9, connector: ConnectorId(1) }]);
    let requeued = RequeuedRejection {
        rejection: 4,
        connector: ConnectorId(1),
        registrant: RegistrantId(17),
        asked: "2026-11-21 21:14:08".to_owned(),
    };
    assert_eq!(requeued_rejections(&client).await.unwrap(), [requeued]);
    assert_eq!(id_types(&client).await.unwrap(), [(IdTypeId(2), "MOSIP VID".to_owned())]);
    assert_eq!(server.calls().await, ["omc.run.search_read", "omc.rejection.search_read", "g2p.id.type.search_read"]);
}
