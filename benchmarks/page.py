"""The explorer page in a browser, against a bare plotly page of the same points.

Both are opened in turn in one Chromium without a graphics card. *ready*: from the start
of the load until all is drawn; *row*: until the first row can be read. *filter*: a
label chosen and all labels again to one redraw of the bare page, in processor time of
the main thread less that of as many frames in which nothing is done. *longest*: longest
task of the main thread in that, in seconds more than the bare page's own (tasks below
0.05 s count as 0). *size* is of the file, in MB. The last line presses keys: how many
until 20 rows are decided.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from benchmarks import _harness
from sklearn_datamaps import DataMap

WORDS = (
    "thanks",
    "for",
    "the",
    "wonderful",
    "comment",
    "about",
    "nothing",
    "at",
    "all",
)
N_EPOCHS = 10
SIZES = (43_410, 250_000)
# Kept from the start: when the page is ready, and how long its tasks are.
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) tasks.push(task.duration);
}).observe({type: "longtask"});
document.addEventListener("readystatechange", () => {
  new MutationObserver(() => {
    const state = document.documentElement.dataset.state;
    if (state === "drawing") window.rowAt = performance.now();
    if (state === "ready") window.readyAt = performance.now();
  }).observe(document.documentElement, {attributeFilter: ["data-state"]});
}, {once: true});
"""
PAINTED = """
const painted = () => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
const longest = async (act) => {
  await painted();
  window.tasks.length = 0;
  await act();
  await painted();
  await painted();
  return Math.max(0, ...window.tasks);
};
"""
IDLE = PAINTED + "return longest(painted);"
REDRAW = (
    PAINTED
    + """
const plot = document.querySelector(".js-plotly-plot");
return longest(async () => { await Plotly.redraw(plot); await painted(); });
"""
)
FILTER = (
    PAINTED
    + """
const label = document.getElementById("label");
const choose = (value) => {
  label.value = value;
  label.dispatchEvent(new Event("change"));
};
return longest(async () => { choose("1"); await painted(); choose(""); });
"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, help="counted (default: 5)")
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)


def run(arguments: argparse.Namespace) -> None:
    from tests.browser.explorer_page import start_browser

    sizes = (2_000,) if arguments.quick else arguments.rows
    n_rounds = 1 if arguments.quick else arguments.rounds
    print(_harness.environment())
    with tempfile.TemporaryDirectory() as folder:
        driver = start_browser(Path(folder) / "profile")
        driver.set_script_timeout(300)
        command = "Page.addScriptToEvaluateOnNewDocument"
        driver.execute_cdp_cmd(command, {"source": WATCH})
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        try:
            rows = []
            for n_rows in sizes:
                pages = pages_of(n_rows, Path(folder))
                for number in range(n_rounds):
                    row = measure(driver, pages)
                    rows.append({"rows": n_rows, "round": number, **row})
            frame = pd.DataFrame(rows)
            summary = frame.drop(columns="round").groupby("rows").median()
            print(
                "\nMedians; ratios to the bare page of the same round, but for longest"
            )
            print(summary.round(2).to_string())
            print(
                f"\n20 digits decided by {keys_for_digits(driver, Path(folder))} keys"
            )
        finally:
            driver.quit()
    # Of a part of the sizes, the others stay as they were measured.
    kept = _harness.RESULTS / "page.csv"
    table = summary.round(3).reset_index()
    if kept.exists() and not arguments.quick:
        earlier = pd.read_csv(kept).query("rows not in @sizes")
        table = pd.concat([earlier, table]).sort_values("rows")
    _harness.save("page", summary=table)


def example(n_rows: int) -> DataMap:
    rng = np.random.default_rng(0)
    level = rng.beta(4, 1.2, n_rows)
    own = np.clip(level + 0.15 * rng.standard_normal((N_EPOCHS, n_rows)), 0.01, 0.99)
    y = rng.choice(["gratitude", "other"], n_rows, p=[0.3, 0.7])
    first = np.where(y == "gratitude", own, 1 - own)
    data_map = DataMap.from_probabilities(
        np.stack([first, 1 - first], axis=-1), y, store_trajectories=True
    )
    words = rng.choice(WORDS, (n_rows, 12))
    return data_map.with_columns(
        text=[f"{' '.join(w)} {i}" for i, w in enumerate(words)]
    )


def pages_of(n_rows: int, folder: Path) -> tuple[Path, Path]:
    """Write our page and the bare one; return their paths."""
    from plotly.graph_objects import Figure, Scattergl

    data_map = example(n_rows)
    ours = data_map.explore(folder / f"ours_{n_rows}.html")
    bins = np.rint(data_map.correctness * N_EPOCHS)
    figure = Figure(
        [
            Scattergl(
                x=data_map.variability[bins == k],
                y=data_map.confidence[bins == k],
                mode="markers",
                marker={"size": 4},
            )
            for k in np.unique(bins)
        ]
    )
    bare = folder / f"bare_{n_rows}.html"
    figure.write_html(bare, post_script="window.readyAt = performance.now();")
    return ours, bare


def measure(driver: Any, pages: tuple[Path, Path]) -> dict[str, float]:
    ours, bare = pages
    base_ready = opened(driver, bare)[0]
    base_task, base_busy = timed(driver, REDRAW)
    ready, row = opened(driver, ours)
    task, busy = timed(driver, FILTER)
    return {
        "ready": ready / base_ready,
        "row": row / base_ready,
        "filter": busy / base_busy,
        "longest": (task - base_task) / 1000,
        "size": ours.stat().st_size / 1e6,
        "nodes": driver.execute_script("return document.querySelectorAll('*').length"),
    }


def timed(driver: Any, script: str) -> np.ndarray:
    """Longest task, and busy time of the main thread beyond idle frames; medians."""
    found = []
    for _ in range(5):
        start = busy_time(driver)
        driver.execute_script(IDLE)
        idle = busy_time(driver)
        task = driver.execute_script(script)
        found.append([task, busy_time(driver) - idle - (idle - start)])
    return np.median(found, axis=0)


def busy_time(driver: Any) -> float:
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "TaskDuration")


def opened(driver: Any, path: Path) -> tuple[float, float]:
    driver.get(path.as_uri())
    script = """
        const done = arguments[0];
        const look = () => window.readyAt ? done([readyAt, window.rowAt ?? readyAt])
          : setTimeout(look, 20);
        look();"""
    ready, row = driver.execute_async_script(script)
    driver.execute_script("localStorage.clear()")
    return ready, row


def keys_for_digits(driver: Any, folder: Path) -> int:
    from selenium.webdriver.common.action_chains import ActionChains
    from sklearn.neural_network import MLPClassifier

    from sklearn_datamaps import DataMapClassifier

    digits = load_digits()
    network = MLPClassifier(solver="sgd", learning_rate_init=0.05, batch_size=64)
    clf = DataMapClassifier(network, random_state=0).fit(
        digits.data / 16, digits.target
    )
    data_map = clf.data_map_.with_columns(image=digits.images)
    opened(driver, data_map.explore(folder / "digits.html"))
    suggested = (
        "return document.querySelector('#labels [data-suggested=true]')?.dataset.key"
    )
    read = "return document.getElementById('progress').textContent"
    pressed = 0
    while not driver.execute_script(read).startswith("20 of"):
        key = driver.execute_script(suggested) or "k"
        ActionChains(driver).send_keys(key).perform()
        pressed += 1
    return pressed
