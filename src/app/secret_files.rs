//! Files with a secret that the daemon writes: the admin listener's bearer, and what a kill left beside such files.

use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::seal::{self, Personal, Seal};

/// Makes the bearer of the admin listener, new at each start.
pub(super) fn make_token(path: &Path, seal: &Seal) -> anyhow::Result<Personal<String>> {
    let token = Personal::new(URL_SAFE_NO_PAD.encode(seal.random::<24>()?));
    remove_drafts(path);
    seal::replace_file(path, &token).with_context(|| format!("cannot write {} (admin.token_file)", path.display()))?;
    Ok(token)
}

/// Removes what a kill left beside a file with a secret. That it cannot be removed is no reason not to start.
pub(super) fn remove_drafts(path: &Path) {
    if let Err(error) = seal::remove_drafts(path) {
        tracing::warn!(
            %error, path = %path.display(),
            "drafts that a kill may have left beside a secret file could not be removed"
        );
    }
}
