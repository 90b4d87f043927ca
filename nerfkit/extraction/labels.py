"""Pixel labels: which pixels show the object and which do not, few or many, anywhere or along the edges."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from nerfkit.errors import UserError

KERNEL = np.ones((3, 3), np.uint8)  # of the filters that find boundary pixels (LaTeRF, section 5.2)
EDGE = 0.015  # of the width, on each side of a mask's edge


@dataclass(frozen=True)
class LabelSet:
    """Pixels by their index in a PixelBank: those of the object (P,), and those of anything else (N,)."""

    positive: Tensor
    negative: Tensor

    @classmethod
    def where(cls, positive: np.ndarray, negative: np.ndarray) -> "LabelSet":
        """The pixels for which the one or the other, bool (B,) of the whole bank, holds."""
        return cls(*(torch.from_numpy(np.flatnonzero(kind)) for kind in (positive, negative)))

    def __len__(self) -> int:
        return len(self.positive) + len(self.negative)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` indices, half of each kind, with replacement, and their labels (count,) bool."""
        half = count // 2
        chosen = [
            pixels[torch.randint(len(pixels), (number,), generator=generator)]
            for pixels, number in ((self.positive, half), (self.negative, count - half))
        ]
        return torch.cat(chosen), torch.arange(count) < half


def boundary(mask: np.ndarray, times: int = 1) -> np.ndarray:
    """Pixels (H, W) at which a 3x3 maximum filter of the mask differs from a 3x3 minimum filter, each applied
    so many times."""
    grey = mask.astype(np.uint8)
    return cv2.dilate(grey, KERNEL, iterations=times) != cv2.erode(grey, KERNEL, iterations=times)


def along_edges(labels: LabelSet, masks: list[np.ndarray]) -> LabelSet | None:
    """Those of the labels that lie along the edges of the masks (H, W); None unless there are both kinds.

    A field is soft, and what of it stands out beyond an outline is told from the object there alone.
    """
    bands = [boundary(mask, max(1, round(EDGE * mask.shape[1]))).ravel() for mask in masks]
    near = torch.from_numpy(np.concatenate(bands))
    kinds = [kind[near[kind]] for kind in (labels.positive, labels.negative)]
    return LabelSet(*kinds) if all(map(len, kinds)) else None


def draw_labels(masks: list[np.ndarray], count: int, sampling: str, seed: int, draw: int = 0) -> LabelSet:
    """A label set drawn from masks, as the paper's Tables 1 and 2 do.

    Args:
        masks: bool (H, W) of every view in the order of the bank.
        count: labels over all views together, half of them positive; 0 takes every pixel.
        sampling: `uniform` over all pixels, or `boundary`: only those along the masks' edges.
        draw: other labels of the same count and seed, as often as they are drawn anew.
    Raises:
        UserError: no pixel of one kind.
    """
    labels = np.concatenate([mask.ravel() for mask in masks])
    allowed = np.ones_like(labels)
    if sampling == "boundary":
        allowed = np.concatenate([boundary(mask).ravel() for mask in masks])
    kinds = [np.flatnonzero(allowed & (labels == kind)) for kind in (True, False)]
    if not all(map(len, kinds)):
        raise UserError(
            "The masks give labels of one kind only: they must show the object and something else."
        )
    rng = np.random.default_rng([seed, draw])
    if count:
        half = max(count // 2, 1)
        kinds = [rng.choice(kind, min(half, len(kind)), replace=False) for kind in kinds]
    return LabelSet(*(torch.from_numpy(kind) for kind in kinds))
