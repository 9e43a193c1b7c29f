import pytest


@pytest.fixture(autouse=True)
def close_figures():
    """Examples leave their figures open, as readers would; other tests count them."""
    yield
    from matplotlib import pyplot as plt

    plt.close("all")
