"""What an audit found, kept in the Parquet file of its map."""

from dataclasses import replace
from typing import Any

from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._data_map import DataMap

KEPT = ("n_wrong", "n_wrong_interval", "reason", "witness", "seconds", "seed")
NOT_AUDITED = "the map was made without an audit"


def ranked_by(data_map: DataMap) -> str:
    """Measure that ranks labels for review: of rows held out ``label_quality``.

    Parameters
    ----------
    data_map : DataMap
        The map.

    Returns
    -------
    str
    """
    names = data_map.measure_names()
    return "label_quality" if "label_quality" in names else "confidence"


def stored(data_map: DataMap, audit: LabelAudit | None) -> DataMap:
    """Return the map with what an audit found, as it is written to a file.

    Parameters
    ----------
    data_map : DataMap
        The map.
    audit : LabelAudit or None
        Its audit.

    Returns
    -------
    DataMap
    """
    if audit is None:
        return data_map
    found = {name: getattr(audit, name) for name in KEPT}
    columns = {k: v for k, v in data_map.columns.items() if k != "chance_wrong"}
    return replace(data_map, columns=columns, meta={**data_map.meta, "audit": found})


def audit_of(data_map: DataMap) -> LabelAudit:
    """Return the audit of a map that was stored, or one by the map's own evidence.

    Parameters
    ----------
    data_map : DataMap
        From :func:`stored`.

    Returns
    -------
    LabelAudit

    Raises
    ------
    ValueError
        If the map has no ``label_quality``.
    """
    chance = 1.0 - data_map.measure("label_quality")
    found: dict[str, Any] = dict(data_map.meta.get("audit") or {})
    interval = found.get("n_wrong_interval")
    return LabelAudit(
        data_map=data_map,
        chance=chance,
        n_wrong=found.get("n_wrong"),
        n_wrong_interval=None if interval is None else (interval[0], interval[1]),
        reason=found.get("reason", NOT_AUDITED),
        witness=found.get("witness", "none"),
        seconds=found.get("seconds", {}),
        seed=int(found.get("seed", 0)),
    )


def counted(data_map: DataMap) -> str:
    """Say how many labels of a stored map are wrong, or why that cannot be said.

    Parameters
    ----------
    data_map : DataMap
        From :func:`stored`.

    Returns
    -------
    str
    """
    if "audit" not in data_map.meta:
        return f"no number of wrong labels: {NOT_AUDITED}"
    return audit_of(data_map).counted()
