"""Sphinx configuration of the documentation; ``nox -s docs`` builds it without the network."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))  # reference_pages, gallery_figures, repository_links

from reference_pages.measured import substitutions  # noqa: E402
from reference_pages.write import write_pages  # noqa: E402  beside this file

project = "REFP"
author = "The REFP developers"
project_copyright = author
version = release = installed_version("refp")

extensions = [
    "myst_parser",
    "numpydoc",
    "repository_links",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "study", "**/*.ipynb", "gallery/*.py"]
html_theme = "pydata_sphinx_theme"
html_title = "REFP"
html_logo = "../src/refp/web/static/icon.svg"
html_favicon = html_logo
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/refp/refp",
    "header_links_before_dropdown": 6,
    "logo": {"text": "REFP"},
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_sidebars = {"index": []}

myst_heading_anchors = 4
myst_enable_extensions = ["substitution"]
myst_substitutions = substitutions()
myst_links_external_new_tab = False
suppress_warnings = ["config.cache"]  # functions in sphinx_gallery_conf

autodoc_typehints = "none"  # numpydoc states types where they help
numpydoc_show_class_members = True
numpydoc_class_members_toctree = False
nitpicky = False
linkcheck_timeout = 20
linkcheck_ignore = [r"http://127\.0\.0\.1.*", r"https://github\.com/refp/refp.*"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"simulated\.py|autofocus_mda\.py|refocus\.py|__init__\.py",
    "image_scrapers": ("gallery_figures.scrape",),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1000,
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
}

write_pages(DOCS / "reference" / "generated")
