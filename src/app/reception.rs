//! What the receiver of callbacks asks of the daemon, and tells it.

use std::sync::Arc;

use super::App;
use crate::domain::connector::CallbackAuth;
use crate::domain::identity::ConnectorId;
use crate::http::callback;
use crate::worker::submit;

impl App {
    /// Of connectors that have MTS call without credentials, or whose batches under way did, and only where that is allowed.
    fn open_to_anybody(self: &Arc<Self>) -> callback::OpenToAnybody {
        if !self.config.callback.allow_unauthenticated {
            return Arc::new(|_| false);
        }
        let app = Arc::downgrade(self);
        Arc::new(move |id| {
            let Some(app) = app.upgrade() else { return false };
            let connector = app.roster.connector(id);
            connector.is_some_and(|connector| connector.callback.auth == CallbackAuth::None)
                || app.worker.store.awaits_anybody(id)
        })
    }

    pub(super) fn receiver(self: &Arc<Self>) -> callback::Receiver {
        let app = Arc::downgrade(self);
        let refusing = Arc::downgrade(self);
        callback::Receiver {
            store: self.worker.store.clone(),
            seal: Arc::clone(&self.worker.seal),
            steady: self.worker.steady.clone(),
            backoff: self.worker.settings.backoff,
            patience: self.worker.settings.patience,
            max_body: self.config.callback.max_body,
            open_to_anybody: self.open_to_anybody(),
            on_refusal: Arc::new(move |connector, reason| {
                if let Some(app) = refusing.upgrade() {
                    app.refused_callback(connector, reason);
                }
            }),
            on_delivery: Arc::new(move |connector: ConnectorId, trouble| {
                let Some(app) = app.upgrade() else { return };
                let Some(connector) = app.roster.connector(connector) else { return };
                match trouble {
                    Some(code) => {
                        let now = app.worker.steady.now();
                        submit::authentication_fails(&app.worker, &connector.mts_url, code.as_str(), now);
                    }
                    None => submit::authentication_works(&app.worker, connector.id, &connector.mts_url),
                }
            }),
        }
    }
}
