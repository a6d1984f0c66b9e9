//! What the shared tests of `ops/tests` do not see: the list of kernels, the rounding to bf16, and
//! that the simulated device notices what a device would not forgive.

use half::bf16;

use super::{
    Gpu, KERNELS, SOURCE, THREADS, WIDTH,
    driver::{
        Argument::{self, Int},
        Driver,
    },
    simulated::{Order, Simulated, compiler, open},
};
use crate::ops::{Backend, Precision};

fn gpu() -> Option<Gpu<Simulated>> {
    compiler().then(|| open(Order::Forward, Precision::F32).unwrap())
}

#[test]
fn the_source_defines_the_kernels_that_are_launched() {
    let first = |rest: &'static str| rest.split(',').next().unwrap_or_default();
    let mut defined: Vec<String> = Vec::new();
    for line in SOURCE.lines() {
        if let Some(rest) = line.strip_prefix("KERNEL(") {
            defined.push(first(rest).to_owned());
        } else if let Some(rest) = line.strip_prefix("FLASH(") {
            let names = ["flash", "flash_queries", "flash_keys"];
            defined.extend(names.map(|name| format!("{name}_{}", first(rest))));
        }
    }
    let mut listed = KERNELS.to_vec();
    defined.sort_unstable();
    listed.sort_unstable();
    assert_eq!(defined, listed);
    assert!(SOURCE.contains(&format!("#define THREADS {THREADS}\n")));
    assert!(SOURCE.contains(&format!("#define WIDTH {WIDTH}\n")));
}

#[test]
fn bf16_is_rounded_to_the_nearest_even() {
    let Some(gpu) = gpu() else { return };
    let mut values = vec![
        0.0,
        -0.0,
        1.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::from_bits(0x7f80_0001),
        f32::MAX,
        f32::MIN_POSITIVE / 3.0,
    ];
    // Every kind of tie and its neighbours.
    for upper in [0x3f80_u32, 0x3f81, 0xc2ff] {
        for lower in [0_u32, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
            values.push(f32::from_bits(upper << 16 | lower));
        }
    }
    let x = gpu.upload(1, values.len(), &values).unwrap();
    let cast = gpu.cast(&x, Precision::Bf16).unwrap();
    let mut bytes = vec![0; 2 * values.len()];
    gpu.driver()
        .read(&cast.matrix().memory, &mut bytes)
        .unwrap();
    for (value, pair) in values.iter().zip(bytes.chunks_exact(2)) {
        let got = bf16::from_bits(u16::from_ne_bytes([pair[0], pair[1]]));
        let want = bf16::from_f32(*value);
        assert!(
            got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
            "{value}: {got} instead of {want}"
        );
    }
}

#[test]
#[should_panic(expected = "outside of a memory")]
fn a_kernel_that_writes_too_far_is_noticed() {
    let Some(gpu) = gpu() else {
        panic!("outside of a memory is not looked at without g++")
    };
    let bias = gpu.upload(1, 4, &[1.0; 4]).unwrap();
    let y = gpu.zeros(2, 4).unwrap();
    let arguments = [gpu.at(&bias), gpu.at(&y), Int(4)];
    gpu.run("bias_add", [3, 1], &arguments).unwrap();
}

#[test]
fn arguments_of_other_types_are_noticed() {
    let Some(gpu) = gpu() else { return };
    let y = gpu.zeros(2, 4).unwrap();
    let arguments: [Argument; 3] = [gpu.at(&y), gpu.plain(&y), Int(4)];
    let error = gpu.run("bias_add", [2, 1], &arguments).unwrap_err();
    assert_eq!(error.to_string(), "bias_add takes vvi, got vpi");
}
