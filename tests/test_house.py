"""House rules: who may import and include whom, one place for threads, no flag that changes the process."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastconv import _core

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fastconv"
SOURCES = ROOT / "src_c"

in_a_checkout = pytest.mark.skipif(not SOURCES.is_dir(), reason="the sources are not here")

# Each room, and the rooms it may import from. Rooms are the top-level modules and packages of fastconv.
LOW = {"_core", "seeding", "geometry", "tensor", "op"}
ARROWS = {
    "_core": set(),
    "seeding": set(),
    "extras": set(),
    "geometry": {"_core"},
    "runtime": {"_core", "geometry"},
    "tensor": {"_core", "geometry"},
    "autograd": {"geometry", "seeding", "tensor"},
    "op": {"geometry", "tensor"},
    "insight": LOW | {"ops"},
    "api": LOW | {"autograd", "insight", "ops", "runtime"},
    "ops": LOW | {"runtime"},
    "nn": LOW - {"_core"} | {"ops", "runtime"},
    "optim": {"_core", "geometry", "tensor", "nn"},
    "train": LOW - {"_core"} | {"extras", "ops", "nn", "optim", "runtime"},
    "compat": LOW - {"_core"} | {"extras", "ops", "nn", "optim", "train", "runtime"},
    "cli": {"geometry", "ops", "nn", "optim", "train", "runtime", "tensor"},
    "__main__": {"cli"},
}
OPTIONAL = {"sklearn", "scipy", "matplotlib", "tqdm", "safetensors", "onnx", "torch", "keras", "autograd", "ml_dtypes"}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path, whole_tree=True):
    """(module, name or None, line) of each import, relative ones made absolute."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = ("fastconv", *path.relative_to(PACKAGE).with_suffix("").parts)
    for node in ast.walk(tree) if whole_tree else tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from ((module, alias.name, node.lineno) for alias in node.names)


def imported_rooms(path):
    for module, name, line in imports(path):
        parts = module.split(".")
        if parts[0] == "fastconv":
            target = parts[1] if len(parts) > 1 else name
            if target in ARROWS:
                yield target, line


@in_a_checkout
@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path):
    here = room(path)
    if here == "__init__":
        return
    assert here in ARROWS, f"{here} has no place in the map; give it one in tests/test_house.py and README.md"
    wrong = [
        f"{path}:{line} imports {there}" for there, line in imported_rooms(path) if there not in ARROWS[here] | {here}
    ]
    assert not wrong, wrong


@in_a_checkout
def test_operations_leave_errors_to_geometry():
    for path in sorted((PACKAGE / "ops").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        raised = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Raise)]
        assert not raised, f"{path} raises in {raised}"


@in_a_checkout
@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_but_numpy_is_imported_at_module_level(path):
    found = [(module, line) for module, _, line in imports(path, whole_tree=False) if module.split(".")[0] in OPTIONAL]
    assert not found, f"{path} imports {found} for everybody"


def test_importing_fastconv_imports_no_optional_package():
    code = "import sys, fastconv; print([m for m in sys.modules if m.split('.')[0] in sys.argv[1].split(',')])"
    result = subprocess.run(
        [sys.executable, "-c", code, ",".join(OPTIONAL)], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def loaded_by(statement):
    """(rooms of fastconv, other modules) that `statement` imports and NumPy did not; Cython's own aside."""
    code = f"import sys, numpy; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {name for name in result.stdout.split() if not name.startswith(("_cython", "cython"))}
    ours = {name for name in names if name.startswith("fastconv")}
    return {".".join(name.split(".")[1:2]) for name in ours}, names - ours


def test_importing_fastconv_imports_almost_nothing_beside_numpy():
    rooms, others = loaded_by("import fastconv")
    assert rooms == {"", "_core", "geometry", "runtime", "op", "tensor"}
    assert others <= {"threading", "__future__", "contextvars", "contextlib", "typing"}


def test_an_operation_imports_neither_layers_nor_training():
    rooms, _ = loaded_by("import fastconv; fastconv.conv2d")
    assert rooms.isdisjoint({"nn", "optim", "train", "compat", "cli"})


@pytest.mark.parametrize(
    "statement",
    [
        "import fastconv.nn; @",
        "import fastconv.compat.ndimage; @",
        "from fastconv import op; @",
        "fastconv.Tensor; @",
        "import fastconv.op; @",
    ],
)
def test_public_names_are_the_same_in_whatever_order_they_are_imported(statement):
    check = "assert fastconv.op.__name__ == 'op' and callable(fastconv.op); assert len(fastconv.OPS) > 50"
    code = "import fastconv; " + statement.replace("@", check)
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_users_operation_stays_where_it_was_declared():
    code = """
import fastconv
@fastconv.op("input")
def cube(input):
    return input**3, ()
assert "cube" in fastconv.OPS and "cube" not in fastconv.__all__
assert cube.__module__ == "__main__" and not hasattr(fastconv, "cube")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_dir_and_star_give_every_public_name():
    code = """
import fastconv
assert {"conv2d", "conv2d_backward", "Tensor", "OPS", "explain", "nn", "compat", "train"} <= set(dir(fastconv))
from fastconv import *
assert set(fastconv.__all__) <= set(globals())
assert conv2d is fastconv.conv2d
assert not hasattr(fastconv, "conv4d")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "expression", ["tensor + 1", "1 / tensor", "tensor == 3", "tensor[0]", "tensor.sum()", "tensor.T"]
)
def test_a_tensor_has_its_operators_before_any_operation_is_imported(expression):
    code = f"import fastconv.tensor; tensor = fastconv.tensor.Tensor([3.0]); assert ({expression}).shape in [(), (1,)]"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@in_a_checkout
