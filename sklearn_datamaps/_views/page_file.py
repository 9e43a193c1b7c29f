"""The explorer page as a file: plotly, script and style of ``page``, and the content.

Nothing of the map is ever parsed as HTML, and the page's policy forbids every request.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._views.drawing import default_title
from sklearn_datamaps._views.page_content import LEVEL, Content

# Of the page's own script, in their order.
# Need no browser, or only in functions that draw.
PLAIN_SCRIPTS = (
    *("format.js", "filters.js", "log.js", "keys.js", "play.js", "evidence.js"),
    *("progress.js", "agree.js"),
)
SCRIPTS = (
    *PLAIN_SCRIPTS,
    *("save.js", "data.js", "store.js", "decisions.js", "others.js", "plot.js"),
    *("dots.js", "select.js", "find.js", "pictures.js", "queue.js", "row.js"),
    *("relabel.js", "page.js"),
)
# The hash admits our script alone: no inline handler runs. Plotly's WebGL compiles
# its drawing commands, hence unsafe-eval, which no text of the map can reach.
POLICY = (
    "default-src 'none'; script-src 'sha256-{script}' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)


@lru_cache(maxsize=1)
def plotly_script() -> str:
    """Return plotly's JavaScript, gzip'd, in base64."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError(
            "DataMap.explore needs plotly. Install it with the extra explore: "
            'pip install "sklearn-datamaps[explore]"'
        ) from error
    return b64encode(gzip.compress(get_plotlyjs().encode(), LEVEL, mtime=0)).decode()


def page_of(
    data_map: BaseDataMap, title: str | None, content: Content, plotly: str
) -> Iterator[str]:
    """Put the page together, in parts: with many pictures it is large."""
    parts = [_part(name) for name in SCRIPTS]
    script = "\n".join(['"use strict";', "(() => {", "", *parts, "})();", ""])
    head, tail = map(Template, _part("page.html").split("$blocks\n"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    yield head.substitute(
        policy=POLICY.format(script=digest),
        # A file of UTF-8 can hold no half of a character.
        title=escape(default_title(data_map) if title is None else title)
        .encode("utf-8", "replace")
        .decode(),
        style=_part("style.css"),
        # No "<" in it: the text of a script element ends at the first "</script".
        header=json.dumps(content.header).replace("<", "\\u003c"),
    )
    for name, block in content.blocks.items():
        yield _block(name, b64encode(block).decode())
    yield _block("plotly", plotly)
    yield tail.substitute(script=script)


def _block(name: str, text: str) -> str:
    return f'<script type="text/plain" data-block="{escape(name)}">{text}</script>\n'


def _part(name: str) -> str:
    part = files("sklearn_datamaps._views").joinpath("page", name)
    return part.read_text(encoding="utf-8")
