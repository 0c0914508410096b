//! What can go wrong with the store.

use std::path::PathBuf;

use crate::domain::transition::Impossible;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store {path} is in use by another OMC; stop that one first")]
    Locked { path: PathBuf },
    #[error("cannot use the store {path}: {cause}; check free space, owner and mount of `store.path`")]
    Unusable { path: PathBuf, cause: std::io::Error },
    /// What root makes in it could not be opened by the daemon's account.
    #[error(
        "the store {path} belongs to another account (uid {owner}); run this as that one, for example with `sudo -u`"
    )]
    NotOurs { path: PathBuf, owner: u32 },
    #[error(
        "the store {path} is damaged; `omc store reset` starts an empty one: the registry still has every VID without a \
         token, so this costs repeated work at MTS and nothing else"
    )]
    Corrupt { path: PathBuf },
    #[error(
        "the store {path} was made with another key than the one in {key_file}; put that key file back, or run \
         `omc store reset` to start with an empty store"
    )]
    OtherKey { path: PathBuf, key_file: PathBuf },
    #[error("the store {path} was made by a newer OMC (format {found}); install that version again")]
    Newer { path: PathBuf, found: u32 },
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error("cannot seal a value: {0}")]
    Unsealable(String),
    #[error("the store is closed")]
    Closed,
}
