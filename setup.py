"""Builds the kernels once per instruction set and links them into fastconv._core.

Metadata lives in pyproject.toml. Environment: FASTCONV_OPENMP=0 builds serially, FASTCONV_WIDE=1 adds the
512-bit code paths compiled for any x86-64 (tests of them on machines that lack AVX-512),
FASTCONV_CFLAGS adds compiler flags, FASTCONV_LDFLAGS linker flags (sanitizers).
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

WIDE = os.environ.get("FASTCONV_WIDE") == "1"
EXTRA_CFLAGS = shlex.split(os.environ.get("FASTCONV_CFLAGS", ""))
EXTRA_LDFLAGS = shlex.split(os.environ.get("FASTCONV_LDFLAGS", ""))

# Without MMX: GCC moves single words through its registers, and long doubles of the process are NaN from then on. The
# baseline, which processors of the last ten years never run, is compiled for size: a third smaller and 9 % slower.
X86_ISA_FLAGS = {
    "baseline": ["-march=x86-64-v2", "-mno-mmx", "-Os"],
    "avx2": ["-march=x86-64-v3", "-mno-mmx"],
    "avx512": ["-march=x86-64-v4", "-mno-mmx", "-mprefer-vector-width=512"],
}
ARM_ISA_FLAGS = {"baseline": [], "neon": []}


def target_machine():
    # A cross build names its target in _PYTHON_HOST_PLATFORM (linux-aarch64).
    name = os.environ.get("_PYTHON_HOST_PLATFORM", "") or platform.machine()
    archflags = os.environ.get("ARCHFLAGS", "")
    return "arm" if any(key in (archflags or name) for key in ("aarch64", "arm64", "ARM64")) else "x86"


ISA_FLAGS = dict(ARM_ISA_FLAGS if target_machine() == "arm" else X86_ISA_FLAGS)
if WIDE:
    ISA_FLAGS["wide"] = ISA_FLAGS["baseline"] + ["-O1", "-Wno-psabi"]  # -O3 takes minutes

COMMON_FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
                "-fvisibility=hidden", "-fno-asynchronous-unwind-tables", "-g0", "-Wall", "-Wextra",
                "-Wno-unknown-pragmas"]
# GCC's -O3 inlines, splits and vectorises what makes kernels larger and no faster: what has to be inlined says so, and
# loops that matter are written in vectors.
SMALLER = ["-fno-inline-functions", "-fno-split-loops", "-fno-tree-loop-vectorize"]
IS_GCC = "#if !defined __GNUC__ || defined __clang__\n#error\n#endif\nint main(void) { return 0; }\n"
HEADERS = sorted(str(path) for pattern in ("*.h", "*.def", "*.inc.c") for path in Path("src_c").rglob(pattern))
CORE_PARTS = sorted(str(path) for pattern in ("*.h", "*.pxi") for path in Path("fastconv").glob(pattern))


def compiles(compiler, flags, source):
    """Whether `source` compiles and links with `flags`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.c"
        path.write_text(source)
        try:
            objects = compiler.compile([str(path)], output_dir=folder, extra_postargs=flags)
            compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=flags)
        except Exception:
            return False
    return True


def openmp_flags(compiler):
    """(compile flags, link flags) that give OpenMP, or two empty lists: then the build is serial."""
    if os.environ.get("FASTCONV_OPENMP") == "0" or sys.platform == "win32":
        return [], []
    source = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
    candidates = [(["-fopenmp"], ["-fopenmp"])]
    if sys.platform == "darwin":
        candidates = [(["-Xpreprocessor", "-fopenmp"], ["-lomp"])]
    for cflags, ldflags in candidates:
        if compiles(compiler, cflags + ldflags, source):
            return cflags, ldflags
    print("fastconv: no OpenMP found, building the serial version", file=sys.stderr)
    return [], []


# Windows: cl.exe knows neither the vector types nor the flags of the kernels, clang-cl beside it does. Its own run-time
# library tells the processor's features; its OpenMP would need another installation, so the build is serial.
def use_clang_cl(compiler):
    if not shutil.which("clang-cl"):
        raise SystemExit("fastconv: needs clang-cl (LLVM for Windows) on the path")
    compiler.initialize()
    compiler.cc = shutil.which("clang-cl")


def clang_runtime():
    command = ["clang", "-print-libgcc-file-name", "--rtlib=compiler-rt"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def library(name, sources, flags):
    return (name, {"sources": [f"src_c/{source}" for source in sources], "include_dirs": ["src_c"],
                   "obj_deps": {"": HEADERS}, "cflags": COMMON_FLAGS + flags + EXTRA_CFLAGS})


KERNELS = [
    library(f"fastconv_{isa}", [f"isa/{isa}_f32.c", f"isa/{isa}_f64.c"], flags) for isa, flags in ISA_FLAGS.items()
]
DISPATCH = library("fastconv_dispatch", ["isa/dispatch.c"], ISA_FLAGS["baseline"] + (["-DFC_WIDE"] if WIDE else []))
PARALLEL = library("fastconv_parallel", ["parallel.c"], [*ISA_FLAGS["baseline"], "-O2"])


class BuildKernels(build_clib):
    """build_clib with OpenMP where it exists, and as many compilers at work as there are processors."""

    def build_libraries(self, libraries):
        if self.compiler.compiler_type == "msvc":
            use_clang_cl(self.compiler)
            for _, info in libraries:
                info["cflags"] = [f"/clang:{flag}" for flag in info["cflags"]]
        elif compiles(self.compiler, SMALLER, IS_GCC):
            for _, info in libraries:
                info["cflags"] = info["cflags"] + SMALLER
        cflags, _ = openmp_flags(self.compiler)
        for name, info in libraries:
            if name == "fastconv_parallel":
                info["cflags"] = info["cflags"] + cflags
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda one: super(BuildKernels, self).build_libraries([one]), libraries))


class BuildExtension(build_ext):
    def build_extensions(self):
        _, ldflags = openmp_flags(self.compiler)
        for extension in self.extensions:
            extension.depends += map(str, Path(self.build_temp).glob("lib*.a"))  # relink when a kernel changed
            extension.extra_link_args += ldflags + EXTRA_LDFLAGS
            if self.compiler.compiler_type == "msvc":
                extension.extra_link_args.append(clang_runtime())
        super().build_extensions()


setup(
    # In link order: the extension calls dispatch, dispatch the kernels, kernels the threads.
    libraries=[DISPATCH, *KERNELS, PARALLEL],
    ext_modules=[
        Extension(
            "fastconv._core",
            ["fastconv/_core.pyx"],
            include_dirs=["src_c", "fastconv", numpy.get_include()],
            define_macros=[(name, "NPY_2_0_API_VERSION") for name in ("NPY_NO_DEPRECATED_API", "NPY_TARGET_VERSION")],
            depends=[*HEADERS, *CORE_PARTS],
            extra_compile_args=["-O1", "-fvisibility=hidden", "-fno-asynchronous-unwind-tables", *EXTRA_CFLAGS],
        )
    ],
    cmdclass={"build_clib": BuildKernels, "build_ext": BuildExtension},
)
