"""The inpainting table from small made runs: its records, means, spreads, pools and sheets."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nerfkit.errors import UserError
from nerfkit.evaluation import inception
from nerfkit.evaluation.inpainting_table import InpaintingTableSettings, inpainting_table
from nerfkit.evaluation.records import completed
from nerfkit.evaluation.table_means import mean_and_spread
from nerfkit.files import read_image, read_json, write_image, write_json, write_mask

METHODS = [
    {"run": "ours", "title": "ours", "about": "the best"},
    {
        "run": "spin_nerf",
        "title": "SPIn-NeRF",
        "about": "as published",
        "published": {"spinnerf-box": "LPIPS 0.465 (its Table 2)"},
    },
]
NOTES = {"psnr": "dB", "sharpness": "relative"}
PSNR = {"ours": 20.0, "spin_nerf": 16.0}
STAGE = "inpainted_field"


def write_cell(root, method, scene, seed):
    """The metrics and renders of one run; a method's PSNR grows by 1 a seed and by 4 in the hall."""
    place = root / method / scene / str(seed)
    value = PSNR[method] + seed + (4 if scene == "hall" else 0)
    common = {"protocol": "spinnerf-box", "region": "box", "views": 2, "resolution": "32x24"}
    common |= {"truth": "photos", "mask_source": "provided", "scene": scene, "run": method, "seed": seed}
    records = [
        completed(common, stage=STAGE, metric="psnr", value=value),
        completed(common, stage="field", metric="psnr", value=3.0),
        completed(common, stage=STAGE, metric="ssim", value=0.5, window="Gaussian 11 px"),
        completed(common, stage=STAGE, metric="fid", value=50.0, network="inception_fid", weights="sha"),
        completed(common, stage=STAGE, protocol="full-frame", region="frame", metric="psnr", value="inf"),
        completed(
            {**common, "truth": None}, stage="field", protocol="benchmark", metric="wall_seconds", value=10
        ),
        completed(
            {**common, "truth": None}, stage=STAGE, protocol="benchmark", metric="wall_seconds", value=5
        ),
    ]
    if scene == "hall":
        depth = {"protocol": "masked-map", "truth": "depth"}
        records.append(completed({**common, **depth}, stage=STAGE, metric="depth_error", value=0.0125))
    skipped = [{"metric": "lpips_vgg", "reason": "weights 'vgg16' are missing"}]
    (place / "metrics").mkdir(parents=True)
    manifest = {"records": records, "box_margin": 0.1, "skipped": skipped, "notes": NOTES}
    write_json(place / "metrics/metrics.json", manifest)
    rng = np.random.default_rng([seed, len(scene), len(method)])
    key = f"{STAGE}/spinnerf-box/box/photos"
    features = {f"{key}/render": rng.normal(size=(4, 3)), f"{key}/truth": rng.normal(size=(4, 3))}
    np.savez(place / "metrics/features.npz", **features)
    names = [f"{k:03d}" for k in range(5)]
    for name in names:
        (place / "renders/test" / name).mkdir(parents=True)
        write_image(place / "renders/test" / name / "rgb.png", rng.random((24, 32, 3)))
        write_image(place / "renders/test" / name / "photo.png", rng.random((24, 32, 3)))
    np.savez(place / "renders/depth.npz", **{name: rng.random((24, 32)) + 1 for name in names})
    views = [{"name": name, "split": "test"} for name in names]
    write_json(place / "renders/renders.json", {"views": views, "stages": {"rgb": STAGE, "before": "field"}})
    folders = {name: str(place / name) for name in ("metrics", "renders")}
    return {
        "method": method,
        "scene": scene,
        "seed": seed,
        **folders,
        "test_masks": str(root / "masks" / scene),
    }


@pytest.fixture
def cells(tmp_path):
    mask = np.zeros((24, 32), bool)
    mask[6:18, 8:20] = True
    for scene in ("demo", "hall"):
        (tmp_path / "masks" / scene).mkdir(parents=True)
        write_mask(tmp_path / "masks" / scene / "000.png", mask)
    return [
        write_cell(tmp_path, method["run"], scene, seed)
        for method in METHODS
        for scene in ("demo", "hall")
        for seed in (0, 1, 2)
    ]


@pytest.fixture
def table(cells, tmp_path):
    inpainting_table(METHODS, cells, tmp_path / "table", InpaintingTableSettings(views=3, tile_width=64))
    return tmp_path / "table"


