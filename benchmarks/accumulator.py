"""TrainingDynamics, epoch by epoch, against the batch formulas over all epochs at once.

Both see the same probabilities and compute every measure there is. The batch formulas
are written here from the definitions, over the tensor of all epochs, with which they
agree to 1e-12; the exception is ``mean_proba``, stored as float32, for which the
table gives what the difference exceeds half a float32 step by.
"""

import argparse
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from benchmarks import _harness
from sklearn_datamaps import DataMap, TrainingDynamics

MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
TOLERANCE = 1e-12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7, help="counted (default: 7)")
    parser.add_argument("--epochs", type=int, default=50, help="default: 50")
    parser.add_argument("--rows", type=int, default=100_000, help="default: 100000")
    parser.add_argument("--classes", type=int, default=28, help="default: 28")


def run(arguments: argparse.Namespace) -> None:
    n_rounds = 2 if arguments.quick else arguments.rounds
    shape = (arguments.epochs, arguments.rows, arguments.classes)
    if arguments.quick:
        shape = (6, 2000, 5)
    y = np.random.default_rng(0).integers(shape[2], size=shape[1])
    y[: shape[2]] = np.arange(shape[2])  # every class occurs
    print(_harness.environment())
    print(f"{shape[0]} epochs of {shape[1:]}, measures {', '.join(MEASURES)}\n")

    peaks = {
        "streaming": _harness.traced_peak(lambda: streaming(generate(shape, y), y))[0],
        "batch": _harness.traced_peak(lambda: batch(stack(shape, y), y))[0],
    }
    tensor = stack(shape, y)
    timed = _harness.interleave(
        {
            "batch": partial(batch, tensor, y),
            "streaming": partial(streaming, tensor, y),
        },
        n_rounds,
    )
    ratio = _harness.ratios_to(timed, "batch")
    summary = _harness.summarize(ratio, ["contestant"]).reset_index()
    summary["peak_ratio"] = peaks["streaming"] / peaks["batch"]
    summary["streaming_peak_MB"] = peaks["streaming"] / 1e6
    summary["batch_peak_MB"] = peaks["batch"] / 1e6
    print("Time and traced peak, streaming : batch (one epoch, all epochs in memory)")
    print(summary.round(3).to_string(index=False))

    agreement = compare(streaming(tensor, y), batch(tensor, y))
    print(f"\nLargest absolute difference of any row; the limit is {TOLERANCE}")
    print(agreement.to_string(index=False))
    _harness.save("accumulator", summary=summary, agreement=agreement, rounds=timed)
    _harness.save_plot(
        "accumulator", partial(draw, agreement), "Streaming against batch formulas"
    )


def generate(shape: tuple[int, int, int], y: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the probabilities of one epoch after another: noise, and slow learning."""
    for epoch in range(shape[0]):
        logits = np.random.default_rng((1, epoch)).standard_normal(shape[1:])
        logits[np.arange(shape[1]), y] += 6 * (epoch + 1) / shape[0] - 1
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        yield logits


def stack(shape: tuple[int, int, int], y: np.ndarray) -> np.ndarray:
    """Tensor of all epochs, filled in place: no second copy at any time."""
    tensor = np.empty(shape)
    for epoch, proba in enumerate(generate(shape, y)):
        tensor[epoch] = proba
    return tensor


def streaming(proba, y: np.ndarray) -> DataMap:
    dynamics = TrainingDynamics(y, measures=MEASURES)
    for epoch in proba:
        dynamics.update(epoch)
    return dynamics.to_data_map()


def batch(proba: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Compute every measure from the tensor, by its definition."""
    n_epochs = len(proba)
    rows = np.arange(len(y))
    own = proba[:, rows, y]
    right = proba.argmax(axis=2) == y
    others = proba.copy()
    others[:, rows, y] = -np.inf
    margin = own - others.max(axis=2)
    others[:, rows, y] = own - 1  # now the error: probabilities less one-hot
    el2n = np.sqrt(np.einsum("erk,erk->er", others, others)).mean(axis=0)
    confidence = own.mean(axis=0)
    forgotten = (right[:-1] & ~right[1:]).sum(axis=0)
    # Wrong epochs counted from the end: right to the end from the last of them on.
    last_wrong = n_epochs - (~right[::-1]).argmax(axis=0)
    first_learned = np.where(right.all(axis=0), 1, last_wrong + 1)
    mean_proba = proba.mean(axis=0)
    mean_others = mean_proba.copy()
    mean_others[rows, y] = 0
    return {
        "confidence": confidence,
        "variability": own.std(axis=0),
        "correctness": right.mean(axis=0),
        "margin": margin.mean(axis=0),
        "margin_std": margin.std(axis=0),
        "aleatoric": (own * (1 - own)).mean(axis=0),
        "threshold_closeness": confidence * (1 - confidence),
        "loss": -np.log(np.maximum(own, 1e-12)).mean(axis=0),
        "el2n": el2n,
        "forgetting": np.where(right.any(axis=0), forgotten, n_epochs + 1),
        "first_learned": first_learned,
        "mean_proba": mean_proba,
    }


def compare(streamed: DataMap, expected: dict[str, np.ndarray]) -> pd.DataFrame:
    """Largest difference of each measure."""
    differences = []
    for name, values in expected.items():
        known = name == "mean_proba"
        actual = streamed.measures[name] if known else streamed.measure(name)
        difference = np.abs(actual - values)
        if actual.dtype == np.float32:
            difference = np.maximum(difference - np.spacing(actual) / 2.0, 0)
        differences.append((name, str(actual.dtype), float(difference.max())))
    table = pd.DataFrame(differences, columns=["measure", "dtype", "difference"])
    return table.assign(within=table["difference"] <= TOLERANCE)


def draw(agreement: pd.DataFrame, axes) -> None:
    import seaborn as sns

    # A difference of 0 has no place on a logarithmic axis.
    shown = agreement.assign(difference=agreement["difference"].clip(lower=1e-17))
    sns.stripplot(shown, x="difference", y="measure", ax=axes)
    axes.axvline(TOLERANCE, color="0.5", linewidth=1, linestyle="--")
    axes.set(
        xscale="log",
        xlabel="largest difference (dashed: limit; 1e-17 stands for 0)",
        ylabel="",
    )
