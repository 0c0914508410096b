//! What MTS is told about delivering.

use url::Url;

use super::Worker;
use crate::domain::batch::Access;
use crate::domain::connector::{CallbackAuth, Connector};
use crate::mts::{CallbackAddress, Credentials};
use crate::seal::receiver::{self, Credential};

/// Where MTS delivers: OMC's own receiver, with credentials of OMC's own making.
pub(super) fn of(worker: &Worker, connector: &Connector, access: Access) -> CallbackAddress {
    let at = |path: &[&str]| -> Url {
        let mut url = worker.settings.receiver.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    };
    let id = connector.id.0;
    let credential = |kind| worker.seal.credential(kind, id, access.generation.0);
    let credentials = match access.auth {
        CallbackAuth::StaticBearer => Credentials::StaticBearer(credential(Credential::Bearer)),
        CallbackAuth::Odoo => Credentials::Odoo {
            auth_url: at(&["web", "session", "authenticate"]),
            database: receiver::DATABASE.to_owned(),
            username: receiver::username(id),
            password: credential(Credential::Password),
        },
        CallbackAuth::Oauth => Credentials::Oauth {
            auth_url: at(&["oauth", "token"]),
            client_id: receiver::username(id),
            client_secret: credential(Credential::ClientSecret),
        },
        CallbackAuth::None => Credentials::None,
    };
    CallbackAddress {
        url: at(&["callback", &id.to_string()]),
        method: connector.callback.method,
        timeout_seconds: connector.callback.timeout.as_secs().max(1),
        extra_headers: connector.callback.extra_headers.clone(),
        credentials,
    }
}
