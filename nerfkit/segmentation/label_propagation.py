"""Masks that travel from view to view by what places look like to a network, without any geometry.

The protocol by which DINO is tested on video (Caron et al. 2021, section 4.2.2; after Jabri et al.,
"Space-Time Correspondence as a Contrastive Random Walk", 2020): a token takes the mean label of the most
similar tokens of the given frame and of some finished ones. Here frames are photos of a place, so what
precedes a view is near to it in pose, not in time.

Conventions: a token is one cell of a network's feature map (h, w). A soft label (h, w) is the probability
that a token shows the object; the background's is its complement.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.scene import View
from nerfkit.segmentation.appearance import lab_image, looks
from nerfkit.segmentation.band import LOOKS_REACH, redraw_around, signed_distance
from nerfkit.segmentation.feature_networks import FeatureNetwork, frame
from nerfkit.segmentation.view_order import view_distances, walk

CONTEXTS = ("nearest", "last")
# The label of an object's surest token: in views that show it, it was at least 0.93 in four captures, and far
# from the object rarely above 0.8. Below, the rescaling that follows would invent an object.
SURE = 0.9
FIRMNESS = 3.0  # of the label where it is surest, against the costs of looks and of edges
SIMILARITIES = 1 << 25  # how many are held at once: 128 MB


@dataclass(frozen=True)
class LabelPropagationSettings:
    """How labels travel by features."""

    short_side: int = 288  # pixels of the photo's shorter side as the network sees it; DINO on video: 480
    window: int = 12  # tokens by which a thing moves at most from view to view; 0: any number
    similar: int = 5  # most similar tokens whose labels a token takes
    temperature: float = 0.1  # of the softmax over their cosines
    context: str = "nearest"  # finished views that are asked: nearest in pose | last finished, as in video
    context_views: int = 7  # how many of them, besides the clicked ones
    channels: int = 128  # principal directions that features are reduced to, which is faster; 0: all
    band: float = 1.0  # half width, in tokens, of the band in which a mask is drawn along edges; 0: not


@dataclass(frozen=True)
class Source:
    """A labelled view: features float16 (h, w, C) of unit length, soft label float32 (h, w)."""

    features: Tensor
    label: Tensor


class LabelPropagator:
    """Carries masks to other views by the features of a network.

    Features are kept, so several objects in the same views cost them once.
    """

    def __init__(self, network: FeatureNetwork, settings: LabelPropagationSettings):
        """Keep the network, already loaded.

        Raises:
            UserError: the settings name no context.
        """
        if settings.context not in CONTEXTS:
            raise UserError(f"There is no context {settings.context!r}; choose one of {', '.join(CONTEXTS)}.")
        self.name, self.network, self.settings = network.name, network, settings
        self.directions: Tensor | None = None
        self.known: dict[Path, Tensor] = {}

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """Masks bool (H, W) of all views by name, and the order in which they were made.

        Args:
            views: at least those of `clicked`.
            clicked: masks (H, W) of clicked views by name; they are kept as they are.
        """
        names = [view.name for view in views]
        start = [names.index(name) for name in clicked]
        sources = {i: given(self.features(views[i]), clicked[names[i]]) for i in start}
        elsewhere = np.concatenate([object_looks(views[i], clicked[names[i]]) for i in start])
        distances = view_distances(views, middle_depth(views))
        masks, order = dict(clicked), []
        for i, _ in tqdm(walk(distances, start), desc="labels", unit="view"):
            asked = [sources[j] for j in [*start, *self.context(distances[i], order)]]
            features = self.features(views[i])
            label = transfer(features, asked, self.settings)
            sources[i] = Source(features, label)
            masks[names[i]] = self.mask(views[i].image(), label.cpu().numpy(), elsewhere)
            order.append(i)
        return {name: masks[name] for name in names}, [names[i] for i in order]

    def features(self, view: View) -> Tensor:
        """Features float16 (h, w, C) of a view; the first view decides in which directions they are kept."""
        if view.path not in self.known:
            features = self.network.features(frame(view.image(), self.network, self.settings.short_side))
            if 0 < self.settings.channels < features.shape[2]:
                if self.directions is None:
                    self.directions = principal_directions(features, self.settings.channels)
                features = normalize(features @ self.directions, dim=2)
            self.known[view.path] = features.half()
        return self.known[view.path]

    def context(self, distances: np.ndarray, finished: list[int]) -> list[int]:
        """Which finished views a view asks, given its distances (V,) to all views."""
        if self.settings.context == "nearest":
            finished = sorted(finished, key=lambda j: -distances[j])
        return finished[max(0, len(finished) - self.settings.context_views) :]

    def mask(self, image: np.ndarray, label: np.ndarray, elsewhere: np.ndarray) -> np.ndarray:
        """The mask bool (H, W) that a soft label (h, w) means in its photo (H, W, 3).

        Args:
            elsewhere: looks (N, 6) of the object in the clicked views.
        """
        height, width = image.shape[:2]
        chance = object_chance(label, (height, width))
        if self.settings.band == 0 or not (chance > 0.5).any():
            return chance > 0.5
        token = max(height / label.shape[0], width / label.shape[1])
        return drawn_along_edges(image, chance, self.settings.band * token, elsewhere)


def middle_depth(views: list[View]) -> float:
    """The z-depth, scene units, that decides how much a step of the camera changes a view.

    The mean in disparity, since what moves in a photo moves in proportion to it: the far bound, which is
    often the horizon, hardly counts. The median of the views.
    """
    return float(np.median([2 / (1 / view.near + 1 / view.far) for view in views]))


def principal_directions(features: Tensor, count: int) -> Tensor:
    """The (C, count) orthonormal directions that keep most of the products of features (h, w, C)."""
    flat = features.flatten(0, 1)
    return torch.linalg.eigh(flat.T @ flat).eigenvectors[:, -count:]


def given(features: Tensor, mask: np.ndarray) -> Source:
    """A clicked view: its label is the share of its mask (H, W) in each token."""
    height, width = features.shape[:2]
    label = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return Source(features, torch.from_numpy(label).to(features.device))


def object_looks(view: View, mask: np.ndarray) -> np.ndarray:
    """The looks (N, 6) of the object's pixels."""
    return looks(lab_image(view.image()))[mask.ravel()]


