"""The diagrams that scikit-learn draws of our estimators link our reference."""

import html
import re
import tomllib
from pathlib import Path

import pytest
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from sklearn_datamaps import DataMapClassifier, DataMapSampler

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SITE = PROJECT["project"]["urls"]["Documentation"]


def pages_of_the_reference():
    """Addresses of the pages that autosummary makes of the tables in api.md."""
    pages, module, folder = set(), None, None
    for line in (ROOT / "docs" / "api.md").read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            (module,) = found.groups()
        elif found := re.fullmatch(r"   :toctree: (\S+)", line):
            (folder,) = found.groups()
        elif found := re.fullmatch(r"   (\w+)", line):
            pages.add(f"{SITE}/en/latest/{folder}/{module}.{found[1]}.html")
    return pages


def links(estimator):
    """Addresses that the diagram of an estimator links, without what follows #."""
    found = re.findall(r'href="(https?://[^"#]+)', estimator_html_repr(estimator))
    return {html.unescape(link) for link in found}


def dask_classifier():
    return pytest.importorskip("sklearn_datamaps.dask").DataMapClassifier()


@pytest.mark.parametrize(
    "make",
    [DataMapClassifier, DataMapSampler, dask_classifier],
    ids=lambda m: m.__name__,
)
def test_diagram_links_a_page_of_the_reference(make):
    (link,) = {link for link in links(make()) if link.startswith(SITE)}
    assert link in pages_of_the_reference()


def test_estimators_of_scikit_learn_inside_keep_their_links():
    clf = DataMapClassifier(SGDClassifier(loss="log_loss"))
    found = links(make_pipeline(StandardScaler(), DataMapSampler(clf), clone(clf)))
    ours = {link for link in found if link.startswith(SITE)}
    assert {link.rpartition(".")[0].rpartition(".")[2] for link in ours} == {
        "DataMapClassifier",
        "DataMapSampler",
    }
    theirs = {link for link in found if link.startswith("https://scikit-learn.org/")}
    assert {link.rpartition(".")[0].rpartition(".")[2] for link in theirs} >= {
        "Pipeline",
        "StandardScaler",
        "SGDClassifier",
    }


def test_class_that_a_user_derives_links_no_page_that_does_not_exist():
    class Mine(DataMapClassifier):
        pass

    assert not {link for link in links(Mine()) if "Mine" in link}