def test_examples_and_benchmarks_use_the_public_interface():
    for folder in ("bench", "examples"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found = re.findall(r"fastconv\.(?:ops|op|geometry|tensor)\b|from fastconv import _core", text)
            assert not found, f"{path} reaches into {found}"


def core_parts():
    """_core.pyx, and the parts that it includes."""
    return [PACKAGE / "_core.pyx", *sorted(PACKAGE.glob("*.pxi"))]


# C ------------------------------------------------------------------------------------------------


def c_files():
    return sorted(path for pattern in ("*.c", "*.h", "*.def") for path in SOURCES.rglob(pattern))


def c_room(path):
    parts = path.relative_to(SOURCES).parts
    return parts[0] if len(parts) > 1 else ""


# Kernels know no threads, geometry or memory; operators know kernels; an instruction set compiles both.
C_ARROWS = {
    "": {"", "isa"},
    "kernels": {"kernels"},
    "ops": {"ops", "kernels", ""},
    "isa": {"isa", "ops", "kernels", ""},
}


@in_a_checkout
@pytest.mark.parametrize("path", c_files(), ids=lambda p: str(p.relative_to(SOURCES)))
def test_includes_follow_the_arrows(path):
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.M):
        target = next(p for p in ((path.parent / name).resolve(), (SOURCES / name).resolve()) if p.exists())
        assert c_room(target) in C_ARROWS[c_room(path)], f"{path} includes {name}"


@in_a_checkout
@pytest.mark.parametrize("path", c_files(), ids=lambda p: str(p.relative_to(SOURCES)))
def test_c_knows_no_python_memory_or_printing_and_only_one_file_knows_threads(path):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.S)
    for word in ("Python.h", "malloc", "calloc", "realloc", "free", "printf", "exit", "abort"):
        assert not re.search(rf"\b{re.escape(word)}\b", text), f"{path} uses {word}"
    if path.name != "parallel.c":
        assert "pragma omp" not in text, f"{path} uses OpenMP"
        assert "omp.h" not in text, f"{path} uses OpenMP"


@in_a_checkout
def test_every_operator_in_the_core_raises_what_interrupted_it():
    """One that does not would leave the next operator of its thread undone."""
    parts = [path.read_text(encoding="utf-8") for path in core_parts() if path.name != "_machine.pxi"]
    ends = r"^    with nogil:\n(?:        .*\n)+(?:    pool\.append\(arena\)\n)?(.*)"
    blocks = [end for text in parts for end in re.findall(ends, text, re.M)]
    assert len(blocks) == sum(text.count("with nogil:") for text in parts) > 10
    assert set(blocks) == {"    raise_interrupt()"}


@in_a_checkout
def test_the_core_includes_all_its_parts_and_a_change_of_any_rebuilds_it():
    core, *parts = core_parts()
    assert sorted(re.findall(r'^include "(.*)"$', core.read_text(encoding="utf-8"), re.M)) == [p.name for p in parts]
    watched = re.search(r"^BUILD_INPUTS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    for pattern in ("*.pyx", "*.pxi", "*.h"):
        assert f"fastconv/{pattern}" in watched


@in_a_checkout
def test_no_flag_that_breaks_floating_point_or_other_machines():
    files = [ROOT / "setup.py", ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / ".ci" / "run", *c_files()]
    for path in files:
        text = path.read_text(encoding="utf-8")
        for flag in ("-ffast-math", "-Ofast", "-march=native", "-funsafe-math", "fast-math"):
            assert flag not in text, f"{path} has {flag}"


@in_a_checkout
def test_no_file_is_too_long_for_one_idea():
    for path in [*modules(), *core_parts(), *c_files(), *sorted((ROOT / "tests").rglob("*.py"))]:
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= 450, f"{path} has {lines} lines"


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
def test_the_extension_exports_nothing_but_its_entry():
    if not _core.__file__.endswith(".so"):
        pytest.skip("no ELF or Mach-O file")
    result = subprocess.run(["nm", "-D", "--defined-only", _core.__file__], capture_output=True, text=True)
    if result.returncode:
        pytest.skip("nm cannot read dynamic symbols here")
    symbols = {line.split()[-1].lstrip("_") for line in result.stdout.splitlines()}
    assert symbols - {"init", "fini", "bss_start", "edata", "end"} == {"PyInit__core"}
