"""The recipes of the guide for other libraries: run as they are, and compared.

The word after "python" at the head of a block names the library it needs.
"""

import re
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "own_loop.md"

torch = pytest.importorskip("torch", reason="needs the extra integrations")


def recipe(library):
    (block,) = re.findall(
        rf"```python {library}\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL
    )
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
    weights = []
    end = transformers.trainer_callback.CallbackHandler.on_epoch_end

    def noting_end(self, *args, **kwargs):
        weights.append(deepcopy(self.model.state_dict()))
        return end(self, *args, **kwargs)

    handler = transformers.trainer_callback.CallbackHandler
    monkeypatch.setattr(handler, "on_epoch_end", noting_end)
    monkeypatch.chdir(tmp_path)
    transformers.set_seed(0)
    ids = torch.randint(1, 30, (64, 8))
    y = (ids == 7).any(dim=1).long()
    data = [{"input_ids": row, "labels": y[i]} for i, row in enumerate(ids)]
    config = transformers.BertConfig(vocab_size=30, hidden_size=24, num_hidden_layers=1)
    model = transformers.BertForSequenceClassification(config)
    args = transformers.TrainingArguments(
        "checkpoints", num_train_epochs=3, learning_rate=5e-3
    )
    namespace = {
        "Trainer": transformers.Trainer,
        "model": model,
        "args": args,
        "data": data,
        "y": y,
    }
    exec(recipe("transformers"), namespace)
    assert len(weights) == 3
    outputs = logits_of(model, weights, input_ids=ids)
    logits = torch.stack([output.logits for output in outputs])
    assert_is_the_map_of(namespace["callback"].data_map_, logits, y)
