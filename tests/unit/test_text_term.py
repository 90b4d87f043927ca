"""The CLIP term on a small network of random weights: pictures, gradients, and that it can be followed."""

import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.extraction.clip import NETWORKS, ClipLoss, clip_network
from nerfkit.extraction.text_term import BACKGROUNDS, TextLoss, background, weighted_prompts
from nerfkit.extraction.viewpoints import circle, pose_between, square_camera
from nerfkit.fields import FieldSettings, make_field
from nerfkit.fields.object_box import Box
from nerfkit.fields.object_field import ObjectField
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import WEIGHTS

BOX = Box((-0.5, -0.5, -0.5), 1.0)
SMALL = FieldSettings(table_log2=10, levels=2, features=2, finest=32)


@pytest.fixture(scope="module")
def network():
    """CLIP's shape, three thousandths of its size; the texts' vocabulary is the real one."""
    ensure_torchvision()
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    torch.manual_seed(0)
    return CLIP(
        embed_dim=24,
        vision_cfg=CLIPVisionCfg(layers=2, width=48, head_width=16, patch_size=8, image_size=32),
        text_cfg=CLIPTextCfg(width=32, heads=2, layers=1),
        quick_gelu=True,
    )


def poses(count=6, distance=2.0):
    made = []
    for angle in np.linspace(0, 2, count):
        pose = np.eye(4)
        pose[:3, :3] = [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
        pose[:3, 3] = -distance * pose[:3, 2]
        made.append(pose)
    return np.stack(made)


def test_every_named_network_is_in_the_store_and_openais_has_its_own_activation(monkeypatch, tmp_path):
    assert set(NETWORKS) <= set(WEIGHTS)
    ensure_torchvision()
    import open_clip

    assert open_clip.get_model_config(NETWORKS["clip_vit_b_32"])["quick_gelu"]
    assert not open_clip.get_model_config(NETWORKS["clip_vit_b_32_laion2b"]).get("quick_gelu")
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"'clip_vit_b_32' are missing.*353,976,522.*clip_weight: 0"):
        clip_network("clip_vit_b_32")
    with pytest.raises(UserError, match="no CLIP network 'vit'"):
        clip_network("vit")


def test_prompts_are_the_settings_or_the_objects_own_texts():
    assert weighted_prompts([], ["a jug", "a cup"]) == [("a jug", 1.0), ("a cup", 1.0)]
    asked = [{"text": "an empty plate", "weight": 1}, {"text": "food", "weight": -0.5}]
    assert weighted_prompts(asked, ["a jug"]) == [("an empty plate", 1.0), ("food", -0.5)]
    with pytest.raises(UserError, match="nothing says what the object is"):
        weighted_prompts([], [])


def test_the_loss_is_one_minus_the_cosine_and_a_negative_prompt_pushes_away(network):
    images = torch.rand(2, 3, 32, 32)
    towards, away = (ClipLoss(network, [("a plate", weight)]) for weight in (1.0, -1.0))
    assert float(towards(images)) == pytest.approx(-float(away(images)), abs=1e-6)
    with torch.no_grad():
        picture = network.encode_image(towards.prepared(images))
        slow = 1 - torch.nn.functional.cosine_similarity(picture, towards.texts).mean()
    assert float(towards(images)) == pytest.approx(float(slow), abs=1e-5)
    both = ClipLoss(network, [("a plate", 2.0), ("food", -1.0)])
    mixed = (2 * towards(images) - ClipLoss(network, [("food", 1.0)])(images)) / 3
    assert float(both(images)) == pytest.approx(float(mixed), abs=1e-5)


def test_large_pictures_are_averaged_not_picked(network):
    loss = ClipLoss(network, [("a plate", 1.0)])
    stripes = torch.zeros(1, 3, 128, 128)
    stripes[..., ::2] = 1
    grey = loss.prepared(stripes)
    expected = loss.prepared(torch.full((1, 3, 32, 32), 0.5))
    torch.testing.assert_close(grey[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], atol=0.05, rtol=0)


def test_optimising_a_picture_brings_it_nearer_the_text(network):
    loss = ClipLoss(network, [("a plain empty plate", 1.0)])
    picture = torch.full((1, 3, 32, 32), 0.5, requires_grad=True)
    optimiser = torch.optim.Adam([picture], 0.05)
    start = float(loss(picture).detach())
    for _ in range(30):
        optimiser.zero_grad()
        value = loss(picture)
        value.backward()
        optimiser.step()
    assert float(value.detach()) < start - 0.1


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_are_pictures(kind):
    made = background(kind, 20, torch.Generator().manual_seed(0))
    assert made.shape == (400, 3)
    assert made.min() >= 0
    assert made.max() <= 1
    assert (made.std() > 0.01) == (kind in ("noise", "checks"))


def test_crops_show_the_cube_from_between_the_cameras():
    rng = np.random.default_rng(0)
    for _ in range(20):
        pose = pose_between(poses(), BOX, rng, 0.0)
        camera = square_camera(pose, BOX, 64)
        local = (BOX.centre - pose[:3, 3]) @ pose[:3, :3]
        np.testing.assert_allclose(camera.project(local[None])[0], [32, 32], atol=1e-6)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
        assert np.linalg.norm(pose[:3, 3]) <= 2 + 1e-9
    around = circle(poses(), BOX, 12)
    np.testing.assert_allclose(np.linalg.norm(around[:, :3, 3], axis=1), 2, rtol=1e-6)


def test_following_the_text_changes_scene_and_objectness(network):
    torch.manual_seed(1)
    field = ObjectField(make_field(SMALL, 0), BOX, adapts=True)
    field.scene_field.column_bias.data[0] = 6.0
    text = TextLoss(ClipLoss(network, [("a red cube", 1.0)]), poses(), 0.5, 5.0, 24)
    optimiser = torch.optim.Adam([p for p in field.parameters() if p.requires_grad], 0.03)

    def value(seed):
        return text(field, torch.Generator().manual_seed(seed))

    with torch.no_grad():
        start = float(sum(value(seed) for seed in range(4)))
    for step in range(25):
        optimiser.zero_grad()
        value(step % 4).backward()
        optimiser.step()
    assert float(field.scene_field.table.grad.abs().max()) > 0
    assert float(field.objectness.table.grad.abs().max()) > 0
    with torch.no_grad():
        assert float(sum(value(seed) for seed in range(4))) < start - 0.05
