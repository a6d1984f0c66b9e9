//! How much memory the machine can still give: what the kernel says, within the limit of the
//! control group (a container's, a unit's) that the process is in.

use std::path::{Path, PathBuf};

/// Bytes that new work can use without swapping; none where the system does not tell.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    let machine = field(&read("/proc/meminfo")?, "MemAvailable:")? * 1024;
    let group = read("/proc/self/cgroup").and_then(|groups| group_bytes(&groups, read));
    Some(group.map_or(machine, |group| machine.min(group)))
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The number after `name` at a line's begin.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the tightest group between the process's own and the root leaves: its limit without what
/// its processes hold (files in memory give way, so that they do not count).
fn group_bytes(groups: &str, read: impl Fn(PathBuf) -> Option<String>) -> Option<u64> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let path = root.join(own);
    path.ancestors()
        .take_while(|group| group.starts_with(root))
        .filter_map(|group| {
            let limit: u64 = read(group.join("memory.max"))?.trim().parse().ok()?;
            let held = field(&read(group.join("memory.stat"))?, "anon ")?;
            Some(limit.saturating_sub(held))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_group_counts_and_files_in_memory_do_not() {
        let files = |path: PathBuf| {
            let text = match path.to_str()? {
                "/sys/fs/cgroup/a/b/memory.max" => "max\n",
                "/sys/fs/cgroup/a/memory.max" => "1000\n",
                "/sys/fs/cgroup/memory.max" => "5000\n",
                "/sys/fs/cgroup/a/memory.stat" => "anon 300\nfile 600\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(group_bytes("0::/a/b\n", files), Some(700));
        assert_eq!(group_bytes("1:cpu:/x\n", files), None);
        assert_eq!(
            field("MemFree: 1 kB\nMemAvailable:  42 kB\n", "MemAvailable:"),
            Some(42)
        );
    }
}
