//! Files that hold a secret: whole or not there, and for their owner alone.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
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

/// Letters that chance gives to a draft's name.
const LETTERS: usize = 6;

/// A file beside its place, to be moved into it: made anew, so that nobody has it open.
fn draft(path: &Path, text: &Personal<String>) -> std::io::Result<NamedTempFile> {
    let named = tempfile::Builder::new().prefix(&draft_name(path)).rand_bytes(LETTERS).make_in(folder(path), |draft| {
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)
    });
    let mut draft = named?;
    draft.write_all(text.expose().as_bytes())?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// Removes what a kill in the middle of writing this file left: a draft holds the whole secret. To be called by whoever alone writes
/// it, for a draft that another process is at would go too.
pub fn remove_drafts(path: &Path) -> std::io::Result<()> {
    // What a link leads to, as where it is written.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let begins = draft_name(path);
    for entry in std::fs::read_dir(folder(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let rest = name.as_bytes().strip_prefix(begins.as_bytes());
        if rest.is_some_and(|rest| rest.len() == LETTERS && rest.iter().all(u8::is_ascii_alphanumeric)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What a draft is called, but for its last letters, which chance gives: nobody else may be writing to the same.
fn draft_name(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("secret")));
    name.push(".omc-");
    name
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

    #[test]
    fn a_draft_that_a_kill_left_is_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("key"), folder.path().join("link"));
        let secret = Personal::new("x".to_owned());
        create(&path, &secret).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for other in [".key.omc-longer7", ".key.omc-old", "key.bak", ".other.omc-a1B2c3"] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        let before = count();
        for by in [&path, &link] {
            for _ in 0..2 {
                draft(&path, &secret).unwrap().keep().unwrap();
            }
            assert_eq!(count(), before + 2);
            remove_drafts(by).unwrap();
            assert_eq!(count(), before);
        }
        assert!(path.exists());
        remove_drafts(&folder.path().join("not there")).unwrap();
    }
}
