"""The recipes of the README for other libraries: run as they are, and compared.

The word after "python" at the head of a block names the library it needs.
"""

import re
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

torch = pytest.importorskip("torch", reason="needs the extra integrations")


def recipe(library):
    (block,) = re.findall(rf"```python {library}\n(.*?)```", README, flags=re.DOTALL)
    return block


def assert_is_the_map_of(data_map, logits, y):
    """Compare with the softmax of the logits of every epoch, by log-sum-exp."""
    logits = logits.double()
    proba = (logits - logits.logsumexp(dim=2, keepdim=True)).exp()
    own = proba[:, torch.arange(len(y)), y].numpy()
    right = (logits.argmax(dim=2) == y).double().mean(dim=0)
    assert data_map.n_epochs == len(logits)
    np.testing.assert_allclose(data_map.confidence, own.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(data_map.variability, own.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(data_map.correctness, right.numpy(), atol=1e-12)
    assert own.std(axis=0).max() > 1e-3  # something was learned between the epochs


def logits_of(model, weights, **inputs):
    """What a model gave for all rows in order, with the weights of every epoch."""
    model = deepcopy(model).eval()
    epochs = []
    for state in weights:
        model.load_state_dict(state)
        with torch.no_grad():
            epochs.append(model(**inputs))
    return epochs


def test_torch_loop_makes_the_map_of_the_weights_after_every_epoch(monkeypatch):
    weights = []
    evaluate = torch.nn.Module.eval

    def noting(model):
        weights.append(deepcopy(model.state_dict()))
        return evaluate(model)

    monkeypatch.setattr(torch.nn.Module, "eval", noting)
    namespace = {}
    torch.manual_seed(0)
    exec(recipe("torch"), namespace)
    monkeypatch.undo()
    model, X, y = (namespace[name] for name in ("model", "X", "y"))
    logits = torch.stack(logits_of(model, weights, input=X))
    assert_is_the_map_of(namespace["data_map"], logits, y)
    assert namespace["data_map"].correctness.mean() > 0.7


# The Trainer pins memory by default; without an accelerator torch warns.
@pytest.mark.filterwarnings(
    "ignore:'pin_memory' argument is set as true:UserWarning:torch.utils.data"
)
def test_trainer_makes_the_map_of_the_weights_after_every_epoch(monkeypatch, tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="needs the extra integrations"
    )
    pytest.importorskip("accelerate", reason="needs the extra integrations")
    weights, modes = [], []
    predict, step = transformers.Trainer.predict, transformers.Trainer.training_step
    end = transformers.trainer_callback.CallbackHandler.on_epoch_end

    def noting_predict(self, *args, **kwargs):
        weights.append(deepcopy(self.model.state_dict()))
        return predict(self, *args, **kwargs)

    def noting_step(self, model, *args, **kwargs):
        modes.append(model.training)
        return step(self, model, *args, **kwargs)

    def noting_end(self, *args, **kwargs):
        control = end(self, *args, **kwargs)
        modes.append(self.model.training)
        return control

    monkeypatch.setattr(transformers.Trainer, "predict", noting_predict)
    monkeypatch.setattr(transformers.Trainer, "training_step", noting_step)
    handler = transformers.trainer_callback.CallbackHandler
    monkeypatch.setattr(handler, "on_epoch_end", noting_end)
    monkeypatch.chdir(tmp_path)
    namespace = {}
    transformers.set_seed(0)
    exec(recipe("transformers"), namespace)
    assert len(weights) == 3
    assert all(modes)
    outputs = logits_of(namespace["model"], weights, input_ids=namespace["ids"])
    logits = torch.stack([output.logits for output in outputs])
    assert_is_the_map_of(namespace["data_map"], logits, namespace["y"])
