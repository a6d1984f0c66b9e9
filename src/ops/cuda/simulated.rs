//! A GPU that the CPU plays, for the tests: the same kernels compiled by g++ with
//! `kernels/simulated.h`, and cuBLAS's product by its documented formula.
//!
//! Memory has guards at both ends and begins as NaN, so that a value that nothing wrote, or that
//! lies outside, is seen. Products check that their operands lie in memory that lives, and launches
//! that the arguments are of the kernel's types.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString, c_char, c_int, c_void},
    io::Write as _,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anyhow::{Context as _, Result, bail, ensure};
use half::bf16;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Gpu, KERNELS, SOURCE, THREADS,
    driver::{Argument, Driver, Operand, Product},
};
use crate::ops::Precision;

/// The order in which threads and blocks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the first.
    Forward,
    /// From the last.
    Reversed,
}

type Launch = unsafe extern "C" fn(*const [u32; 4], *mut *mut c_void) -> c_int;
type Signature = unsafe extern "C" fn() -> *const c_char;

struct Kernel {
    launch: Launch,
    signature: String,
}

type Kernels = BTreeMap<&'static str, Kernel>;

/// Bytes at each end of a memory that nothing may write.
const GUARD: usize = 256;
/// Floats of 0.0115: what is added to one, or read from one, shows.
const GUARD_BYTE: u8 = 0x3c;
/// NaN, in every type.
const FRESH_BYTE: u8 = 0xff;

type Live = Arc<Mutex<BTreeMap<u64, usize>>>;

/// The device.
pub struct Simulated {
    kernels: &'static Kernels,
    order: Order,
    live: Live,
}

/// Bytes between two guards.
pub struct Memory {
    words: Vec<u64>,
    bytes: usize,
    live: Live,
}

impl Memory {
    fn address(&self) -> u64 {
        self.words.as_ptr() as u64 + GUARD as u64
    }

    fn all(&self) -> &[u8] {
        // SAFETY: words are bytes.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), 8 * self.words.len()) }
    }

    fn own(&mut self) -> &mut [u8] {
        let begin = self.words.as_mut_ptr().cast::<u8>();
        // SAFETY: the words hold the bytes and both guards.
        unsafe { std::slice::from_raw_parts_mut(begin.add(GUARD), self.bytes) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let address = self.address();
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&address);
        let (all, end) = (self.all(), GUARD + self.bytes);
        let whole = all[..GUARD].iter().chain(&all[end..]);
        if !std::thread::panicking() {
            assert!(
                whole.copied().all(|byte| byte == GUARD_BYTE),
                "something was written outside of a memory of {} bytes",
                self.bytes
            );
        }
    }
}

/// The simulated device, or why there is none.
pub fn open(order: Order, precision: Precision) -> Result<Gpu<Simulated>, String> {
    static KERNELS_OF_PROCESS: OnceLock<Result<Kernels, String>> = OnceLock::new();
    let kernels = KERNELS_OF_PROCESS.get_or_init(|| load().map_err(|error| format!("{error:#}")));
    let driver = Simulated {
        kernels: kernels.as_ref().map_err(String::clone)?,
        order,
        live: Live::default(),
    };
    Ok(Gpu::new(driver, precision))
}

/// Whether g++ is there; without it the simulated device is left out.
pub fn compiler() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = Command::new("g++").arg("--version").output().is_ok();
        if !found {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: the kernels for GPUs are not run, since there is no g++"
            );
        }
        found
    })
}

/// The library of the kernels, beside the tests' program: it is made once for all tests.
fn library() -> Result<PathBuf> {
    let header = include_str!("kernels/simulated.h");
    let hash = xxh3_64([SOURCE, header].concat().as_bytes());
    let program = std::env::current_exe()?;
    let path = program.with_file_name(format!("prep_kernels_{hash:016x}.so"));
    if path.exists() {
        return Ok(path);
    }
    let dir = tempfile::tempdir_in(path.parent().context("a program in no directory")?)?;
    std::fs::write(dir.path().join("simulated.h"), header)?;
    std::fs::write(dir.path().join("kernels.cpp"), SOURCE)?;
    let output = Command::new("g++")
        .current_dir(dir.path())
        .args("-std=c++17 -O1 -Wall -Wextra -Werror -Wno-unknown-pragmas -U_FORTIFY_SOURCE -DSIMULATED".split(' '))
        .args("-include simulated.h -shared -fPIC -o kernels.so kernels.cpp".split(' '))
        .output()
        .context("cannot run g++")?;
    ensure!(
        output.status.success(),
        "g++ on the kernels: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Tests that make it at the same time make the same.
    std::fs::rename(dir.path().join("kernels.so"), &path)?;
    Ok(path)
}

fn load() -> Result<Kernels> {
    let path = CString::new(library()?.to_string_lossy().as_bytes().to_vec())?;
    // SAFETY: the library was made of our own source a moment ago; it has no initialisers.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    ensure!(!library.is_null(), "the compiled kernels cannot be loaded");
    KERNELS
        .into_iter()
        .map(|name| Ok((name, find(library, name)?)))
        .collect()
}

fn find(library: *mut c_void, name: &str) -> Result<Kernel> {
    let symbol = |prefix: &str| -> Result<*mut c_void> {
        let name = CString::new(format!("{prefix}_{name}"))?;
        // SAFETY: the library is open and stays so.
        let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
        ensure!(!symbol.is_null(), "no {name:?} among the kernels");
        Ok(symbol)
    };
    // SAFETY: `KERNEL` of simulated.h defines both with these types; the letters are constant.
    unsafe {
        let signature = std::mem::transmute::<*mut c_void, Signature>(symbol("signature")?)();
        Ok(Kernel {
            launch: std::mem::transmute::<*mut c_void, Launch>(symbol("launch")?),
            signature: CStr::from_ptr(signature).to_str()?.to_owned(),
        })
    }
}

impl Simulated {
    /// Fails unless the bytes lie in one memory that lives.
    fn holds(&self, address: u64, bytes: usize) -> Result<()> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let found = live.range(..=address).next_back();
        ensure!(
            found.is_some_and(|(begin, size)| address + bytes as u64 <= begin + *size as u64),
            "{bytes} bytes at {address:x} lie in no memory"
        );
        Ok(())
    }

    /// The values of an operand, matrix by matrix, as `[rows, cols]` before its transposition.
    fn operand(
        &self,
        operand: Operand,
        [rows, cols]: [usize; 2],
        element: Precision,
        batch: usize,
    ) -> Result<impl Fn(usize, usize) -> f64> {
        ensure!(operand.leading >= rows, "columns overlap");
        let last = (batch * operand.stride) + (cols - 1) * operand.leading + rows;
        self.holds(operand.address, last * element.bytes())?;
        Ok(move |row: usize, col: usize| {
            let (row, col) = if operand.transposed {
                (col, row)
            } else {
                (row, col)
            };
            let at = batch * operand.stride + col * operand.leading + row;
            let address = operand.address + (at * element.bytes()) as u64;
            // SAFETY: within the memory that was found above.
            unsafe {
                match element {
                    Precision::F32 => f64::from(*(address as *const f32)),
                    Precision::Bf16 => {
                        let bits = *(address as *const u16);
                        f64::from(f32::from_bits(u32::from(bits) << 16))
                    }
                }
            }
        })
    }
}

