//! The key file: one secret of 32 bytes, made at first start, from which every other key is derived; after a change of the key,
//! the keys before it too, for as long as something was made with them.
//!
//! A file of one key that never changed is that key in base64. Any other begins with [`HEADER`], and then has a line for each
//! key, the current one first: the key, and what it is good for (`current`, `retired` and since when, `discarded`).

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::file;
use super::mode::Exposure;
use super::ring::{KEYS, Key, Mark, Standing};
use super::{Personal, Seal};

const HEADER: &str = "omc-keys 2";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the key file {path}: {cause}; check the path `store.key_file` and its owner")]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("cannot make the key file {path}: {cause}; its folder must exist and be writable for OMC")]
    Unmakable { path: PathBuf, cause: std::io::Error },
    #[error(
        "the key file {path} does not hold 32 bytes in base64; put the original back from your backup. Without one, remove \
         the file and run `omc store reset`"
    )]
    Malformed { path: PathBuf },
    #[error(
        "there is a store, but its key file {path} is missing; put it back from your backup, or run `omc store reset` to start \
         with an empty store"
    )]
    Missing { path: PathBuf },
    #[error(
        "the key file {path} can be read or written by others than its owner (its group may read it); `chmod 600 {path}` mends \
         that. Whoever read it has the key: think of `omc store rekey --discard-old`"
    )]
    Exposed { path: PathBuf },
    #[error(
        "the key file {path} belongs to another account (uid {owner}); run this as that one, for example with `sudo -u`"
    )]
    NotOurs { path: PathBuf, owner: u32 },
    #[error(
        "the key file {path} holds {KEYS} keys already; a retired one goes when nothing refers to it any more, which the running \
         daemon sees to: run it for a day, or discard them at once with `omc store rekey --discard-old`"
    )]
    Full { path: PathBuf },
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

