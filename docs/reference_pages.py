"""The pages of the reference, written from the package itself: one page a module, every public name on it."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import fastconv
from fastconv import nn, optim, train

PARTS = {
    "fastconv.ops": "Operations",
    "fastconv.nn": "Layers",
    "fastconv.optim": "Optimisers",
    "fastconv.train": "Training",
    "fastconv.compat": "Beside other packages",
    "fastconv": "Tensors, threads, configuration",
}

# The drop-ins that need no more than the pages do; the others wrap every operation under its own name.
NEIGHBOURS = ("ndimage", "signal", "sklearn")


def _home(value) -> str:
    module = inspect.getmodule(value)
    return module.__name__ if module else ""


def public_objects():
    """Every public function and class: {qualified name: object}."""
    objects = {f"fastconv.{name}": getattr(fastconv, name) for name in fastconv.__all__}
    for package in (nn, optim, optim.lr_scheduler, train):
        objects |= {f"{package.__name__}.{name}": getattr(package, name) for name in package.__all__}
    modules = [nn.functional, nn.init, train.data, train.pictures, train.transforms]
    modules += [importlib.import_module(f"fastconv.compat.{name}") for name in NEIGHBOURS]
    for module in modules:
        names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
        own = {f"{module.__name__}.{name}": getattr(module, name) for name in names}
        objects |= {name: value for name, value in own.items() if _home(value).startswith(module.__name__)}
    return {name: value for name, value in objects.items() if inspect.isclass(value) or inspect.isroutine(value)}


def entries():
    """(part, module, [qualified names]) in the order of PARTS and of the modules' files."""
    by_module = {}
    for name, value in public_objects().items():
        by_module.setdefault(value.__module__, []).append(name)
    for part in PARTS:
        package = importlib.import_module(part)
        found = [part] + [f"{part}.{m.name}" for m in pkgutil.iter_modules(package.__path__)] * (part != "fastconv")
        if part == "fastconv":
            found = [module for module in by_module if module.count(".") == 1]
        for module in found:
            if module in by_module:
                yield part, module, by_module.pop(module)
    for module, names in by_module.items():
        yield "fastconv" if module.count(".") < 2 else ".".join(module.split(".")[:2]), module, names


# Docstrings are plain text with backquotes: what else reStructuredText would take for markup is escaped.
MARKUP = re.compile(r"(`+[^`]*`+)|([*|]|_(?=\W|$))")


def escape(lines: list[str]) -> None:
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[i] = MARKUP.sub(lambda found: found[1] or "\\" + found[2], line)


def heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n\n"


# Methods that a package outside writes into our classes, as scikit-learn does: their docstrings refer to its pages.
def foreign_methods(cls) -> list[str]:
    methods = {name: getattr(cls, name) for name in vars(cls)}
    return [n for n, m in methods.items() if inspect.isroutine(m) and not _home(m).startswith("fastconv")]


def page(module: str, names: list[str]) -> str:
    summary = (importlib.import_module(module).__doc__ or module).strip().splitlines()[0].rstrip(".:")
    text = f".. currentmodule:: {module}\n\n" + heading(summary, "=")
    text += ".. autosummary::\n\n" + "".join(f"   {name.removeprefix(module + '.')}\n" for name in names) + "\n"
    for name in names:
        value = public_objects()[name]
        text += f".. auto{'class' if inspect.isclass(value) else 'function'}:: {name}\n"
        if inspect.isclass(value):
            text += f"   :members:\n   :exclude-members: {', '.join(foreign_methods(value))}\n"
        text += "\n"
    return text


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    listed = {part: [] for part in PARTS}
    for part, module, names in entries():
        file = module.removeprefix("fastconv.").replace(".", "_")
        (folder / f"{file}.rst").write_text(page(module, names), encoding="utf-8")
        listed[part].append(file)
    index = heading("Reference", "=")
    for part, title in PARTS.items():
        index += f".. toctree::\n   :maxdepth: 1\n   :caption: {title}\n\n"
        index += "".join(f"   {file}\n" for file in listed[part]) + "\n"
    (folder / "index.rst").write_text(index, encoding="utf-8")
