//! The GPU's operations in the shared tests: on the simulated device, with threads in both orders,
//! and, where the build and the machine have one, on the first GPU.

use super::{
    Host, Operation,
    attention::{Attention, attention, for_flash, packed},
    close, random, up,
};
use crate::ops::{
    Backend, Precision, Targets,
    cpu::Cpu,
    cuda::simulated::{Order, compiler, open},
};

/// Runs an expression on every GPU there is; `run: impl Fn(&B)` for any backend `B`.
macro_rules! on_gpus {
    ($backend:ident => $run:expr) => {
        $crate::ops::tests::gpus::on_gpus_in!(F32, $backend => $run)
    };
}
pub(crate) use on_gpus;

/// The same with products in bf16.
macro_rules! on_gpus_in_bf16 {
    ($backend:ident => $run:expr) => {
        $crate::ops::tests::gpus::on_gpus_in!(Bf16, $backend => $run)
    };
}
pub(crate) use on_gpus_in_bf16;

macro_rules! on_gpus_in {
    ($precision:ident, $backend:ident => $run:expr) => {{
        use $crate::ops::{Precision, cuda::simulated};
        if simulated::compiler() {
            let order = simulated::Order::Reversed;
            let $backend = &simulated::open(order, Precision::$precision).unwrap();
            $run;
        }
        #[cfg(feature = "cuda")]
        if let Some($backend) = $crate::ops::tests::gpus::device(Precision::$precision) {
            let $backend = &$backend;
            $run;
        }
    }};
}
pub(crate) use on_gpus_in;

/// The first GPU of the machine; says so where there is none.
#[cfg(feature = "cuda")]
pub(crate) fn device(
    precision: Precision,
) -> Option<crate::ops::cuda::Gpu<crate::ops::cuda::nvidia::Nvidia>> {
    use std::io::Write as _;
    match crate::ops::cuda::nvidia::open(0, precision) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: no GPU runs the kernels ({error:#})"
            );
            None
        }
    }
}

/// Outputs and gradients of every operation that sums over threads.
fn everything<B: Backend>(b: &B) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    let mut add = |name: &str, operation: &dyn Fn(&B) -> Vec<Vec<f32>>| {
        let values = operation(b);
        assert!(
            values.iter().flatten().all(|v| v.is_finite()),
            "{name}: something was not written"
        );
        all.extend(values);
    };
    add("attention", &|b| of(b, &attention(150, 2), 32));
    add("packed attention", &|b| of(b, &packed(), 32));
    for (name, flash) in for_flash() {
        add(&name, &|b| of(b, &flash, flash.width()));
    }
    add("rms_norm", &|b| of(b, &super::Norm, 24));
    add("layer_norm", &|b| of(b, &super::gpt::LayerNorm, 24));
    add("swiglu", &|b| of(b, &super::SwiGlu, 40));
    add("gelu", &|b| of(b, &super::gpt::Gelu, 40));
    add("sums", &|b| of(b, &super::gpt::Sums, 5));
    add("embedding", &|b| of(b, &super::Embedding, 5));
    add("head", &|b| {
        vec![
            super::Head.forward(b, &super::Head.inputs()),
            super::Head
                .backward(b, &super::Head.inputs(), &random(1, 1, 4))
                .concat(),
        ]
    });
    all
}

fn of<B: Backend>(b: &B, operation: &impl Operation, width: usize) -> Vec<Vec<f32>> {
    let inputs = operation.inputs();
    let out = operation.forward(b, &inputs);
    let probe = random(out.len() / width, width, 4);
    let mut all = operation.backward(b, &inputs, &probe);
    all.push(out);
    all
}

#[test]
fn the_order_of_threads_does_not_change_the_bits() {
    if !compiler() {
        return;
    }
    for precision in [Precision::F32, Precision::Bf16] {
        let forward = everything(&open(Order::Forward, precision).unwrap());
        let reversed = everything(&open(Order::Reversed, precision).unwrap());
        assert_eq!(forward, reversed);
    }
}

#[test]
fn a_table_s_gradient_has_the_bits_of_the_cpu() {
    fn gradient<B: Backend>(b: &B, ids: &[u32]) -> Vec<f32> {
        let mut table = up(b, &random(20, 300, 1));
        b.embed_backward_add(ids, &up(b, &random(300, 300, 2)), &mut table)
            .unwrap();
        b.download(&table).unwrap()
    }
    let ids: Vec<u32> = (0..300).map(|i| i * i % 17).collect();
    let want = gradient(&Cpu::default(), &ids);
    on_gpus!(b => assert_eq!(gradient(b, &ids), want));
}

/// A product, attention and a head, with their gradients, large enough for bf16.
fn in_bf16<B: Backend>(b: &B) -> Vec<(String, Vec<f32>)> {
    let (x, w, dy) = (random(130, 48, 1), random(40, 48, 2), random(130, 40, 3));
    let (x, w, dy) = (up(b, &x), up(b, &w), up(b, &dy));
    let mut dw = b.zeros(40, 48).unwrap();
    b.linear_dw_add(&x, &dy, &mut dw).unwrap();
    let product = |name: &str, buf: B::Buf| (name.to_owned(), b.download(&buf).unwrap());
    let mut all = vec![
        product("linear", b.linear(&x, &w).unwrap()),
        product("linear_dx", b.linear_dx(&dy, &w).unwrap()),
        product("linear_dw", dw),
    ];
    let cases: Vec<(String, Attention)> = [("packed".to_owned(), packed())]
        .into_iter()
        .chain(for_flash())
        .collect();
    for (case, attention) in &cases {
        let names = ["dq", "dk", "dv", "out"].map(|name| format!("{name}, {case}"));
        all.extend(names.into_iter().zip(of(b, attention, attention.width())));
    }
    let table: Host = random(300, 48, 5);
    let (ids, counted): (Vec<u32>, Vec<bool>) = (0..130).map(|i| (i * 2, i % 7 != 3)).unzip();
    let targets = Targets {
        ids: &ids,
        counted: &counted,
        scale: 0.01,
        z_loss: 1e-3,
        weights: &[],
    };
    let mut dw = b.zeros(300, 48).unwrap();
    let loss = b
        .head_loss(&x, &up(b, &table), targets, Some(&mut dw))
        .unwrap();
    let sums = vec![loss.nats as f32, loss.squares as f32];
    all.push(("loss".to_owned(), sums));
    all.push(product("head's dx", loss.dx.unwrap()));
    all.push(product("head's dw", dw));
    all
}

#[test]
fn bf16_products_are_near_f32_and_not_the_same() {
    let want = in_bf16(&Cpu::default());
    let compare = |got: Vec<(String, Vec<f32>)>| {
        for ((name, got), (_, want)) in got.iter().zip(&want) {
            // What comes out is bf16, too: a part in 256.
            close(name, got, want, 2e-2);
            assert_ne!(got, want, "{name} was not made in bf16");
        }
    };
    if compiler() {
        compare(in_bf16(&open(Order::Forward, Precision::Bf16).unwrap()));
    }
    #[cfg(feature = "cuda")]
    if let Some(gpu) = device(Precision::Bf16) {
        compare(in_bf16(&gpu));
    }
}
