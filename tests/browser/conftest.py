import pytest


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    pytest.importorskip("selenium", reason="needs selenium: pip install selenium")
    from tests.browser.explorer_page import start_browser

    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, tmp_path):
    """Write a map as a page and open it; no page may complain or ask for anything."""
    pytest.importorskip("plotly", reason="needs plotly: pip install plotly")
    from sklearn_datamaps._views.explorer import explore
    from tests.browser.explorer_page import Page

    pages = []

    def open_page(data_map, *, scheme="light", **arguments):
        path = explore(data_map, tmp_path / "map.html", **arguments)
        downloads = tmp_path / "downloads"
        downloads.mkdir(exist_ok=True)
        pages.append(Page(browser, path, downloads, scheme))
        return pages[-1]

    yield open_page
    for page in pages:
        assert page.complaints() == []
        assert page.requests() == []
        page.run("localStorage.clear()")