impl Driver for Simulated {
    type Memory = Memory;

    fn name(&self) -> String {
        format!("simulated GPU ({:?})", self.order)
    }

    fn alloc(&self, bytes: usize) -> Result<Memory> {
        ensure!(bytes > 0, "a device has no memory of 0 bytes");
        let words = (2 * GUARD + bytes).div_ceil(8);
        let mut memory = Memory {
            words: vec![u64::from_ne_bytes([GUARD_BYTE; 8]); words],
            bytes,
            live: Arc::clone(&self.live),
        };
        memory.own().fill(FRESH_BYTE);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(memory.address(), bytes);
        drop(live);
        Ok(memory)
    }

    fn address(&self, memory: &Memory) -> u64 {
        memory.address()
    }

    fn write(&self, memory: &mut Memory, bytes: &[u8]) -> Result<()> {
        memory.own()[..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, memory: &Memory, bytes: &mut [u8]) -> Result<()> {
        bytes.copy_from_slice(&memory.all()[GUARD..GUARD + memory.bytes][..bytes.len()]);
        Ok(())
    }

    fn zero(&self, memory: &mut Memory) -> Result<()> {
        memory.own().fill(0);
        Ok(())
    }

    unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()> {
        self.holds(from, bytes)?;
        self.holds(to, bytes)?;
        // SAFETY: both lie in memory that lives; the caller promises that they are two.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes) };
        Ok(())
    }

    unsafe fn launch(
        &self,
        kernel: &'static str,
        grid: [u32; 2],
        arguments: &[Argument],
    ) -> Result<()> {
        let Some(Kernel { launch, signature }) = self.kernels.get(kernel) else {
            bail!("no kernel {kernel}");
        };
        let letters: String = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Pointer(_) => 'p',
                Argument::Values(_) => 'v',
                Argument::Int(_) => 'i',
                Argument::Long(_) => 'l',
                Argument::Float(_) => 'f',
            })
            .collect();
        ensure!(
            letters == *signature,
            "{kernel} takes {signature}, got {letters}"
        );
        let mut pointers: Vec<*mut c_void> = arguments.iter().map(Argument::pointer).collect();
        let reversed = u32::from(self.order == Order::Reversed);
        let sizes = [grid[0], grid[1], THREADS as u32, reversed];
        // SAFETY: the arguments are of the kernel's types; what it reads and writes is the
        // caller's promise, which guards and NaN check.
        let failed = unsafe { launch(&raw const sizes, pointers.as_mut_ptr()) };
        ensure!(
            failed == 0,
            "{kernel}: only some of a block's threads reached a barrier"
        );
        Ok(())
    }

    unsafe fn product(&self, product: &Product) -> Result<()> {
        let Product { m, n, k, .. } = *product;
        let sizes = |operand: Operand, [rows, cols]: [usize; 2]| {
            if operand.transposed {
                [cols, rows]
            } else {
                [rows, cols]
            }
        };
        for batch in 0..product.batch {
            let element = product.element;
            let a = self.operand(product.a, sizes(product.a, [m, k]), element, batch)?;
            let b = self.operand(product.b, sizes(product.b, [k, n]), element, batch)?;
            let c = self.operand(product.c, [m, n], product.result, batch)?;
            for col in 0..n {
                for row in 0..m {
                    let sum: f64 = (0..k).map(|i| a(row, i) * b(i, col)).sum();
                    let before = if product.add { c(row, col) } else { 0.0 };
                    let at = batch * product.c.stride + col * product.c.leading + row;
                    let address = product.c.address + (product.result.bytes() * at) as u64;
                    let value = (sum + before) as f32;
                    // SAFETY: within c's memory, which `operand` has found.
                    unsafe {
                        match product.result {
                            Precision::F32 => *(address as *mut f32) = value,
                            Precision::Bf16 => *(address as *mut bf16) = bf16::from_f32(value),
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
