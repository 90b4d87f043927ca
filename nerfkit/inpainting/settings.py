"""Settings of the inpainting stage."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InpaintingSettings:
    """Settings of the inpainting stage."""

    # exemplar (embedded, no download) or lama (simple-lama-inpainting with the weights below)
    backend: str = "exemplar"
    # unseen: what no photo shows behind the object; hole: all of every hole, as the paper does
    part: str = "unseen"
    # the view that is filled first: auto or the stem of a photo
    reference: str = "auto"
    # carry the fill of the reference view, and of views filled before, into the others through depth
    carry: bool = True
    # exemplar: a patch reaches this far to each side of its centre, in px
    patch_radius: int = 3
    # exemplar: how far around a hole patches are taken from, in image widths
    context: float = 0.25
    # lama: a name of the weight store or the path of a TorchScript file
    lama_weights: str = "big-lama"
