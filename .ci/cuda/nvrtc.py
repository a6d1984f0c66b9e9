"""Compiles a CUDA source with NVRTC, which needs no GPU: nvrtc.py LIBRARY ARCH SOURCE."""

import ctypes
import sys

library, arch, path = sys.argv[1:]
nvrtc = ctypes.CDLL(library)
source = open(path, "rb").read()

program = ctypes.c_void_p()
nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"prep_kernels.cu", 0, None, None)
options = (ctypes.c_char_p * 1)(b"--gpu-architecture=compute_" + arch.encode())
failed = nvrtc.nvrtcCompileProgram(program, 1, options)


def text(size_of, get):
    """What NVRTC holds for the program, as it asks for it: a size, then a buffer."""
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.value.decode()


log = text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog).strip()
if failed or log:
    sys.exit(f"NVRTC for compute_{arch}: {failed}\n{log}")
ptx = text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
print(f"compute_{arch}: {ptx.count('.entry')} kernels, {len(ptx)} bytes of PTX")
