"""The site: `make docs` builds it, a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

import passband

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "passband"
author = "The passband contributors"
copyright = author
version = release = passband.__version__

extensions = [
    "benchmark_tables",
    "drawn",
    "mathml",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]  # classes without what they inherit
exclude_patterns = [
    "_build",
    "gallery/**/*.ipynb",
    "gallery/**/*.py",
    "**/README.rst",
    "sg_execution_times.rst",
]
default_role = "code"  # docstrings write code in single backticks
nitpicky = False
suppress_warnings = ["config.cache"]  # the order of the gallery is an object

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
autosummary_generate = True
autosummary_ignore_module_all = False
add_module_names = False
napoleon_use_rtype = False

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\w+\.py$",
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "plot_gallery": True,
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib", "gallery.begin"),
    "image_srcset": ["2x"],
    "subsection_order": [
        f"../examples/{part}" for part in ("bands", "models", "memory", "specnet")
    ],
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "furo"
html_title = f"passband {release}"
html_static_path = ["_static"]
html_css_files = ["passband.css", "gallery.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5fa5", "color-brand-content": "#0b5fa5"},
    "dark_css_variables": {"color-brand-primary": "#6db3f2", "color-brand-content": "#6db3f2"},
}
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
