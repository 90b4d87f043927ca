"""Make `import torchvision` work beside a CPU build of torch.

The torchvision wheel of the package index is a CUDA build: beside a CPU torch its compiled library cannot
load and is skipped silently, but its Python part still registers shape functions for the operators `nms` and
`qnms`, which then do not exist, and the import fails. Declaring the two operators (without an implementation)
is enough for models and transforms; only box suppression and the image codecs stay out of reach.
"""

import sys

import torch

_libraries = []  # torch drops the declarations when their Library object is collected


def ensure_torchvision() -> str:
    """Import torchvision, declaring the two missing operators first where the plain import fails.

    Call it before importing anything that imports torchvision (segment_anything, lpips, torchmetrics' image
    scores). The healthy import is tried first because declaring existing operators again is an error.

    Returns:
        "native" where torchvision imports by itself, "shimmed" where the operators were declared.
    """
    try:
        import torchvision

        return "shimmed" if _libraries else "native"
    except RuntimeError as error:
        if "does not exist" not in str(error) or torch.version.cuda is not None:
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import left behind
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
    import torchvision  # noqa: F401

    return "shimmed"
