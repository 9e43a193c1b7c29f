"""Tags of a sampler, as imbalanced-learn asks for them, without needing it."""

from dataclasses import dataclass, fields
from typing import Any

from sklearn.utils import InputTags, Tags


@dataclass(slots=True)
class SamplerInputTags(InputTags):
    """Tags of X, with one that imbalanced-learn adds."""

    dataframe: bool = True


@dataclass(slots=True)
class SamplerTags:
    """Tags of a sampler, under the names of imbalanced-learn."""

    sample_indices: bool = True


@dataclass(slots=True)
class TagsOfSampler(Tags):
    """Tags with those of samplers, under the names of imbalanced-learn."""

    sampler_tags: SamplerTags | None = None


def with_sampler_tags(tags: Tags) -> TagsOfSampler:
    """Add to the tags of an estimator what imbalanced-learn asks of a sampler.

    Parameters
    ----------
    tags : Tags
        Of scikit-learn.

    Returns
    -------
    TagsOfSampler
    """

    def values(of: Any) -> dict[str, Any]:
        return {field.name: getattr(of, field.name) for field in fields(of)}

    given = values(tags) | {"input_tags": SamplerInputTags(**values(tags.input_tags))}
    return TagsOfSampler(**given, sampler_tags=SamplerTags())
