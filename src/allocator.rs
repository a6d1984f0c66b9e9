//! What the system's allocator does with freed memory.
//!
//! glibc gives the end of a heap back to the kernel as soon as 128 KB of it are free, or twice the largest
//! block that was freed. Row groups of a few megabytes come and go by the thousand: their pages would be
//! asked for and cleared again each time, a twentieth of the time of `prep shard`.

/// Bytes at the end of a heap that are kept for what comes next.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 32 << 20;
/// Bytes from which a block is mapped on its own, and given back when it is freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: i32 = 8 << 20;

/// Keeps the pages of freed memory, up to 32 MiB a thread: for a command that streams row groups.
/// Does nothing where the allocator is another one.
pub fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both are plain settings of the allocator; what it does not take it leaves.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
    }
}

/// Gives freed memory back to the system: each thread keeps its own, and what needs it next may be
/// another one.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it has no preconditions, and no allocation moves.
    unsafe {
        libc::malloc_trim(0);
    }
}
