"""Sphinx: `make docs`. Pictures are drawn during the build by the code that stands above them."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference_pages  # noqa: E402

import fastconv  # noqa: E402

project = "fastconv"
author = "fastconv developers"
release = version = fastconv.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
]
exclude_patterns = ["build"]
html_theme = "alabaster"
html_theme_options = {"description": "Convolution on NumPy arrays", "page_width": "1080px", "fixed_sidebar": True}
html_title = f"fastconv {release}"

autosummary_generate = False
autodoc_typehints = "none"
numpydoc_show_class_members = False

plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 100)]
plot_working_directory = str(HERE)

reference_pages.write(HERE / "api")


def plain_text(app, what, name, obj, options, lines):
    reference_pages.escape(lines)


def setup(app):
    app.connect("autodoc-process-docstring", plain_text, priority=100)
