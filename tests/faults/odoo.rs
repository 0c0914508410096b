//! Faults of Odoo, in the middle of the job.

use super::relay::Fault;
use super::row::rows;
use super::scene::Scene;

rows! { Odoo;
    refused {
        fault: "refuses connections",
        does: "reads and writes nothing. Takes callbacks and keeps what they bring. Sends MTS nothing new, since it reads each registrant anew before",
        sees: "log (warn): `fails; waiting`, `Odoo cannot be reached: connection refused`<br>status: `Odoo: Odoo cannot be reached`<br>metrics: `omc_remote_up{remote=\"Odoo\"} 0`<br>ready: `200`",
        recovers: "by itself, within the longest retry delay: `works again`",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.odoo_strikes(Fault::Refuse.always());
        scene.is_seen().await.lifted()
    };
}
