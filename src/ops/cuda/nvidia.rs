//! The driver of NVIDIA's GPUs: cudarc as candle brings it.
//!
//! Everything goes to one stream, the default one, so that it happens in the order of the calls
//! whichever thread makes them; cudarc's tracking of events between streams is off. This file is
//! the only part of the GPU's code that the simulated device does not run.

use std::{
    collections::BTreeMap,
    ffi::c_void,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, anyhow, bail};
use candle_core::cuda_backend::cudarc::{
    cublas::{CudaBlas, result as blas, sys as blas_sys},
    driver::{CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, result, sys},
    nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts},
};

use super::{
    Gpu, KERNELS, SOURCE, THREADS,
    driver::{Argument, Driver, Product},
};
use crate::ops::Precision;

/// A GPU with our kernels loaded.
pub struct Nvidia {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    blas: CudaBlas,
    functions: BTreeMap<&'static str, CudaFunction>,
}

/// Opens GPU `number` and compiles the kernels for it.
///
/// # Errors
/// When there is no such GPU, or the driver and the toolkit do not fit together.
pub fn open(number: usize, precision: Precision) -> Result<Gpu<Nvidia>> {
    let context = CudaContext::new(number).map_err(|error| anyhow!("{error}"))?;
    // SAFETY: one stream is used, so that there is nothing between streams to track.
    unsafe { context.disable_event_tracking() };
    let (major, minor) = context.compute_capability()?;
    if precision == Precision::Bf16 && major < 8 {
        bail!(
            "GPU {number} ({}) has no bf16: that begins with the cards of 2020 (Ampere). Leave \
             --dtype bf16 out",
            context.name()?
        );
    }
    keep_freed_memory(&context)?;
    let stream = context.default_stream();
    let blas = CudaBlas::new(Arc::clone(&stream)).context("cuBLAS")?;
    let architecture = format!("compute_{major}{minor}");
    let module = context.load_module(kernels_for(&architecture)?);
    let module = module.context("loading the kernels")?;
    let functions = KERNELS
        .into_iter()
        .map(|name| Ok((name, module.load_function(name).context(name)?)))
        .collect::<Result<_>>()?;
    let driver = Nvidia {
        context,
        stream,
        blas,
        functions,
    };
    Ok(Gpu::new(driver, precision))
}

/// The kernels compiled for an architecture, once a process.
fn kernels_for(architecture: &str) -> Result<Ptx> {
    static COMPILED: Mutex<BTreeMap<String, Ptx>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(ptx) = compiled.get(architecture) {
        return Ok(ptx.clone());
    }
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture={architecture}")],
        name: Some("prep_kernels.cu".to_owned()),
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(SOURCE, options)
        .map_err(|error| anyhow!("NVRTC on the kernels for {architecture}: {error:?}"))?;
    compiled.insert(architecture.to_owned(), ptx.clone());
    Ok(ptx)
}

/// Freed memory stays with the process, so that the next step finds it without a call to the
/// driver; by default it goes back whenever the device is waited for.
fn keep_freed_memory(context: &CudaContext) -> Result<()> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut most = u64::MAX;
    // SAFETY: the device lives, and the attribute is a u64.
    unsafe {
        let pool = result::device::get_default_mem_pool(context.cu_device())?;
        sys::cuMemPoolSetAttribute(
            pool,
            sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
            (&raw mut most).cast::<c_void>(),
        )
        .result()?;
    }
    Ok(())
}

impl Nvidia {
    /// The stream that everything goes to.
    #[cfg(feature = "nccl")]
    pub fn stream(&self) -> Arc<CudaStream> {
        Arc::clone(&self.stream)
    }

    /// Returns when all that was asked for is done.
    ///
    /// # Errors
    /// When the device fails.
    pub fn wait(&self) -> Result<()> {
        Ok(self.stream.synchronize()?)
    }

    /// Free bytes of the device (`cuMemGetInfo`).
    ///
    /// # Errors
    /// When the device fails.
    pub fn free_bytes(&self) -> Result<u64> {
        Ok(self.context.mem_get_info()?.0 as u64)
    }