/// Reads the key file of what is there already. One that every account can read is refused.
pub fn load(path: &Path) -> Result<Seal, KeyError> {
    let unreadable = |cause| KeyError::Unreadable { path: path.to_owned(), cause };
    let mut file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(KeyError::Missing { path: path.to_owned() });
        }
        opened => opened.map_err(unreadable)?,
    };
    if Exposure::of(&file.metadata().map_err(unreadable)?) == Exposure::Everybody {
        return Err(KeyError::Exposed { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let ring = std::str::from_utf8(&bytes).ok().and_then(parse);
    ring.map(Seal::of).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
}

/// Whether the key file is this account's own: what another account writes in its place, its owner cannot read.
pub fn must_be_ours(path: &Path) -> Result<(), KeyError> {
    match std::fs::metadata(path) {
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            Err(KeyError::NotOurs { path: path.to_owned(), owner: found.uid() })
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(KeyError::Unreadable { path: path.to_owned(), cause }),
    }
}

impl Seal {
    /// Makes a new current key, and writes all of them. Those of before are retired at `now` (in seconds of Unix time), or
    /// discarded: then what was made with them counts for nothing.
    pub fn renew(&self, path: &Path, discard: bool, now: i64) -> Result<(), KeyError> {
        let mut ring = vec![Key::new(random()?, Standing::Current)];
        ring.extend(self.ring().iter().cloned().map(|mut key| {
            key.standing = match key.standing {
                _ if discard => Standing::Discarded,
                Standing::Current => Standing::Retired(now),
                before => before,
            };
            key
        }));
        // Those that are discarded go as soon as the store is through with them.
        if !discard && ring.len() > KEYS {
            return Err(KeyError::Full { path: path.to_owned() });
        }
        self.replace(path, ring)
    }

    /// Forgets keys that nothing refers to any more; never the current one.
    pub fn forget(&self, path: &Path, marks: &[Mark]) -> Result<(), KeyError> {
        let is_kept = |key: &&Key| key.standing == Standing::Current || !marks.contains(&key.mark);
        self.replace(path, self.ring().iter().filter(is_kept).cloned().collect())
    }

    fn replace(&self, path: &Path, ring: Vec<Key>) -> Result<(), KeyError> {
        let unmakable = |cause| KeyError::Unmakable { path: path.to_owned(), cause };
        // What a link leads to, not the link.
        let path = std::fs::canonicalize(path).map_err(unmakable)?;
        must_be_ours(&path)?;
        file::replace(&path, &written(&ring)).map_err(unmakable)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring.into();
        Ok(())
    }
}

fn parse(text: &str) -> Option<Vec<Key>> {
    let Some(lines) = text.trim().strip_prefix(HEADER) else {
        return Some(vec![Key::new(secret(text.trim())?, Standing::Current)]);
    };
    let ring: Vec<Key> = lines.trim().lines().map(key).collect::<Option<_>>()?;
    let current = ring.iter().filter(|key| key.standing == Standing::Current).count();
    (current == 1 && ring[0].standing == Standing::Current).then_some(ring)
}

fn key(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let secret = secret(words.next()?)?;
    let standing = match (words.next()?, words.next()) {
        ("current", None) => Standing::Current,
        ("retired", Some(since)) => Standing::Retired(since.parse().ok()?),
        ("discarded", None) => Standing::Discarded,
        _ => return None,
    };
    words.next().is_none().then(|| Key::new(secret, standing))
}

fn secret(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn written(ring: &[Key]) -> Personal<String> {
    let lines = ring.iter().map(|key| {
        let secret = STANDARD.encode(key.secret());
        match key.standing {
            Standing::Current => format!("{secret} current\n"),
            Standing::Retired(since) => format!("{secret} retired {since}\n"),
            Standing::Discarded => format!("{secret} discarded\n"),
        }
    });
    Personal::new(format!("{HEADER}\n{}", lines.collect::<String>()))
}

fn make(path: &Path) -> Result<Seal, KeyError> {
    let key = random()?;
    let unmakable = |cause| KeyError::Unmakable { path: path.to_owned(), cause };
    // Another process's key, made at the same moment, is never overwritten.
    file::create(path, &Personal::new(format!("{}\n", STANDARD.encode(key)))).map_err(unmakable)?;
    Ok(Seal::of(vec![Key::new(key, Standing::Current)]))
}

fn random() -> Result<[u8; 32], KeyError> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(KeyError::NoEntropy)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Purpose;
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn is_made_once_and_read_again_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = load_or_make(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(load_or_make(&path).unwrap().fingerprint(), made.fingerprint());
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let good = STANDARD.encode([5; 32]);
        for damaged in [
            "short".to_owned(),
            String::new(),
            format!("{good}\n{good}"),
            HEADER.to_owned(),
            format!("{HEADER}\n{good}"),
            format!("{HEADER}\n{good} retired 5"),
            format!("{HEADER}\n{good} current\n{good} current"),
            format!("{HEADER}\n{good} retired 5\n{good} current"),
            format!("{HEADER}\n{good} current and"),
            format!("{HEADER}\n{good} current\n{good} retired"),
            format!("{HEADER}\n{good} current\n{good} retired 5 6"),
            format!("{HEADER}\n{good} current\n{} discarded", &good[..40]),
            format!("omc-keys 3\n{good} current"),
        ] {
            std::fs::write(&path, &damaged).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            assert!(matches!(load_or_make(&path), Err(KeyError::Malformed { .. })), "{damaged}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(load_or_make(&path), Err(KeyError::Malformed { .. })));
    }

    #[test]
    fn a_file_of_one_line_is_its_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, format!("{}\n", STANDARD.encode([7; 32]))).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(load(&path).unwrap().fingerprint(), Seal::from_key([7; 32]).fingerprint());
    }

    #[test]
    fn a_missing_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = load_or_make(&folder.path().join("nowhere/key")).unwrap_err();
        assert!(matches!(error, KeyError::Unmakable { .. }), "{error}");
    }

    #[test]
    fn a_key_that_every_account_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        load_or_make(&path).unwrap();
        for (mode, taken) in [(0o644, false), (0o604, false), (0o620, false), (0o640, true), (0o400, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let loaded = load(&path);
            assert_eq!(loaded.is_ok(), taken, "{mode:o}");
            assert!(taken || matches!(loaded, Err(KeyError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_new_key_is_current_and_the_one_before_still_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let seal = load_or_make(&path).unwrap();
        let (first, digest) = (seal.fingerprint(), seal.digest(Purpose::Vid, b"1"));
        seal.renew(&path, false, 1000).unwrap();
        assert_eq!(mode(&path), 0o600);
        let again = load(&path).unwrap();
        assert_eq!(again.fingerprints(), seal.fingerprints());
        assert_eq!(again.fingerprints()[1], first);
        assert_ne!(again.fingerprint(), first);
        assert!(again.is_digest(Purpose::Vid, b"1", &digest));
        assert_eq!(again.keys()[1].1, Standing::Retired(1000));

        // Later ones leave the times of earlier ones alone.
        again.renew(&path, false, 2000).unwrap();
        let standings: Vec<Standing> = load(&path).unwrap().keys().into_iter().map(|(_, standing)| standing).collect();
        assert_eq!(standings, [Standing::Current, Standing::Retired(2000), Standing::Retired(1000)]);
    }

    #[test]
    fn the_ring_is_bounded_and_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let seal = load_or_make(&path).unwrap();
        (1..KEYS).for_each(|time| seal.renew(&path, false, time as i64).unwrap());
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(seal.renew(&path, false, 9), Err(KeyError::Full { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(seal.keys().len(), KEYS);

        let oldest = seal.keys()[KEYS - 1].0;
        seal.forget(&path, &[oldest, seal.keys()[0].0]).unwrap();
        let kept = load(&path).unwrap().keys();
        assert_eq!(kept, seal.keys());
        assert_eq!(kept.len(), KEYS - 1, "the current one stays");
        assert!(kept.iter().all(|(mark, _)| *mark != oldest));

        seal.renew(&path, false, 9).unwrap();
        seal.renew(&path, true, 10).unwrap();
        let standings: Vec<Standing> = load(&path).unwrap().keys().into_iter().map(|(_, standing)| standing).collect();
        assert_eq!(standings[0], Standing::Current);
        assert!(standings[1..].iter().all(|standing| *standing == Standing::Discarded), "{standings:?}");
    }

    #[test]
    fn a_link_stays_a_link_and_no_draft_stays_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("key"), folder.path().join("link"));
        let seal = load_or_make(&path).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        seal.renew(&link, false, 0).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(load(&path).unwrap().fingerprints(), seal.fingerprints());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
