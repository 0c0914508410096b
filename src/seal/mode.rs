//! Who may read a file that holds a secret.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Who else than its owner can get at a file, by its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    Nobody,
    /// Its group can read it: sometimes meant so.
    Group,
    /// Every account of the machine can read it, or others than the owner can replace what it says.
    Everybody,
}

impl Exposure {
    pub fn of(metadata: &Metadata) -> Self {
        match metadata.permissions().mode() {
            mode if mode & 0o027 != 0 => Self::Everybody,
            mode if mode & 0o040 != 0 => Self::Group,
            _ => Self::Nobody,
        }
    }

    /// Of the file at a path; one that cannot be looked at is exposed to nobody that this can tell of.
    pub fn at(path: &Path) -> Self {
        std::fs::metadata(path).map_or(Self::Nobody, |metadata| Self::of(&metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_told_by_the_mode() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, exposure) in [
            (0o600, Exposure::Nobody),
            (0o400, Exposure::Nobody),
            (0o640, Exposure::Group),
            (0o440, Exposure::Group),
            (0o660, Exposure::Everybody),
            (0o644, Exposure::Everybody),
            (0o602, Exposure::Everybody),
            (0o604, Exposure::Everybody),
        ] {
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(Exposure::at(file.path()), exposure, "{mode:o}");
        }
        assert_eq!(Exposure::at(Path::new("/nowhere/at/all")), Exposure::Nobody);
    }
}