def transfer(target: Tensor, sources: list[Source], settings: LabelPropagationSettings) -> Tensor:
    """The soft label (h, w) of features (h, w, C): a mean of its tokens' most similar ones in the sources.

    Each counts with exp(cosine / temperature), and the weights of those kept sum to 1.
    """
    height, width = target.shape[:2]
    labels = torch.cat([source.label.flatten() for source in sources])
    rows = max(1, SIMILARITIES // (width * len(labels)))
    label = []
    for first in range(0, height, rows):
        part = slice(first, first + rows)
        cosines = torch.cat([similarities(target, part, source, settings.window) for source in sources], 1)
        best, where = cosines.topk(min(settings.similar, len(labels)), dim=1)
        weights = (best / settings.temperature).softmax(1)
        label.append((weights * labels[where]).sum(1))
    return torch.cat(label).view(height, width)


def similarities(target: Tensor, rows: slice, source: Source, window: int) -> Tensor:
    """Cosines (tokens, source tokens) of some rows of the target, -inf further apart than the window.

    In photos of another size, places are compared in proportion to the size.
    """
    tokens = target[rows].flatten(0, 1).float()
    cosines = tokens @ source.features.flatten(0, 1).float().T
    if window == 0:
        return cosines
    near = []
    for length, there in zip(target.shape[:2], source.label.shape, strict=True):
        ours, theirs = (torch.arange(n, device=target.device) for n in (length, there))
        near.append((theirs[None] - ours[:, None] * (there / length)).abs() <= window)
    within = near[0][rows][:, None, :, None] & near[1][None, :, None, :]  # our row, column; their row, column
    return cosines.masked_fill(~within.view(cosines.shape), -torch.inf)


def object_chance(label: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A soft label (h, w) at the photo's size, (H, W), rescaled so that pixels above a half are object.

    The protocol stretches each class's label to [0, 1] and takes the larger one; the label of the background
    being the object's complement, that is the object's label above the middle of its range. It finds an
    object in every view. So one that holds no token above SURE, which without the stretching would be empty,
    stays empty.
    """
    if label.max() < SURE:
        return np.zeros(shape, np.float32)
    fine = cv2.resize(label, shape[::-1], interpolation=cv2.INTER_LINEAR)
    spread = fine.max() - fine.min()
    return (fine - fine.min()) / spread if spread > 0 else fine


def drawn_along_edges(
    image: np.ndarray, chance: np.ndarray, width: float, elsewhere: np.ndarray
) -> np.ndarray:
    """The mask (H, W) of `chance` (H, W) drawn again within `width` pixels of its edge; see `redraw`."""
    mask, evidence = chance > 0.5, FIRMNESS * (2 * chance - 1)
    sure = np.abs(signed_distance(mask)) > width
    return redraw_around(image, mask, evidence, sure, LOOKS_REACH * width, elsewhere)
