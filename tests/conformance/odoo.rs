//! What Odoo 17 with OpenG2P's registry does over the wire. Each fact runs against the simulator, and against a real server
//! where `LIVE_ODOO_URL`, `LIVE_ODOO_DB`, `LIVE_ODOO_USER` and `LIVE_ODOO_PASSWORD` are set; it makes what it needs and
//! removes it again.

#[path = "odoo_client.rs"]
mod client;
#[path = "odoo_connector.rs"]
mod connector;
#[path = "odoo_control.rs"]
mod control;
#[path = "odoo_dates.rs"]
mod dates;
#[path = "odoo_domains.rs"]
mod domains;
#[path = "odoo_door.rs"]
mod door;
#[path = "odoo_errors.rs"]
mod errors;
#[path = "odoo_http.rs"]
mod http;
#[path = "odoo_login.rs"]
mod login;
#[path = "odoo_reg_ids.rs"]
mod reg_ids;
#[path = "odoo_session.rs"]
mod session;
#[path = "odoo_values.rs"]
mod values;
#[path = "odoo_xml.rs"]
mod xml;

/// A test that asks one fact of every server there is.
macro_rules! fact {
    ($(#[$meta:meta])* $name:ident, $odoo:ident, $body:block) => {
        $(#[$meta])*
        #[tokio::test]
        async fn $name() {
            for $odoo in &super::client::servers().await {
                $body
            }
        }
    };
}
use fact;
