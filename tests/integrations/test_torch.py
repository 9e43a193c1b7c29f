"""Tensors of PyTorch as labels, rows, probabilities and logits."""

import subprocess
import sys

import numpy as np
import pytest

from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics

torch = pytest.importorskip("torch", reason="needs the extra integrations")

N_EPOCHS, N_SAMPLES, N_CLASSES = 3, 40, 4


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    shape = (N_EPOCHS, N_SAMPLES, N_CLASSES)
    return 3 * torch.randn(shape, generator=generator)


@pytest.fixture
def y():
    return torch.arange(N_SAMPLES) % N_CLASSES


def own_probabilities(logits, y):
    """By the loss of PyTorch: exp(-cross entropy), in float64."""
    losses = [
        torch.nn.functional.cross_entropy(epoch.double(), y, reduction="none")
        for epoch in logits
    ]
    return torch.exp(-torch.stack(losses)).numpy()


def assert_map_of(data_map, own, atol=1e-13):
    np.testing.assert_allclose(data_map.confidence, own.mean(axis=0), atol=atol)
    np.testing.assert_allclose(data_map.variability, own.std(axis=0), atol=atol)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_logits_in_batches_of_a_loader(logits, y, dtype):
    logits = logits.to(dtype)
    dynamics = TrainingDynamics(y)
    for epoch in logits:
        data = torch.utils.data.TensorDataset(torch.arange(N_SAMPLES), epoch)
        for rows, batch in torch.utils.data.DataLoader(data, 7, shuffle=True):
            dynamics.update(batch, rows, logits=True)
    assert_map_of(dynamics.to_data_map(), own_probabilities(logits, y))


@pytest.mark.parametrize("given", ["tensor", "list", "generator"])
def test_map_from_tensors(logits, y, given):
    epochs = {"tensor": logits, "list": list(logits), "generator": iter(logits)}
    data_map = DataMap.from_probabilities(epochs[given], y, logits=True)
    assert_map_of(data_map, own_probabilities(logits, y))
    proba = logits.double().softmax(dim=2)
    assert_map_of(DataMap.from_probabilities(proba, y), own_probabilities(logits, y))


def test_extreme_logits(y):
    logits = torch.full((1, N_SAMPLES, N_CLASSES), -1e4)
    logits[0, :, 1] = 1e4
    data_map = DataMap.from_probabilities(logits, y, logits=True)
    np.testing.assert_array_equal(data_map.confidence, (y == 1).numpy())


def test_labels_of_several_columns(logits):
    Y = logits[0] > 0
    data_map = DataMap.from_probabilities(logits, Y, multilabel=True, logits=True)
    proba = logits.double().sigmoid()
    assert_map_of(data_map, torch.where(Y, proba, 1 - proba).numpy())


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_logit_of_two_classes(logits, shape):
    z, y = logits[..., 0], torch.arange(N_SAMPLES) % 2
    dynamics = TrainingDynamics(y)
    for epoch in z:
        dynamics.update(epoch.reshape(shape), logits=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    target = y.double().expand_as(z)
    own = torch.exp(-loss(z.double(), target, reduction="none"))
    assert_map_of(dynamics.to_data_map(), own.numpy())


def test_mask_of_rows_and_list_of_rows(logits, y):
    mask = torch.zeros(N_SAMPLES, dtype=torch.bool)
    mask[::3] = True
    dynamics = TrainingDynamics(y)
    dynamics.update(logits[0][mask], mask, logits=True)
    others = [row for row in torch.arange(N_SAMPLES) if not mask[row]]
    dynamics.update(logits[0][~mask], others, logits=True)
    assert_map_of(dynamics.to_data_map(), own_probabilities(logits[:1], y))


def test_gradients_are_left_alone(logits, y):
    weights = torch.nn.Parameter(torch.eye(N_CLASSES))
    output = logits[0] @ weights
    dynamics = TrainingDynamics(y)
    dynamics.update(output, logits=True)
    torch.nn.functional.cross_entropy(output, y).backward()
    assert weights.grad is not None
    assert output.requires_grad
    assert_map_of(dynamics.to_data_map(), own_probabilities(logits[:1], y))


def test_tensors_are_not_changed(logits, y):
    before = logits.clone()
    DataMap.from_probabilities(logits, y, logits=True)
    assert torch.equal(logits, before)


def test_list_of_tensors_that_record_gradients_is_read(logits, y):
    from_list, whole = TrainingDynamics(y), TrainingDynamics(y)
    from_list.update([*logits[0].clone().requires_grad_()], logits=True)
    whole.update(logits[0], logits=True)
    np.testing.assert_array_equal(
        from_list.to_data_map().confidence, whole.to_data_map().confidence
    )


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda z: z.to("meta"), r"torch Tensor .*device meta.* \.cpu\(\)"),
        (lambda z: z.bfloat16(), r"torch\.bfloat16.* \.float\(\)"),
        (lambda z: z.to(torch.float8_e5m2), r"float8_e5m2.* \.float\(\)"),
        (lambda z: z.to_sparse(), r"sparse_coo\).* \.to_dense\(\)"),
        (lambda z: z.to_sparse_csr(), r"sparse_csr\).* \.to_dense\(\)"),
    ],
)
@pytest.mark.parametrize("as_logits", [False, True])
def test_tensor_that_numpy_cannot_read_says_what_to_do(
    logits, y, make, message, as_logits
):
    dynamics = TrainingDynamics(y)
    with pytest.raises(TypeError, match=f"^proba cannot be read .*{message}"):
        dynamics.update(make(logits[0]), logits=as_logits)
    assert dynamics.n_epochs == 0


def test_complex_numbers_are_refused(logits, y):
    with pytest.raises(ValueError, match="must be real numbers; got complex64"):
        TrainingDynamics(y).update(logits[0] + 0j, logits=True)


def test_labels_and_rows_on_another_device_are_refused(logits, y):
    with pytest.raises(TypeError, match=r"^y cannot be read .* \.cpu\(\)"):
        TrainingDynamics(y.to("meta"))
    with pytest.raises(TypeError, match=r"^rows cannot be read .* \.cpu\(\)"):
        TrainingDynamics(y).update(logits[0], y.to("meta"), logits=True)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_not_finite_name_epoch_and_rows(logits, y, bad):
    logits[1, [4, 9], 2] = bad
    with pytest.raises(ValueError, match=r"^Epoch 2: .* infinite logits for 2 of 40"):
        DataMap.from_probabilities(logits, y, logits=True)


def test_features_and_labels_of_a_classifier(digits):
    X, y = digits
    clf = DataMapClassifier(n_epochs=2, random_state=0)
    expected = clf.fit(X, y).confidence_
    clf.fit(torch.from_numpy(X), torch.from_numpy(y))
    np.testing.assert_array_equal(clf.confidence_, expected)


def test_package_never_imports_torch():
    code = (
        "import sys, numpy, sklearn_datamaps as s; d = s.TrainingDynamics([0, 1]);"
        "d.update(numpy.eye(2), logits=False); s.DataMapClassifier().fit([[0], [1]],"
        "[0, 1]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_features_and_labels_may_record_gradients():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(float)
    clf = DataMapClassifier(random_state=0)
    expected = clf.fit(X, y).confidence_
    tensors = [torch.tensor(data, requires_grad=True) for data in (X, y)]
    np.testing.assert_array_equal(clf.fit(*tensors).confidence_, expected)
    np.testing.assert_array_equal(clf.predict(tensors[0]), clf.predict(X))
