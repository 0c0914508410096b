//! The limits that a child gives itself, before it reads anything.
//!
//! jaq does no I/O and knows no way out, so nothing here keeps hostile machine code in; it bounds what an expression takes.

use std::fs;
use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior, set_parent_process_death_signal,
    setrlimit,
};
use rustix::thread::{set_name, set_no_new_privs};
use rustix::time::{ClockId, clock_gettime};

/// Memory that a child may take above what it takes when it starts, in bytes. Both kinds of counting stand at it: the allocator
/// reserves more than it uses, and less than this.
const MEMORY: u64 = 256 << 20;
/// Descriptors: the three that it has, and those that it makes of them.
const DESCRIPTORS: u64 = 8;
/// Computing time of one record, in whole seconds; what was begun of a second comes on top.
const SECONDS: u64 = 1;

/// Confines this process for good.
///
/// # Errors
/// A limit cannot be set, or `/proc` is not there; nothing is to be evaluated then.
pub(super) fn confine() -> io::Result<()> {
    // When the machine's memory runs short, the system is to end this process, and no other. Where it may not be asked, it
    // judges by itself.
    _ = fs::write("/proc/self/oom_score_adj", "1000");
    let status = fs::read_to_string("/proc/self/status")?;
    let taken = |name| kilobytes(&status, name).ok_or(io::ErrorKind::InvalidData);
    let (addresses, data) = (taken("VmSize:")?, taken("VmData:")?);
    limit(Resource::As, addresses * 1024 + MEMORY)?;
    limit(Resource::Data, data * 1024 + MEMORY)?;
    limit(Resource::Nofile, DESCRIPTORS)?;
    // No files, no further processes or threads, and nothing of memory on disk.
    for none in [Resource::Fsize, Resource::Nproc, Resource::Core] {
        limit(none, 0)?;
    }
    // Ends with whoever started it, also in the middle of a record.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_name(c"omc-jq")?;
    Budget::default().renew()
}

/// Sets a limit for good, or leaves a lower one that is there.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |there| there.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// A line of `/proc/self/status`, in kB.
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The computing time that this process has left.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// The second from its start in which it was renewed last.
    renewed: Option<u64>,
}

impl Budget {
    /// Gives the next record its time; the system ends the process when that is over.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        let second = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or_default();
        if self.renewed != Some(second) {
            self.renewed = Some(second);
            // Only the soft limit: a hard one could not be raised again.
            let maximum = getrlimit(Resource::Cpu).maximum;
            let until = second + SECONDS + 1;
            let current = Some(maximum.map_or(until, |there| there.min(until)));
            setrlimit(Resource::Cpu, Rlimit { current, maximum })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let status = "Name:\tomc\nVmPeak:\t    9000 kB\nVmSize:\t    8904 kB\nVmData:\t  532 kB\n";
        assert_eq!((kilobytes(status, "VmSize:"), kilobytes(status, "VmData:")), (Some(8904), Some(532)));
        assert_eq!(kilobytes(status, "VmRSS:"), None);
        assert_eq!(kilobytes("VmSize:\tmany kB\n", "VmSize:"), None);
    }
}
