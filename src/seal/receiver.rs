//! The credentials that MTS shows at OMC's own receiver: made from the key, so that they are the same after a restart, and no
//! administrator's, since MTS keeps them in clear.

use super::{Personal, Purpose, Seal};

/// The database that MTS is told to log in to.
pub const DATABASE: &str = "omc";

/// The user name for the callbacks of a connector.
pub fn username(connector: u32) -> String {
    format!("omc-{connector}")
}

impl Seal {
    /// The bearer for the callbacks of a connector.
    pub fn callback_bearer(&self, connector: u32) -> Personal<String> {
        self.derive(Purpose::CallbackBearer, &connector.to_be_bytes())
    }

    /// Whether this is the bearer for a connector's callbacks, or was before the key was changed.
    pub fn is_callback_bearer(&self, connector: u32, given: &str) -> bool {
        self.is_derived(Purpose::CallbackBearer, &connector.to_be_bytes(), given.as_bytes())
    }

    /// Whether this is the password for a connector's callbacks, or was before the key was changed.
    pub fn is_callback_password(&self, connector: u32, given: &str) -> bool {
        self.is_derived(Purpose::CallbackPassword, &connector.to_be_bytes(), given.as_bytes())
    }

    /// The password for the callbacks of a connector.
    pub fn callback_password(&self, connector: u32) -> Personal<String> {
        self.derive(Purpose::CallbackPassword, &connector.to_be_bytes())
    }
}
