"""Masks carried from the clicked views to all by the video model of SAM 2 (Ravi et al. 2024), for users who
have its weights.

The video is the views in an order in which each frame is next to views that look alike by pose (`film`). The
masks of the clicked views are the model's prompts; it follows the object from the first of them to both ends.
The model is that of transformers, the weights are the file that Meta publishes.
"""

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch.nn.functional import interpolate
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.scene import View
from nerfkit.segmentation.view_order import view_distances
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import weight_path

REQUIREMENT = "transformers==5.23.0"  # as in envs/sam2.yaml
AHEAD = 2.0  # scene units: the median distance from a camera to what it looks at, see nerfkit.scene
OBJECT = 1  # the name of the one object in the model's session
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as in the model's training

# How the Hiera backbone of a size departs from the configuration's defaults, which are those of tiny.
BACKBONES = {
    "sam2.1_hiera_tiny": {},
    "sam2.1_hiera_small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "sam2.1_hiera_base_plus": {
        "hidden_size": 112,
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
    },
    "sam2.1_hiera_large": {
        "hidden_size": 144,
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
    },
}

# Meta's names of parameters (patterns) in the names of transformers, applied one after another.
HEAD = r"(_head|_mlps\.\d|obj_ptr_proj)\.layers\."
RENAMED = (
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.(neck\.convs\.\d)\.conv\.", r"vision_encoder.\1."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"^sam_(mask_decoder|prompt_encoder)\.", r"\1."),
    (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
    (r"\.out_proj\.", ".o_proj."),
    (r"\.norm", ".layer_norm"),
    (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
    (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
    (HEAD + r"0\.", r"\1.proj_in."),
    (HEAD + r"1\.", r"\1.layers.0."),
    (HEAD + r"2\.", r"\1.proj_out."),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    *((rf"downsampler\.encoder\.{3 * i}\.", f"downsampler.layers.{i}.conv.") for i in range(4)),
    *((rf"downsampler\.encoder\.{3 * i + 1}\.", f"downsampler.layers.{i}.layer_norm.") for i in range(4)),
    (r"downsampler\.encoder\.12\.", "downsampler.final_conv."),
    (r"pix_feat_proj", "feature_projection"),
    (r"\.fuser\.", ".memory_fuser."),
    (r"\.dwconv\.", ".depthwise_conv."),
    (r"\.pwconv", ".pointwise_conv"),
    (r"\.gamma$", ".scale"),
    (r"pe_layer\.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
    (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^obj_ptr_proj", "object_pointer_proj"),
    (r"^obj_ptr_tpos_proj", "temporal_positional_encoding_projection_layer"),
)
CLICK_KIND = re.compile(r"prompt_encoder\.point_embeddings\.(\d)\.weight")


class Sam2Propagator:
    """The propagator of the backend `sam2`. `name` says what it is, for the manifest."""

    def __init__(self, variant: str) -> None:
        """Load one of `BACKBONES` from the weight store, onto the GPU where there is one.

        Raises:
            UserError: transformers is not installed, or the weights are missing; the message says what
                belongs where.
        """
        self.transformers = import_transformers()
        checkpoint = weight_path(variant)
        self.name = f"transformers {variant} ({checkpoint.name})"
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = self.transformers.Sam2VideoModel(model_config(variant)).eval()
        self.model.load_state_dict(read_checkpoint(checkpoint))
        self.model.to(self.device)

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """Masks of all views, and the order in which they were made.

        Args:
            views: the views, with photos of any sizes (H, W).
            clicked: bool masks (H, W) of at least one of the views, by name; they are kept as they are.
        Returns:
            bool masks (H, W) of all views by name, empty where the model does not find the object; the names
            of the views that are not in `clicked`, as they were made.
        """
        names = [view.name for view in views]
        start = names.index(next(iter(clicked)))
        frames = [views[i] for i in film(view_distances(views, AHEAD), start)]
        prompted = [i for i, view in enumerate(frames) if view.name in clicked]
        session = self.transformers.Sam2VideoInferenceSession(
            inference_device=self.device, inference_state_device=self.device, dtype=torch.float32
        )
        for i in prompted:
            self.prompt(session, i, frames[i].image(), clicked[frames[i].name])
        masks, steps = dict(clicked), tracking_order(len(frames), prompted)
        for i, reverse in tqdm(steps, desc="propagation", unit="view"):
            masks[frames[i].name] = self.track(session, i, frames[i].image(), reverse)
        return {name: masks[name] for name in names}, [frames[i].name for i, _ in steps]

    def prompt(self, session, frame: int, photo: np.ndarray, mask: np.ndarray) -> None:
        """Show the model the object's mask, bool (H, W), in one photo, uint8 RGB (H, W, 3)."""
        side = self.model.image_size
        index = session.obj_id_to_idx(OBJECT)
        wanted = interpolate(
            torch.tensor(mask)[None, None].float(), (side, side), mode="bilinear", antialias=True
        )
        session.add_mask_inputs(index, frame, (wanted >= 0.5).float())
        session.obj_with_new_inputs = [OBJECT]
        self.look(session, frame, photo, reverse=False)

    def track(self, session, frame: int, photo: np.ndarray, reverse: bool) -> np.ndarray:
        """The object's mask, bool (H, W), in a photo, uint8 RGB (H, W, 3), after the frames before it, or
        with `reverse` those after it."""
        logits = self.look(session, frame, photo, reverse)
        return (interpolate(logits, photo.shape[:2], mode="bilinear")[0, 0] > 0).cpu().numpy()

    def look(self, session, frame: int, photo: np.ndarray, reverse: bool) -> torch.Tensor:
        """One step of the model: logits (1, 1, h, w) of the object at the model's own resolution."""
        pixels = model_input(photo, self.model.image_size)
        output = self.model(session, frame=pixels, frame_idx=frame, reverse=reverse)
        del session.processed_frames[frame]  # the memories suffice; all photos at once would take GBs
        return output.pred_masks


def import_transformers() -> ModuleType:
    """The package transformers, which only this backend needs.

    Raises:
        UserError: it is not installed, or too old to have SAM 2.
    """
    ensure_torchvision()
    try:
        import transformers
        from transformers import Sam2VideoModel  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"propagation.backend: sam2 needs the package transformers with SAM 2; install it with "
            f"`pip install {REQUIREMENT}`, run with --use-conda, or set `propagation.backend: projection`."
        ) from error
    return transformers


def model_config(variant: str):
    """The Sam2VideoConfig of a size in `BACKBONES`; it needs no file."""
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VisionConfig

    backbone = Sam2HieraDetConfig(**BACKBONES[variant])
    channels = backbone.embed_dim_per_stage[::-1]
    return Sam2VideoConfig(
        vision_config=Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=channels)
    )


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The parameters in a checkpoint of Meta's, by the names that transformers gives them."""
    published = torch.load(path, map_location="cpu", weights_only=True)["model"]
    state = {renamed(name): value for name, value in published.items()}
    clicks = sorted(name for name in state if CLICK_KIND.fullmatch(name))
    state["prompt_encoder.point_embed.weight"] = torch.cat([state.pop(name) for name in clicks])
    state["shared_image_embedding.positional_embedding"] = state[
        "prompt_encoder.shared_embedding.positional_embedding"
    ]
    return state


def renamed(name: str) -> str:
    """A parameter's name in transformers, from its name in Meta's checkpoints."""
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def model_input(photo: np.ndarray, side: int) -> torch.Tensor:
    """A photo, uint8 RGB (H, W, 3), as the model sees it: float32 (1, 3, side, side), normalised."""
    image = torch.tensor(photo).permute(2, 0, 1)[None].float() / 255
    image = interpolate(image, (side, side), mode="bilinear", antialias=True)
    return (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)


def film(distances: np.ndarray, start: int) -> list[int]:
    """All views in an order in which neighbours are near.

    A chain grows from `start` at whichever end has the nearer view left. That leaves long jumps to views it
    passed by; 2-opt (Croes 1958) removes them. Where the ends meet, as in a capture around an object, `start`
    comes into the middle, so that the farthest view is half a round away from it and not a whole one.

    Args:
        distances: (V, V), symmetric; see `view_distances`.
    """
    chain, left = [start], [i for i in range(len(distances)) if i != start]
    while left:
        ends = distances[np.ix_([chain[0], chain[-1]], left)]
        end, nearest = np.unravel_index(ends.argmin(), ends.shape)
        chain.insert(len(chain) if end else 0, left.pop(nearest))
    chain = untangled(distances, chain)
    if distances[chain[-1], chain[0]] <= distances[chain[:-1], chain[1:]].max(initial=0):
        chain = np.roll(chain, len(chain) // 2 - chain.index(start)).tolist()
    return chain


def untangled(distances: np.ndarray, chain: list[int]) -> list[int]:
    """The chain after all reversals of a part of it that shorten it, the best one first."""
    count = len(chain)
    padded = np.pad(distances, (0, 1))  # a stop at no distance closes the chain to a tour
    tour = np.array([count, *chain])
    while True:
        after = np.roll(tour, -1)
        steps = padded[tour, after]
        gain = steps[:, None] + steps - padded[np.ix_(tour, tour)] - padded[np.ix_(after, after)]
        i, j = np.unravel_index(np.triu(gain, 1).argmax(), gain.shape)
        if gain[i, j] < 1e-9:
            return tour[1:].tolist()
        tour[i + 1 : j + 1] = tour[i + 1 : j + 1][::-1].copy()


def tracking_order(count: int, prompted: list[int]) -> list[tuple[int, bool]]:
    """The frames between and after the prompted ones, then those before them, backwards.

    Args:
        prompted: ascending indices of frames whose mask is given.
    Returns:
        (frame, whether it is reached backwards) of every other frame.
    """
    onwards = [(i, False) for i in range(prompted[0], count) if i not in prompted]
    return onwards + [(i, True) for i in reversed(range(prompted[0]))]
