//! The administrator in Odoo: over JSON-RPC, so that nothing of the daemon's own client is used.

use serde_json::{Value, json};

use super::{Process, answer, client, json as json_of};

pub struct Odoo {
    pub process: Process,
    pub url: String,
    password: String,
    http: reqwest::Client,
}

impl Odoo {
    pub async fn start(arguments: &[&str], password: &str) -> Self {
        let mut all = vec!["--password", password];
        all.extend(arguments);
        let (process, url) = Process::simulator("odoo", &all).await;
        Self { process, url, password: password.to_owned(), http: client() }
    }

    /// Calls a method of a model; a fault fails the test.
    pub async fn call(&self, model: &str, method: &str, arguments: Value, named: Value) -> Value {
        let args = json!(["omc", 2, self.password, model, method, arguments, named]);
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1,
            "params": {"service": "object", "method": "execute_kw", "args": args}});
        let answer = json_of(self.http.post(format!("{}/jsonrpc", self.url)).json(&body)).await;
        assert!(answer.get("error").is_none(), "{model}.{method}: {answer}");
        answer["result"].clone()
    }

    pub async fn search_read(&self, model: &str, domain: Value, fields: &[&str]) -> Vec<Value> {
        let named = json!({"fields": fields, "order": "id", "context": {"active_test": false}});
        let rows = self.call(model, "search_read", json!([domain]), named).await;
        rows.as_array().unwrap().clone()
    }

    pub async fn write(&self, model: &str, id: u64, values: Value) {
        self.call(model, "write", json!([[id], values]), json!({})).await;
    }

    pub async fn create(&self, model: &str, values: Value) -> u64 {
        self.call(model, "create", json!([values]), json!({})).await.as_u64().unwrap()
    }

    /// The fields of one connector.
    pub async fn connector(&self, id: u64, fields: &[&str]) -> Value {
        self.search_read("omc.connector", json!([["id", "=", id]]), fields).await.remove(0)
    }

    /// A second connector, like the first but for these values.
    pub async fn another_connector(&self, values: Value) -> u64 {
        let like = [
            "name",
            "mts_url",
            "input_type",
            "mapping",
            "output_type",
            "delivery_type",
            "lang_code",
            "job_status",
            "is_recurring",
            "interval_minutes",
            "callback_httpmethod",
            "callback_authtype",
            "g2p_search_domain",
            "g2p_selected_fields",
            "remove_vid",
        ];
        let mut row = self.connector(1, &like).await;
        let row_values = row.as_object_mut().unwrap();
        row_values.remove("id");
        row_values.extend([("vid_id_type_id".to_owned(), json!(1)), ("token_id_type_id".to_owned(), json!(2))]);
        row_values.extend(values.as_object().unwrap().clone());
        self.create("omc.connector", row).await
    }

    /// IDs of one registrant of one type (1: VID, 2: token).
    pub async fn ids_of(&self, registrant: u64, kind: u64) -> Vec<String> {
        let domain = json!([["partner_id", "=", registrant], ["id_type", "=", kind]]);
        let rows = self.search_read("g2p.reg.id", domain, &["value"]).await;
        rows.iter().map(|row| row["value"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn state(&self) -> Value {
        json_of(self.http.get(format!("{}/_sim/state", self.url))).await
    }

    pub async fn faults(&self, faults: Value) {
        json_of(self.http.post(format!("{}/_sim/faults", self.url)).json(&faults)).await;
    }

    /// The administrator's hand, past the RPC.
    pub async fn edit(&self, edit: Value) {
        let (status, body) = answer(self.http.post(format!("{}/_sim/edit", self.url)).json(&edit)).await;
        assert_eq!(status, 200, "{edit}: {body}");
    }
}
