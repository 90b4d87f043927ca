"""The SAM 2 backend: the order of the views, and a real, small model through the real loading code."""

import importlib.util
import re
import sys
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import analytic
import cv2
import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.files import write_image
from nerfkit.scene import View
from nerfkit.segmentation import sam2
from nerfkit.segmentation.sam2 import BACKBONES, Sam2Propagator, film, renamed, tracking_order, untangled
from nerfkit.segmentation.view_order import view_distances
from nerfkit.weights import WEIGHTS, file_sha256

SIDE = 64  # of the small model's input, pixels
TINY = "sam2.1_hiera_tiny"
needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None,
    reason=f"the extra {sam2.REQUIREMENT} is not installed",
)

# The parameters in Meta's checkpoints of a model with 1, 1, 2 and 1 blocks; [..] stands for each character in
# it, and .* for weight and bias.
PUBLISHED = """
image_encoder.trunk.pos_embed
image_encoder.trunk.pos_embed_window
image_encoder.trunk.patch_embed.proj.*
image_encoder.trunk.blocks.[01234].norm[12].*
image_encoder.trunk.blocks.[01234].attn.qkv.*
image_encoder.trunk.blocks.[01234].attn.proj.*
image_encoder.trunk.blocks.[01234].mlp.layers.[01].*
image_encoder.trunk.blocks.[124].proj.*
image_encoder.neck.convs.[0123].conv.*
mask_downsample.*
maskmem_tpos_enc
no_mem_embed
no_mem_pos_enc
no_obj_embed_spatial
no_obj_ptr
obj_ptr_proj.layers.[012].*
obj_ptr_tpos_proj.*
memory_attention.norm.*
memory_attention.layers.[0123].norm[123].*
memory_attention.layers.[0123].linear[12].*
memory_attention.layers.[0123].self_attn.[qkv]_proj.*
memory_attention.layers.[0123].self_attn.out_proj.*
memory_attention.layers.[0123].cross_attn_image.[qkv]_proj.*
memory_attention.layers.[0123].cross_attn_image.out_proj.*
memory_encoder.out_proj.*
memory_encoder.pix_feat_proj.*
memory_encoder.mask_downsampler.encoder.[013467].*
memory_encoder.mask_downsampler.encoder.9.*
memory_encoder.mask_downsampler.encoder.1[02].*
memory_encoder.fuser.layers.[01].dwconv.*
memory_encoder.fuser.layers.[01].norm.*
memory_encoder.fuser.layers.[01].pwconv[12].*
memory_encoder.fuser.layers.[01].gamma
sam_prompt_encoder.no_mask_embed.weight
sam_prompt_encoder.not_a_point_embed.weight
sam_prompt_encoder.point_embeddings.[0123].weight
sam_prompt_encoder.mask_downscaling.[01346].*
sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
sam_mask_decoder.conv_s[01].*
sam_mask_decoder.iou_token.weight
sam_mask_decoder.mask_tokens.weight
sam_mask_decoder.obj_score_token.weight
sam_mask_decoder.output_upscaling.[013].*
sam_mask_decoder.iou_prediction_head.layers.[012].*
sam_mask_decoder.pred_obj_score_head.layers.[012].*
sam_mask_decoder.output_hypernetworks_mlps.[0123].layers.[012].*
sam_mask_decoder.transformer.norm_final_attn.*
sam_mask_decoder.transformer.final_attn_token_to_image.[qkv]_proj.*
sam_mask_decoder.transformer.final_attn_token_to_image.out_proj.*
sam_mask_decoder.transformer.layers.[01].norm[1234].*
sam_mask_decoder.transformer.layers.[01].mlp.layers.[01].*
sam_mask_decoder.transformer.layers.[01].self_attn.[qkv]_proj.*
sam_mask_decoder.transformer.layers.[01].self_attn.out_proj.*
sam_mask_decoder.transformer.layers.[01].cross_attn_token_to_image.[qkv]_proj.*
sam_mask_decoder.transformer.layers.[01].cross_attn_token_to_image.out_proj.*
sam_mask_decoder.transformer.layers.[01].cross_attn_image_to_token.[qkv]_proj.*
sam_mask_decoder.transformer.layers.[01].cross_attn_image_to_token.out_proj.*
"""


def published_names() -> list[str]:
    """PUBLISHED, written out."""
    names = []
    for line in PUBLISHED.split():
        parts = re.split(r"\[(.*?)\]", line)
        for choice in product(*parts[1::2]):
            name = "".join(a + b for a, b in zip(parts[::2], [*choice, ""], strict=True))
            names += [name.replace("*", kind) for kind in (("weight", "bias") if "*" in name else ("",))]
    return names


