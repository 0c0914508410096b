//! Files that an import makes beside the result file. Other people may write in that folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::input::is_there;

/// Opens a file of ours, or makes it, for its owner alone; its name outlives a power cut. A link is not followed, and somebody
/// else's file not taken: it would be overwritten, or read by whom it belongs to.
pub fn open(path: &Path) -> io::Result<File> {
    // Not to wait for the other end of a pipe.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() != 1 || found.uid() != rustix::process::geteuid().as_raw() {
        let told = "it is there, and no file that this account has made; move it away, or choose another --output";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, told));
    }
    file.set_permissions(PermissionsExt::from_mode(0o600))?;
    if found.len() == 0 {
        sync_folder(path)?;
    }
    Ok(file)
}

/// Moves a file, durably, to a place where nothing is.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) if is_there(to) => return Err(io::ErrorKind::AlreadyExists.into()),
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(from, to)?,
        renamed => renamed?,
    }
    sync_folder(to)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_or_into_another_kind_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("victim"), "precious").unwrap();
        std::os::unix::fs::symlink(at("victim"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        std::fs::hard_link(at("victim"), at("second name")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        for name in ["link", "dangling", "second name", "folder"] {
            assert!(open(&at(name)).is_err(), "{name}");
        }
        assert!(!at("nowhere").exists());
        std::fs::write(at("earlier"), "ours").unwrap();
        open(&at("earlier")).unwrap();
        assert_eq!(std::fs::metadata(at("earlier")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(at("victim")).unwrap(), "precious");
    }

    #[test]
    fn nothing_is_moved_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("from"), "new").unwrap();
        std::fs::write(at("to"), "precious").unwrap();
        assert_eq!(rename(&at("from"), &at("to")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(at("to")).unwrap(), "precious");
        rename(&at("from"), &at("elsewhere")).unwrap();
        assert_eq!(std::fs::read_to_string(at("elsewhere")).unwrap(), "new");
    }
}
