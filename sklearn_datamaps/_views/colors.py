"""Colours that can be seen on the background of whatever style the user has set."""

from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array

Color = tuple[float, float, float]  # red, green and blue, 0 to 1

# Contrast ratios of the Web Content Accessibility Guidelines 2.2, points 1.4.3
# (text) and 1.4.11 (what is drawn).
TEXT, GRAPHIC = 4.5, 3.0
STRONG, MUTED, FAINT = 0.9, 0.7, 0.55  # shares of the text's colour in an ink


def luminance(color: Any) -> float:
    """Relative luminance of a colour, 0 (black) to 1 (white), as WCAG defines it."""
    from matplotlib.colors import to_rgb

    return float(_luminances(np.array(to_rgb(color))))


def _luminances(rgb: Array) -> Array:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: Any, other: Any) -> float:
    """Contrast ratio of two colours, 1 (alike) to 21 (black on white).

    Parameters
    ----------
    one, other : colour
        Anything that Matplotlib takes for a colour; alpha does not count.
    """
    return float(_ratios(luminance(one), luminance(other)))


def _ratios(one: Any, other: Any) -> Array:
    low, high = np.minimum(one, other), np.maximum(one, other)
    return np.asarray((high + 0.05) / (low + 0.05))


def mix(one: Any, other: Any, share: float) -> Color:
    """Colour between two, with a share of the first from 0 to 1."""
    from matplotlib.colors import to_rgb

    red, green, blue = share * np.array(to_rgb(one)) + (1 - share) * np.array(
        to_rgb(other)
    )
    return float(red), float(green), float(blue)


def background(artist: Any) -> Color:
    """Colour on which an Axes or a Figure is drawn.

    Parameters
    ----------
    artist : matplotlib Axes or Figure
        Where it is drawn. A transparent figure is taken to lie on white if the text of
        the style is dark, otherwise on black.

    Returns
    -------
    tuple of float
        Red, green and blue.
    """
    import matplotlib as mpl
    from matplotlib.colors import to_rgba

    page = "white" if luminance(mpl.rcParams["text.color"]) < 0.4 else "black"
    below = mix(page, page, 1)
    for layer in (artist.figure.figure, artist):  # that of a subfigure is its root
        *_, alpha = to_rgba(layer.get_facecolor())
        below = mix(layer.get_facecolor(), below, alpha)
    return below


def visible(color: Any, artist: Any, least: float = GRAPHIC) -> Color:
    """Colour, moved towards black or white until it stands out from the background.

    Parameters
    ----------
    color : colour
        As the style has it; returned as it is if it can be seen.
    artist : matplotlib Axes or Figure
        Where it is drawn.
    least : float, default=3.0
        Contrast ratio to reach.
    """
    behind = background(artist)
    end = max(("black", "white"), key=lambda end: contrast(end, behind))
    steps = (mix(end, color, share) for share in np.linspace(0, 1, 51))
    reaching = (step for step in steps if contrast(step, behind) >= least)
    return next(reaching, mix(end, end, 1))


def ink(artist: Any, strength: float = 1.0) -> Color:
    """Colour of the text, or a paler one on the way to the background.

    Parameters
    ----------
    artist : matplotlib Axes or Figure
        Where it is drawn.
    strength : float, default=1.0
        Share of the text's colour.
    """
    import matplotlib as mpl

    text = visible(mpl.rcParams["text.color"], artist, TEXT)
    return visible(mix(text, background(artist), strength), artist)


def accents(artist: Any, n: int) -> list[Color]:
    """First colours of the style's cycle, as they can be seen.

    Parameters
    ----------
    artist : matplotlib Axes or Figure
        Where they are drawn.
    n : int
        How many.
    """
    import matplotlib as mpl

    cycle = mpl.rcParams["axes.prop_cycle"].by_key().get("color", ["0.15"])
    return [visible(cycle[i % len(cycle)], artist) for i in range(n)]


def sequence(artist: Any, n: int) -> list[Color]:
    """Colours from the one that stands out most to the one that can just be seen.

    Parameters
    ----------
    artist : matplotlib Axes or Figure
        Where they are drawn.
    n : int
        How many.
    """
    import matplotlib as mpl

    # From dark to light: the dark part is for a light background, and vice versa.
    colors = mpl.colormaps["plasma"](np.linspace(0, 1, 256))[:, :3]
    behind, light = luminance(background(artist)), _luminances(colors)
    ratios, lighter = _ratios(light, behind), light > behind
    sides = [(ratios >= GRAPHIC) & side for side in (lighter, ~lighter)]
    side = np.flatnonzero(max(sides, key=np.count_nonzero))
    side = side[np.argsort(-ratios[side], kind="stable")]
    return [
        colors[side[i]] for i in np.linspace(0, len(side) - 1, n).round().astype(int)
    ]