def small_config(_variant: str):
    """A Sam2VideoConfig of the form of all sizes, with few and narrow layers."""
    from transformers import (
        Sam2HieraDetConfig,
        Sam2VideoConfig,
        Sam2VideoMaskDecoderConfig,
        Sam2VideoPromptEncoderConfig,
        Sam2VisionConfig,
    )

    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        blocks_per_stage=[1, 1, 2, 1],
        global_attention_blocks=[3],
        image_size=[SIDE, SIDE],
    )
    return Sam2VideoConfig(
        vision_config=Sam2VisionConfig(
            backbone_config=backbone,
            backbone_channel_list=[64, 32, 16, 8],
            backbone_feature_sizes=[[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2],
            fpn_hidden_size=128,
        ),
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=128, image_size=SIDE),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(hidden_size=128, mlp_dim=32, iou_head_hidden_dim=128),
        image_size=SIDE,
        memory_attention_hidden_size=128,
        memory_attention_feed_forward_hidden_size=32,
        memory_attention_rope_feat_sizes=[SIDE // 16] * 2,
        memory_encoder_hidden_size=128,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=32,
    )


def small_checkpoint() -> dict[str, torch.Tensor]:
    """The small model's random parameters under Meta's names; the object is seen wherever it looks."""
    from transformers import Sam2VideoModel

    torch.manual_seed(0)
    state = Sam2VideoModel(small_config(TINY)).state_dict()
    clicks = state.pop("prompt_encoder.point_embed.weight")
    published = {}
    for name in published_names():
        kind = sam2.CLICK_KIND.fullmatch(renamed(name))
        value = clicks[int(kind[1]) : int(kind[1]) + 1] if kind else state[renamed(name)]
        published[name] = value + 0.05 * torch.randn_like(value)
    published["sam_mask_decoder.pred_obj_score_head.layers.2.bias"] += 10
    return published


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A weight store whose tiny model is the small one; returns a function that writes its parameters."""
    pytest.importorskip("transformers", reason=f"the extra {sam2.REQUIREMENT} is not installed")
    sam2.import_transformers()
    torch.set_num_threads(1)
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(sam2, "model_config", small_config)

    def write(published: dict[str, torch.Tensor]) -> None:
        path = tmp_path / WEIGHTS[TINY].file
        torch.save({"model": published}, path)
        weight = replace(WEIGHTS[TINY], bytes=path.stat().st_size, sha256=file_sha256(path))
        monkeypatch.setitem(WEIGHTS, TINY, weight)

    return write


def ball_views(folder: Path, angles) -> tuple[list[View], dict[str, np.ndarray]]:
    """Photos of the ball, those with an even number upright and the others lying, and the true masks."""
    views, truth = [], {}
    for number, angle in enumerate(angles):
        size = (48, 64) if number % 2 == 0 else (64, 48)
        pose, camera, name = analytic.pose(angle), analytic.LENS.resized(*size), f"v{number}"
        shot = analytic.shoot(pose, camera)
        write_image(folder / f"{name}.png", shot.rgb)
        views.append(View(name, "train", camera, pose, analytic.NEAR, analytic.FAR, folder / f"{name}.png"))
        truth[name] = shot.ball
    return views, truth


def around(angles) -> list[View]:
    """Views from a circle, each towards its middle."""
    views = []
    for number, angle in enumerate(angles):
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(np.array([0.0, angle, 0.0]))[0]
        pose[:3, 3] = -2 * pose[:3, 2]
        views.append(View(f"v{number}", "train", analytic.LENS, pose, 1.0, 3.0, Path("none.png")))
    return views


def test_film_follows_a_circle_both_ways_whatever_the_names():
    places = np.random.default_rng(0).permutation(24)
    distances = view_distances(around(2 * np.pi * places / 24), 2.0)
    order = film(distances, start=5)
    assert sorted(order) == list(range(24))
    steps = [(places[b] - places[a]) % 24 for a, b in pairwise(order)]
    assert set(steps) in ({1}, {23})
    assert order.index(5) == 12


def test_film_of_an_arc_runs_from_end_to_end():
    places = np.random.default_rng(0).permutation(12)
    order = film(view_distances(around(places / 10), 2.0), start=5)
    assert places[order].tolist() in (list(range(12)), list(range(12))[::-1])


def length(distances: np.ndarray, chain: list[int]) -> float:
    return sum(distances[a, b] for a, b in pairwise(chain))


@pytest.mark.parametrize("seed", range(4))
def test_no_reversal_shortens_an_untangled_chain(seed):
    points = np.random.default_rng(seed).uniform(size=(12, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    chain = untangled(distances, list(range(12)))
    assert sorted(chain) == list(range(12))
    best = length(distances, chain)
    assert best < length(distances, list(range(12)))
    for i in range(12):
        for j in range(i + 2, 13):
            turned = [*chain[:i], *chain[i:j][::-1], *chain[j:]]
            assert length(distances, turned) > best - 1e-9


def test_one_view_is_a_film():
    assert film(np.zeros((1, 1)), 0) == [0]
    assert tracking_order(1, [0]) == []


def test_tracking_goes_on_from_the_first_prompt_and_then_back():
    assert tracking_order(7, [2, 4]) == [(3, False), (5, False), (6, False), (1, True), (0, True)]


def test_missing_package_is_one_sentence_with_the_pin_of_the_conda_file(repository, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=rf"pip install {sam2.REQUIREMENT}.*backend: projection"):
        Sam2Propagator(TINY)
    assert f"- {sam2.REQUIREMENT}\n" in (repository / "envs/sam2.yaml").read_text()


@needs_transformers
def test_missing_weights_say_what_belongs_where(tmp_path, monkeypatch):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError) as error:
        Sam2Propagator(TINY)
    for part in ("156,008,466 bytes", "sha256 7402e0d8", str(tmp_path), "propagation.backend: projection"):
        assert part in str(error.value)


def test_every_size_is_in_the_store():
    assert {name for name in WEIGHTS if name.startswith("sam2")} == set(BACKBONES)


@needs_transformers
@pytest.mark.parametrize(
    ("variant", "millions"), list(zip(BACKBONES, (39.0, 46.1, 80.9, 224.4), strict=True))
)
def test_sizes_have_the_published_number_of_parameters(variant, millions):
    model_class = sam2.import_transformers().Sam2VideoModel
    with torch.device("meta"):
        model = model_class(sam2.model_config(variant))
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_every_published_parameter_is_loaded(store):
    published = small_checkpoint()
    store(published)
    loaded = Sam2Propagator(TINY).model.state_dict()
    names = {name: renamed(name) for name in published}
    clicks = {new for new in names.values() if sam2.CLICK_KIND.fullmatch(new)}
    assert len(clicks) == 4
    assert set(loaded) == {
        *set(names.values()) - clicks,
        "prompt_encoder.point_embed.weight",
        "shared_image_embedding.positional_embedding",
    }
    for name, new in names.items():
        if new not in clicks:
            torch.testing.assert_close(loaded[new], published[name])


def test_masks_of_all_views_at_their_own_sizes(store, tmp_path):
    views, truth = ball_views(tmp_path, np.linspace(-0.5, 0.5, 6))
    clicked = {name: truth[name] for name in ("v4", "v1")}
    store(small_checkpoint())
    propagator = Sam2Propagator(TINY)
    seen = []
    look = propagator.look
    propagator.look = lambda session, frame, photo, reverse: (
        seen.append((frame, reverse)) or look(session, frame, photo, reverse)
    )
    masks, order = propagator.propagate(views, clicked)
    assert list(masks) == [view.name for view in views]
    for view in views:
        assert masks[view.name].shape == (view.camera.height, view.camera.width)
        assert masks[view.name].dtype == bool
    for name, mask in clicked.items():
        assert masks[name] is mask
    assert order in (["v2", "v3", "v5", "v0"], ["v3", "v2", "v0", "v5"])
    assert seen == [(1, False), (4, False), (2, False), (3, False), (5, False), (0, True)]
    assert any(masks[name].any() for name in order)
    again, _ = propagator.propagate(views, clicked)
    assert all((again[name] == masks[name]).all() for name in masks)


def test_object_that_is_not_seen_has_an_empty_mask(store, tmp_path):
    views, truth = ball_views(tmp_path, [-0.2, 0.0, 0.2])
    published = small_checkpoint()
    published["sam_mask_decoder.pred_obj_score_head.layers.2.bias"] -= 20
    store(published)
    masks, order = Sam2Propagator(TINY).propagate(views, {"v1": truth["v1"]})
    assert sorted(order) == ["v0", "v2"]
    assert not masks["v0"].any()
    assert not masks["v2"].any()
