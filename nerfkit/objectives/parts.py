"""An objective is a list of parts: rays, and what their rendering is held against; one call traces all."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from nerfkit.rays import Rays
from nerfkit.rendering import Field, Rendering


@dataclass(frozen=True)
class Part:
    """Some rays of a step.

    Attributes:
        terms: from their rendering to weighted loss terms by name.
        live: whether the colour's gradient may move the geometry.
    """

    rays: Rays
    terms: Callable[[Rendering], dict[str, Tensor]]
    live: bool = True


def due(every: int, start: float, done: float, generator: torch.Generator) -> bool:
    """Whether a step has a term that comes now and then.

    One step in `every` does, by chance, so that steps need no count, once the share `start` of the training
    is done.
    """
    drawn = torch.rand(1, generator=generator).item() < 1 / every
    return drawn and done >= start


def trace_parts(field: Field, parts: list[Part], generator: torch.Generator) -> dict[str, Tensor]:
    """Trace all parts in one call and collect their terms."""
    sizes = [len(part.rays) for part in parts]
    live = torch.cat([torch.full((len(part.rays),), float(part.live)) for part in parts])
    whole = field.trace(Rays.cat([part.rays for part in parts]), generator, live)
    columns = {f.name: getattr(whole, f.name).split(sizes) for f in fields(Rendering)}
    terms: dict[str, Tensor] = {}
    for number, part in enumerate(parts):
        terms |= part.terms(Rendering(**{name: pieces[number] for name, pieces in columns.items()}))
    return terms
