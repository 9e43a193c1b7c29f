"""Sphinx configuration. Nothing here needs a network."""

import csv
import datetime
import importlib.metadata
import inspect
import re
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.utils import estimator_html_repr
from sphinx.errors import ExtensionError

import sklearn_datamaps
import sklearn_datamaps.dask

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results"

project = "sklearn-datamaps"
author = "The sklearn-datamaps developers"
copyright = f"{datetime.date.today().year}, {author} (BSD-3-Clause)"  # noqa: A001 # Sphinx names it
release = importlib.metadata.version("sklearn-datamaps")
version = release

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.linkcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's lines say shapes as well
numpydoc_show_class_members = False  # the template lists them
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_extra_path = ["generated/site"]
html_css_files = ["site.css"]
html_title = "sklearn-datamaps"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_theme_options = {
    "github_url": "https://github.com/sklearn-datamaps/sklearn-datamaps",
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"start": [], "glossary": [], "changelog": [], "benchmarks": []}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    # A warning is shown on the page as a user would see it; an error ends the build.
    "min_reported_time": 0,
}


def linkcode_resolve(domain, info):
    """Return where the source of a public name stands."""
    if domain != "py" or not info["fullname"]:
        return None
    found = sklearn_datamaps
    for name in info["fullname"].split("."):
        found = getattr(found, name, None)
    try:
        function = inspect.unwrap(getattr(found, "fget", None) or found)
        path = Path(inspect.getsourcefile(function))
        _, line = inspect.getsourcelines(function)
    except (TypeError, OSError):
        return None
    package = Path(sklearn_datamaps.__file__).parents[1]
    if not path.is_relative_to(package):
        return None
    blob = "https://github.com/sklearn-datamaps/sklearn-datamaps/blob/main"
    return f"{blob}/{path.relative_to(package).as_posix()}#L{line}"


def write_benchmark_tables():
    """Write the committed results as Markdown tables: no figure is typed by hand."""
    folder = HERE / "generated"
    folder.mkdir(exist_ok=True)
    for path in sorted(RESULTS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if len(rows) > 60:
            continue
        lines = [header, ["---"] * len(header), *([_short(c) for c in r] for r in rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        (folder / f"{path.stem}.md.inc").write_text(f"{table}\n", encoding="utf-8")


def _short(cell):
    try:
        value = float(cell)
    except ValueError:
        return cell
    return f"{value:,.0f}" if value.is_integer() else f"{value:.3g}"


def write_explorer():
    """Make the page that the guide links, of digits with some wrong labels."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(y), 60, replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, 10, 60)) % 10
    network = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.01)
    clf = sklearn_datamaps.DataMapClassifier(
        network, n_epochs=20, cv=2, store_trajectories=True, random_state=0
    )
    folder = HERE / "generated" / "site"
    folder.mkdir(parents=True, exist_ok=True)
    data_map = clf.fit(X / 16, y).data_map_.with_columns(image=X.reshape(-1, 8, 8))
    data_map.explore(folder / "explorer.html")


def check_diagram_links(app, exception):
    """End the build where scikit-learn's diagrams link a page that is not there."""
    if exception is not None or app.builder.name != "html":
        return
    for home in (sklearn_datamaps, sklearn_datamaps.dask):
        for name in home.__all__:
            if not hasattr(getattr(home, name), "get_params"):
                continue
            diagram = estimator_html_repr(getattr(home, name)())
            (page,) = set(re.findall(r'io/en/latest/(generated/[^"#]+)', diagram))
            if not Path(app.outdir, page).is_file():
                raise ExtensionError(f"The diagram of {name} links {page}: not there.")


def setup(app):
    """Check the site once it is built."""
    app.connect("build-finished", check_diagram_links)


write_benchmark_tables()
write_explorer()
