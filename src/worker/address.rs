//! What MTS is told about delivering.

use url::Url;

use super::Worker;
use crate::domain::batch::Access;
use crate::domain::connector::{CallbackAuth, Connector};
use crate::domain::elsewhere::{Elsewhere, Login};
use crate::domain::opaque::Secret;
use crate::mts::{CallbackAddress, Credentials};
use crate::seal::Personal;
use crate::seal::receiver::{self, Credential};

/// Where MTS delivers, where that is not OMC.
pub(super) fn elsewhere(connector: &Connector, elsewhere: &Elsewhere) -> CallbackAddress {
    let secret = |secret: &Secret| Personal::new(secret.0.clone());
    let credentials = match &elsewhere.login {
        Login::None => Credentials::None,
        Login::StaticBearer { token } => Credentials::StaticBearer(secret(token)),
        Login::Odoo { auth_url, database, username, password } => Credentials::Odoo {
            auth_url: auth_url.clone(),
            database: database.clone(),
            username: username.clone(),
            password: secret(password),
        },
        Login::Oauth { auth_url, client_id, client_secret } => Credentials::Oauth {
            auth_url: auth_url.clone(),
            client_id: client_id.clone(),
            client_secret: secret(client_secret),
        },
    };
    let url = elsewhere.url.clone();
    CallbackAddress { in_bulk: false, ..address(connector, url, credentials) }
}

fn address(connector: &Connector, url: Url, credentials: Credentials) -> CallbackAddress {
    CallbackAddress {
        url,
        method: connector.callback.method,
        timeout_seconds: connector.callback.timeout.as_secs().max(1),
        extra_headers: connector.callback.extra_headers.clone(),
        credentials,
        in_bulk: true,
    }
}

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
    address(connector, at(&["callback", &id.to_string()]), credentials)
}
