//! A disk of the test's own: an ext4 in a file, on a loop device. It can be full, read-only, and copied as it is on the device.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The right to mount (CAP_SYS_ADMIN), as a bit of the effective capabilities.
const MAY_MOUNT: u64 = 1 << 21;

/// Whether there can be disks of the test's own here; says so where not.
pub fn are_to_be_had() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let may_mount = u64::from_str_radix(rights.trim(), 16).unwrap() & MAY_MOUNT != 0;
    let devices = Path::new("/dev/loop-control").exists();
    if !(may_mount && devices) {
        println!("LEFT OUT: this test mounts, and needs root and loop devices (root: {may_mount}, devices: {devices})");
    }
    may_mount && devices
}

/// A mounted file system; unmounted when dropped, also by a panic. Whoever has files open there must be gone by then.
pub struct Image {
    file: PathBuf,
    /// Where it is mounted.
    pub at: PathBuf,
}

impl Image {
    pub fn make(folder: &Path, name: &str, megabytes: u64) -> Self {
        let file = folder.join(format!("{name}.img"));
        std::fs::File::create(&file).unwrap().set_len(megabytes << 20).unwrap();
        run("mkfs.ext4", [OsStr::new("-q"), OsStr::new("-m0"), file.as_os_str()]);
        Self::mount(file)
    }

    /// Mounts one that is there, beside itself.
    pub fn mount(file: PathBuf) -> Self {
        let at = file.with_extension("mounted");
        std::fs::create_dir_all(&at).unwrap();
        run("mount", [OsStr::new("-o"), OsStr::new("loop"), file.as_os_str(), at.as_os_str()]);
        Self { file, at }
    }

    pub fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        run("mount", [OsStr::new("-o"), OsStr::new(&options), self.at.as_os_str()]);
    }

    /// Mounts it anew.
    pub fn again(self) -> Self {
        let file = self.file.clone();
        drop(self);
        Self::mount(file)
    }

    /// What has reached the device: what is there after a power cut at this moment. Nobody may write meanwhile.
    pub fn copy(&self, name: &str) -> PathBuf {
        let to = self.file.with_file_name(format!("{name}.img"));
        // The kernel may be at writing what it was told to before.
        for _ in 0..100 {
            let before = self.written();
            std::fs::copy(&self.file, &to).unwrap();
            if before == self.written() {
                return to;
            }
        }
        panic!("somebody writes to {} all the time", self.at.display());
    }

    /// Takes all room that is left.
    pub fn fill(&self) -> PathBuf {
        use std::io::Write;
        let path = self.at.join("filler");
        let mut filler = std::fs::File::create(&path).unwrap();
        for size in [64 * 1024, 512] {
            while filler.write_all(&vec![0x55; size]).and_then(|()| filler.sync_data()).is_ok() {}
        }
        path
    }

    /// Writes and discards that the device has done, and those under way.
    fn written(&self) -> [u64; 3] {
        let output = Command::new("losetup").args(["-n", "-O", "NAME", "-j"]).arg(&self.file).output().unwrap();
        let device = String::from_utf8(output.stdout).unwrap();
        let name = Path::new(device.trim()).file_name().expect("it is on a loop device").to_owned();
        let statistics = std::fs::read_to_string(Path::new("/sys/block").join(name).join("stat")).unwrap();
        let fields: Vec<u64> = statistics.split_whitespace().map(|field| field.parse().unwrap()).collect();
        [fields[4], fields[11], fields[8]]
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.at).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            // By a test that has failed: as soon as the last file in it is closed.
            _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
        }
    }
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a OsStr>) {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let output = Command::new(program).args(arguments).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
