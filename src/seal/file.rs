//! Files that hold a secret: whole or not there, and for their owner alone.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::Personal;

/// Writes a file that must not be there yet; with mode 0600, and durably.
pub(super) fn create(path: &Path, text: &Personal<String>) -> std::io::Result<()> {
    draft(path, text)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Writes a file in the place of the one that may be there; with mode 0600, and durably. Whoever reads meanwhile finds the old
/// or the new.
pub fn replace(path: &Path, text: &Personal<String>) -> std::io::Result<()> {
    draft(path, text)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// A file beside its place, to be moved into it: made anew, so that nobody has it open.
fn draft(path: &Path, text: &Personal<String>) -> std::io::Result<NamedTempFile> {
    let mut draft = tempfile::Builder::new().prefix(".omc-").make_in(folder(path), |draft| {
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)
    })?;
    draft.write_all(text.expose().as_bytes())?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder(path)).and_then(|folder| folder.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "a longer text of before").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(create(&path, &Personal::new("x".to_owned())).is_err(), "it is there");
        replace(&path, &Personal::new("new".to_owned())).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays behind");
    }
}