def section(text, heading):
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_means_are_over_seeds_and_scenes_and_spreads_over_seeds(table):
    box = section((table / "inpainting_table.md").read_text(), "spinnerf-box, against photos")
    scenes = box.split("**mean of the scenes**")[1].split("**pooled")[0]
    assert "| ours | 23.00 ± 1.00 | 0.500 ± 0.000 | 50.0 ± 0.0 | - |" in scenes
    assert "| SPIn-NeRF | 19.00 ± 1.00 | 0.500 ± 0.000 | 50.0 ± 0.0 | LPIPS 0.465 (its Table 2) |" in scenes
    assert "| ours | 21.00 ± 1.00 |" in box.split("**demo**")[1]
    assert "| ours | 25.00 ± 1.00 |" in box.split("**hall**")[1]


def test_a_value_that_a_scene_does_not_have_is_no_mean_of_the_others(table):
    depth = section((table / "inpainting_table.md").read_text(), "masked-map, against depth")
    assert "mean of the scenes" not in depth
    assert "demo" not in depth
    assert "| ours | 0.0125 ± 0.0000 |" in depth.split("**hall**")[1]


def test_what_was_compared_and_what_was_not_computed_is_said(table):
    text = (table / "inpainting_table.md").read_text()
    assert "- **SPIn-NeRF** (run `spin_nerf`): as published" in text
    assert "Scenes: demo, hall. Seeds: 0, 1, 2." in text
    assert "- demo: 2 test views at 32x24; input masks: provided" in text
    assert "- network inception_fid: sha256 sha" in text
    notes = section(text, "What the numbers are")
    assert "- box margin: 10% a side" in notes
    assert "- psnr: dB" in notes
    assert "- not computed: lpips_vgg, for weights 'vgg16' are missing" in notes
    assert "- SSIM window: Gaussian 11 px" in text
    assert "sharpness" not in notes
    assert "| ours | inf |" in section(text, "full-frame, against photos")
    assert "| ours | 15 ± 0 |" in section(text, "benchmark")


def test_fid_is_pooled_over_the_scenes_images(table, cells):
    records = pd.read_csv(table / "records.csv")
    pooled = records[(records.scene == "demo+hall") & (records.method == "ours") & (records.seed == 1)]
    members = [c for c in cells if (c["method"], c["seed"]) == ("ours", 1)]
    key = f"{STAGE}/spinnerf-box/box/photos"
    sides = [
        np.concatenate([np.load(f"{cell['metrics']}/features.npz")[f"{key}/{side}"] for cell in members])
        for side in ("render", "truth")
    ]
    values = dict(zip(pooled.metric, pooled.value, strict=True))
    assert values["fid"] == pytest.approx(inception.fid(*sides), rel=1e-6)
    assert values["kid"] == pytest.approx(inception.kid(*sides), rel=1e-6)
    assert set(pooled.views) == {8}
    assert "**pooled over the scenes**" in (table / "inpainting_table.md").read_text()


def test_every_record_is_in_the_csv(table, cells):
    records = pd.read_csv(table / "records.csv")
    written = sum(len(read_json_records(cell)) for cell in cells)
    assert len(records) == written + len(cells) + 2 * 3 * 2  # the sums of seconds; fid and kid of each pool
    assert records.method.notna().all()


def read_json_records(cell):
    return read_json(Path(cell["metrics"], "metrics.json"))["records"]


def test_a_sheet_has_three_rows_a_view_and_a_column_a_method(table):
    for scene in ("demo", "hall"):
        sheet = read_image(table / "sheets" / f"{scene}.png")
        assert sheet.shape[0] > 3 * 3 * 48  # 64 x 24 / 32 pixels a tile
        assert sheet.shape[1] >= 3 * 64
        assert sheet.std() > 20


def test_runs_scored_with_different_settings_are_not_compared(cells, tmp_path):
    path = Path(cells[0]["metrics"], "metrics.json")
    write_json(path, {**read_json(path), "box_margin": 0.2})
    with pytest.raises(UserError, match="differ in box_margin or in what was skipped"):
        inpainting_table(METHODS, cells, tmp_path / "table", InpaintingTableSettings())


def test_one_seed_has_no_spread():
    assert mean_and_spread({("a", 0): 1.0, ("b", 0): 3.0}, ["a", "b"], [0]) == (2.0, None)
    assert mean_and_spread({("a", 0): 1.0}, ["a", "b"], [0]) is None
    assert mean_and_spread({("a", 0): 1.0, ("a", 1): 3.0}, ["a"], [0, 1]) == (2.0, pytest.approx(2**0.5))
