//! The key file: one secret of 32 bytes, made at first start, from which every other key is derived.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Seal;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the key file {path}: {cause}; check the path `store.key_file` and its owner")]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("cannot make the key file {path}: {cause}; its folder must exist and be writable for OMC")]
    Unmakable { path: PathBuf, cause: std::io::Error },
    #[error("the key file {path} does not hold 32 bytes in base64; put the original back from your backup")]
    Malformed { path: PathBuf },
    #[error(
        "there is a store, but its key file {path} is missing; put it back from your backup, or run `omc store reset` to start \
         with an empty store"
    )]
    Missing { path: PathBuf },
    #[error("the machine gives no random numbers: {0}")]
    NoEntropy(getrandom::Error),
}

/// Reads the key file, or makes it (mode 0600) where there is none.
pub fn load_or_make(path: &Path) -> Result<Seal, KeyError> {
    match load(path) {
        Err(KeyError::Missing { .. }) => make(path),
        loaded => loaded,
    }
}

/// Reads the key file of what is there already.
pub fn load(path: &Path) -> Result<Seal, KeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).ok_or_else(|| KeyError::Malformed { path: path.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(KeyError::Missing { path: path.to_owned() }),
        Err(cause) => Err(KeyError::Unreadable { path: path.to_owned(), cause }),
    }
}

fn parse(text: &str) -> Option<Seal> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    Some(Seal::from_key(bytes.try_into().ok()?))
}

fn make(path: &Path) -> Result<Seal, KeyError> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(KeyError::NoEntropy)?;
    let unmakable = |cause| KeyError::Unmakable { path: path.to_owned(), cause };
    // Beside its place and then linked into it: never half a key there, and never another process's key overwritten.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new()
        .prefix(".omc-key-")
        .make_in(folder, |draft| std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft))
        .map_err(unmakable)?;
    writeln!(draft, "{}", STANDARD.encode(key)).map_err(unmakable)?;
    draft.as_file().sync_all().map_err(unmakable)?;
    draft.persist_noclobber(path).map_err(|error| unmakable(error.error))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unmakable)?;
    Ok(Seal::from_key(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_made_once_and_read_again_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = load_or_make(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_make(&path).unwrap().fingerprint(), made.fingerprint());
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(load_or_make(&path), Err(KeyError::Malformed { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
    }

    #[test]
    fn a_missing_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = load_or_make(&folder.path().join("nowhere/key")).unwrap_err();
        assert!(matches!(error, KeyError::Unmakable { .. }), "{error}");
    }
}
