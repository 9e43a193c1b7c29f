"""One epoch of the explorer's slider against plotly's own restyle of the same points.

In headless Chromium, on the page of 43,410 comments with trajectories and evidence of
100 rows: a step of the slider to the next epoch, and ``Plotly.restyle`` of the places
of all points, one after the other (A B A B ...), each from the call to the second
animation frame after it, when it is painted. Milliseconds, and the median of the
ratios. There is no graphics card: WebGL is drawn by the processor, for plotly.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from benchmarks import _harness
from sklearn_datamaps import DataMapClassifier, explain_rows
from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
from sklearn_datamaps.datasets import fetch_go_emotions

# Both are timed in the page, whose script is closed to us: the slider by its event.
TIMED = """
    const [epoch, places] = arguments, done = arguments[arguments.length - 1];
    const plot = document.getElementById("plot");
    const slider = document.getElementById("epoch");
    const painted = () => new Promise((seen) =>
      requestAnimationFrame(() => requestAnimationFrame(seen)));
    const timed = async (act) => {
      const started = performance.now();
      await act();
      await painted();
      return performance.now() - started;
    };
    (async () => {
      const slide = (to) => {
        slider.value = to;
        slider.dispatchEvent(new Event("input"));
      };
      slide(epoch);
      await painted();
      const ours = await timed(() => slide(epoch + 1));
      slide(slider.max);
      await painted();
      // The same points, each by the same amount elsewhere.
      const moved = (axis) => plot.data.map(
        (trace) => trace[axis].map((v) => v * places));
      const [x, y] = [moved("x"), moved("y")];
      const theirs = await timed(() => window.Plotly.restyle("plot", { x, y }));
      done([ours, theirs]);
    })();
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=9, help="counted (default: 9)")


def run(arguments: argparse.Namespace) -> None:
    from tests.browser.explorer_page import Page, start_browser

    print(_harness.environment())
    print(__doc__.partition("\n\n")[2])
    n_rounds = 2 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        write_page(path, 2000 if arguments.quick else None)
        print(f"page: {os.path.getsize(path) / 1e6:.2f} MB")
        driver = start_browser(Path(folder) / "profile")
        try:
            driver.set_script_timeout(120)
            page = Page(driver, path, Path(folder))
            page.resize(1440, 900)
            times = [
                driver.execute_async_script(TIMED, 1 + k % 8, 1 - 0.01 * (k % 8))
                for k in range(n_rounds + 1)
            ][1:]  # the first makes what later ones have
        finally:
            driver.quit()
    table = pd.DataFrame(times, columns=["slider", "restyle"])
    table["ratio"] = table["slider"] / table["restyle"]
    print(table.to_string(float_format="{:.2f}".format))
    print(f"median of the ratios: {np.median(table['ratio']):.2f}")
    _harness.save("epoch_step", summary=table.round(3))


def write_page(path: Path, n_rows: int | None) -> None:
    """Write the page of a map of comments: gratitude or other."""
    comments = fetch_go_emotions("gratitude")
    texts, y = comments.data[:n_rows], comments.target[:n_rows]
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    clf = DataMapClassifier(learner, random_state=0)
    vectorizer = NgramTfidfVectorizer(ngram_range=(1, 2))
    pipe = make_pipeline(vectorizer, clf).fit(texts, y)
    data_map = pipe[-1].data_map_.with_columns(text=texts)
    listed = data_map.rank("confidence", n_samples=100)
    data_map.explore(path, evidence=explain_rows(pipe, texts, y, listed))