    /// All bytes of the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn total_bytes(&self) -> Result<u64> {
        Ok(self.context.mem_get_info()?.1 as u64)
    }
}

fn element(element: Precision) -> blas_sys::cudaDataType {
    match element {
        Precision::F32 => blas_sys::cudaDataType::CUDA_R_32F,
        Precision::Bf16 => blas_sys::cudaDataType::CUDA_R_16BF,
    }
}

fn operation(transposed: bool) -> blas_sys::cublasOperation_t {
    if transposed {
        blas_sys::cublasOperation_t::CUBLAS_OP_T
    } else {
        blas_sys::cublasOperation_t::CUBLAS_OP_N
    }
}

impl Driver for Nvidia {
    type Memory = CudaSlice<u8>;

    fn name(&self) -> String {
        let name = self.context.name().unwrap_or_default();
        format!("cuda:{} ({name})", self.context.ordinal())
    }

    fn alloc(&self, bytes: usize) -> Result<CudaSlice<u8>> {
        // SAFETY: what is read of the memory was written before, which the tests check.
        let memory = unsafe { self.stream.alloc::<u8>(bytes) };
        memory.with_context(|| {
            format!(
                "the GPU has no room for {bytes} bytes more ({} are free). Choose a smaller \
                 --micro-batch or --seq-len",
                self.free_bytes().unwrap_or_default()
            )
        })
    }

    fn address(&self, memory: &CudaSlice<u8>) -> u64 {
        memory.device_ptr(&self.stream).0
    }

    fn write(&self, memory: &mut CudaSlice<u8>, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.memcpy_htod(bytes, memory)?)
    }

    fn read(&self, memory: &CudaSlice<u8>, bytes: &mut [u8]) -> Result<()> {
        let first = memory.slice(..bytes.len());
        self.stream.memcpy_dtoh(&first, bytes)?;
        Ok(self.stream.synchronize()?)
    }

    fn zero(&self, memory: &mut CudaSlice<u8>) -> Result<()> {
        Ok(self.stream.memset_zeros(memory)?)
    }

    unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()> {
        self.context.bind_to_thread()?;
        // SAFETY: the caller's promise.
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream.cu_stream())? };
        Ok(())
    }

    unsafe fn launch(
        &self,
        kernel: &'static str,
        grid: [u32; 2],
        arguments: &[Argument],
    ) -> Result<()> {
        let function = self.functions.get(kernel).context(kernel)?;
        let mut pointers: Vec<*mut c_void> = arguments.iter().map(Argument::pointer).collect();
        self.context.bind_to_thread()?;
        // SAFETY: the arguments are the kernel's, by the caller's promise.
        unsafe {
            result::launch_kernel(
                function.cu_function(),
                (grid[0], grid[1], 1),
                (THREADS as u32, 1, 1),
                0,
                self.stream.cu_stream(),
                &mut pointers,
            )
            .context(kernel)?;
        }
        Ok(())
    }

    unsafe fn product(&self, product: &Product) -> Result<()> {
        let Product { a, b, c, .. } = *product;
        let (alpha, beta) = (1.0_f32, f32::from(u8::from(product.add)));
        let int = |size: usize| i32::try_from(size).context("a product of more than 2^31");
        let kind = element(product.element);
        self.context.bind_to_thread()?;
        // SAFETY: the operands live, by the caller's promise; alpha and beta are of the host, as
        // the handle's pointer mode says by default.
        unsafe {
            blas::gemm_strided_batched_ex(
                *self.blas.handle(),
                operation(a.transposed),
                operation(b.transposed),
                int(product.m)?,
                int(product.n)?,
                int(product.k)?,
                (&raw const alpha).cast(),
                a.address as *const c_void,
                kind,
                int(a.leading)?,
                a.stride as i64,
                b.address as *const c_void,
                kind,
                int(b.leading)?,
                b.stride as i64,
                (&raw const beta).cast(),
                c.address as *mut c_void,
                element(product.result),
                int(c.leading)?,
                c.stride as i64,
                int(product.batch)?,
                blas_sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                blas_sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
            .context("cuBLAS")?;
        }
        Ok(())
    }
}
