"""The explorer where no file was asked for."""

from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True)
class ExplorerPage:
    """A page that shows itself in a notebook.

    Parameters
    ----------
    html : str
        The page, whole.
    height : int, default=760
        Height of its frame, in pixels; it is as wide as the cell.
    """

    html: str = field(repr=False)
    height: int = 760

    def _repr_html_(self) -> str:
        # In a frame of its own the page keeps its policy and style to itself.
        return (
            f'<iframe title="Explorer" srcdoc="{escape(self.html)}" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )
