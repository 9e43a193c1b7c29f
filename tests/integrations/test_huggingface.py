"""DataMapCallback on Trainers of tiny models with random weights."""

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_datamaps.huggingface import DataMapCallback

torch = pytest.importorskip("torch", reason="needs the extra huggingface")
transformers = pytest.importorskip("transformers", reason="needs the extra huggingface")
pytest.importorskip("accelerate", reason="needs the extra huggingface")

pytestmark = pytest.mark.filterwarnings(
    # The Trainer pins memory by default; without an accelerator torch warns.
    "ignore:'pin_memory' argument is set as true:UserWarning:torch.utils.data",
)
N_ROWS, N_EPOCHS = 45, 3
# Its name before and since version 5 of transformers.
BY_LENGTH = {"group_by_length": True}
if "group_by_length" not in transformers.TrainingArguments.__dataclass_fields__:
    BY_LENGTH = {"train_sampling_strategy": "group_by_length"}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def texts(n_rows=N_ROWS, seed=0):
    """Token numbers of texts of several lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 12, n_rows)
    return [rng.integers(1, 30, length).tolist() for length in lengths]


def bert(n_labels=2, **params):
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=n_labels,
        pad_token_id=0,
        **params,
    )
    return transformers.BertForSequenceClassification(config)


def collate(rows):
    """Pad a batch to the longest of its texts."""
    width = max(len(row["input_ids"]) for row in rows)
    ids = [row["input_ids"] + [0] * (width - len(row["input_ids"])) for row in rows]
    ids = torch.tensor(ids)
    batch = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    if "labels" in rows[0]:
        batch["labels"] = torch.tensor([row["labels"] for row in rows])
    return batch


def rows_of(tokens, labels):
    return [
        {"input_ids": ids, "labels": label}
        for ids, label in zip(tokens, labels, strict=True)
    ]


class Weights(transformers.TrainerCallback):
    """Notes the weights after every epoch."""

    def __init__(self):
        self.states = []

    def on_epoch_end(self, args, state, control, model, **kwargs):
        self.states.append(deepcopy(model.state_dict()))


def train(model, data, callbacks=(), trainer=None, **params):
    params = {"num_train_epochs": N_EPOCHS, "per_device_train_batch_size": 8} | params
    params = {"save_strategy": "no"} | params
    args = transformers.TrainingArguments(
        "out",
        use_cpu=True,
        learning_rate=5e-3,
        report_to="none",
        disable_tqdm=True,
        **params,
    )
    made = transformers.Trainer(
        model, args, train_dataset=data, data_collator=collate, callbacks=[*callbacks]
    )
    made.train(**(trainer or {}))
    return made


def probabilities(model, states, tokens, multilabel=False):
    """Of every epoch, row by row and without padding."""
    model, epochs = deepcopy(model).eval(), []
    for state in states:
        model.load_state_dict(state)
        with torch.no_grad():
            logits = [model(input_ids=torch.tensor([ids])).logits for ids in tokens]
        logits = torch.cat(logits).double()
        proba = logits.sigmoid() if multilabel else logits.softmax(dim=1)
        epochs.append(proba.numpy())
    return np.array(epochs)


def assert_is_map_of(data_map, proba, y, multilabel=False):
    if multilabel:
        own = np.where(np.asarray(y) == 1, proba, 1 - proba)
    else:
        own = proba[:, np.arange(len(y)), y]
    assert data_map.n_epochs == len(proba)
    np.testing.assert_allclose(data_map.confidence, own.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(data_map.variability, own.std(axis=0), atol=1e-5)
    assert own.std(axis=0).max() > 1e-3  # something was learned between the epochs


def labels_of(tokens, n_labels):
    return np.array([sum(ids) % n_labels for ids in tokens])


@pytest.mark.parametrize(
    "params",
    [
        {},
        BY_LENGTH,
        {"dataloader_drop_last": True},
        {"dataloader_num_workers": 2},
        {"per_device_eval_batch_size": 7},
    ],
    ids=lambda params: next(iter(params), "shuffled"),
)
def test_map_is_that_of_the_rows_in_order_after_every_epoch(params):
    tokens = texts()
    y = labels_of(tokens, 3)
    weights, callback = Weights(), DataMapCallback(y)
    model = bert(3)
    train(model, rows_of(tokens, y.tolist()), [callback, weights], **params)
    assert_is_map_of(
        callback.data_map_, probabilities(model, weights.states, tokens), y
    )
    assert callback.data_map_.meta["learner"] == "BertForSequenceClassification"


def test_model_is_the_one_that_is_trained_without_it():
    tokens = texts()
    y = labels_of(tokens, 2)
    trained = []
    for callbacks in ([], [DataMapCallback(y)]):
        model = bert(2)
        train(model, rows_of(tokens, y.tolist()), callbacks)
        assert model.training
        trained.append(model.state_dict())
    for name, values in trained[0].items():
        assert torch.equal(values, trained[1][name]), name


def test_indicator():
    tokens = texts()
    Y = np.array([[7 in ids, 3 in ids, len(ids) > 6] for ids in tokens]).astype(float)
    weights, callback = Weights(), DataMapCallback(Y)
    model = bert(3, problem_type="multi_label_classification")
    train(model, rows_of(tokens, Y.tolist()), [callback, weights])
    proba = probabilities(model, weights.states, tokens, multilabel=True)
    assert_is_map_of(callback.data_map_, proba, Y, multilabel=True)


def test_names_of_labels_are_those_of_the_model_in_its_order():
    tokens = texts()
    y = labels_of(tokens, 3)
    names = np.array(["joy", "anger", "fear"])
    weights, callback = Weights(), DataMapCallback(names[y])
    model = bert(3, id2label=dict(enumerate(names.tolist())))
    train(model, rows_of(tokens, y.tolist()), [callback, weights])
    assert callback.data_map_.classes.tolist() == names.tolist()
    assert_is_map_of(
        callback.data_map_, probabilities(model, weights.states, tokens), y
    )


def test_class_that_no_row_has_keeps_its_column():
    tokens = texts()
    y = labels_of(tokens, 2) * 2
    weights, callback = Weights(), DataMapCallback(y)
    model = bert(3)
    train(model, rows_of(tokens, y.tolist()), [callback, weights])
    assert_is_map_of(
        callback.data_map_, probabilities(model, weights.states, tokens), y
    )


def test_data_set_of_its_own_is_a_map_of_rows_that_are_not_trained_on():
    datasets = pytest.importorskip("datasets")
    tokens, new = texts(), texts(20, seed=1)
    y, y_new = labels_of(tokens, 2), labels_of(new, 2)

    def table(tokens, y):
        columns = {"text": ["not for the model"] * len(y), "input_ids": tokens}
        return datasets.Dataset.from_dict(columns | {"labels": y.tolist()})

    weights = Weights()
    both = [DataMapCallback(y), DataMapCallback(y_new, table(new, y_new))]
    model = bert(2)
    train(model, table(tokens, y), [*both, weights])
    for callback, rows, labels in zip(both, (tokens, new), (y, y_new), strict=True):
        proba = probabilities(model, weights.states, rows)
        assert_is_map_of(callback.data_map_, proba, labels)


class Tuples(torch.nn.Module):
    """Returns tuples, wants its labels, and hands out more than logits."""

    def __init__(self, with_labels):
        super().__init__()
        self.inner, self.with_labels = bert(2), with_labels
        self.forward = self.wanting if with_labels else self.not_wanting

    def wanting(self, input_ids, attention_mask, labels):
        output = self.inner(input_ids, attention_mask, labels=labels)
        return output.loss, (output.logits, output.logits * 0)

    def not_wanting(self, input_ids, attention_mask, labels=None):
        output = self.inner(input_ids, attention_mask, labels=labels)
        more = (output.logits, output.logits * 0)
        return more if labels is None else (output.loss, *more)


@pytest.mark.parametrize("with_labels", [True, False])
def test_tuples_of_outputs(with_labels):
    tokens = texts()
    y = labels_of(tokens, 2)
    weights, callback = Weights(), DataMapCallback(y, store_trajectories=True)
    model = Tuples(with_labels)
    train(model, rows_of(tokens, y.tolist()), [callback, weights])
    states = [
        {name.removeprefix("inner."): value for name, value in state.items()}
        for state in weights.states
    ]
    assert_is_map_of(callback.data_map_, probabilities(model.inner, states, tokens), y)
    assert callback.data_map_.trajectories.shape == (N_EPOCHS, N_ROWS)


def test_second_training_begins_a_new_map():
    tokens = texts()
    y = labels_of(tokens, 2)
    callback = DataMapCallback(y)
    trainer = train(bert(2), rows_of(tokens, y.tolist()), [callback])
    trainer.train()
    assert callback.data_map_.n_epochs == N_EPOCHS


def test_checkpoint_is_gone_on_from_where_its_epochs_were_recorded():
    tokens = texts()
    y = labels_of(tokens, 2)
    data, callback = rows_of(tokens, y.tolist()), DataMapCallback(y)
    whole = DataMapCallback(y)
    train(bert(2), data, [whole], lr_scheduler_type="constant")
    params = {"lr_scheduler_type": "constant", "save_strategy": "epoch"}
    train(bert(2), data, [callback], **params, num_train_epochs=2)
    there = {"resume_from_checkpoint": True}
    train(bert(2), data, [callback], there, **params)
    assert callback.data_map_.n_epochs == N_EPOCHS
    np.testing.assert_allclose(
        callback.data_map_.confidence, whole.data_map_.confidence, atol=1e-5
    )
    with pytest.raises(ValueError, match=r"epoch 3 of a checkpoint, of which 0 epochs"):
        train(bert(2), data, [DataMapCallback(y)], there, **params, num_train_epochs=4)


def test_there_is_no_map_before_training():
    with pytest.raises(AttributeError, match="no data_map_ before training: pass the"):
        _ = DataMapCallback([0, 1]).data_map_
    with pytest.raises(AttributeError, match="has no attribute 'more'"):
        _ = DataMapCallback([0, 1]).more


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        yield from rows_of(texts(), labels_of(texts(), 2).tolist())


Y = labels_of(texts(), 2)
REFUSED = {
    "rows": (Y[:-1], {}, ValueError, "y has 44 labels and the data set 45 rows"),
    "unknown number": (Y + 1, {}, ValueError, r"the labels \[2\], which the model"),
    "unknown name": (
        np.array(["a", "b"])[Y],
        {},
        ValueError,
        r"\['a', 'b'\], which the model does not know: its classes are \['LABEL_0'",
    ),
    "other order": (Y[::-1], {}, ValueError, "labels in the data set are not those of"),
    "stream": (Y, {"data": Stream()}, TypeError, r"\(Stream\) has no length"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_recorded_is_refused(case):
    y, given, error, message = REFUSED[case]
    data = given.get("data", rows_of(texts(), Y.tolist()))
    with pytest.raises(error, match=message):
        train(bert(2), data, [DataMapCallback(y)], max_steps=12)


def test_several_processes_are_refused():
    with pytest.raises(ValueError, match="in one process, and the Trainer runs in 2"):
        DataMapCallback(Y).on_train_begin(
            SimpleNamespace(world_size=2), None, None, model=None
        )


class NoLogits(torch.nn.Module):
    """Labels every token, as models for names of people and places do."""

    def __init__(self):
        super().__init__()
        self.inner = bert(2)

    def forward(self, input_ids, attention_mask, labels=None):
        output = self.inner(input_ids, attention_mask, labels=labels)
        logits = output.logits[:, None].expand(-1, 5, -1)
        return {"loss": output.loss, "logits": logits}


def test_logits_of_tokens_are_refused():
    data = rows_of(texts(), Y.tolist())
    with pytest.raises(ValueError, match=r"one logit for each row.*gives \(8, 5, 2\)"):
        train(NoLogits(), data, [DataMapCallback(Y)])
