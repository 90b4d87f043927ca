"""The metrics stage on a small made run: its records, their values and their file."""

import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.evaluation.metrics import MetricsSettings, Sources, metrics
from nerfkit.evaluation.records import COLUMNS, Score, costs, json_number, view_means
from nerfkit.evaluation.view_scores import Networks
from nerfkit.files import write_image, write_json, write_mask

HEIGHT, WIDTH = 30, 40


def write_view(folder, split, name, **images):
    place = folder / split / name
    place.mkdir(parents=True)
    for image, value in images.items():
        write_image(place / f"{image}.png", value)


@pytest.fixture
def run(tmp_path):
    """Two test views (one with a test mask of twice the size) and one training view of a made run."""
    rng = np.random.default_rng(0)
    paths = {name: tmp_path / name for name in ("renders", "holes", "truth", "tests", "final")}
    for folder in ("holes/holes", "truth", "tests", "final"):
        (tmp_path / folder).mkdir(parents=True)
    photo = rng.integers(60, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:24, 10:30] = True
    wrong = photo.copy()
    wrong[mask] += 20
    for name in ("a", "b"):
        write_view(paths["renders"], "test", name, rgb=wrong, before=photo, photo=photo)
    write_mask(paths["tests"] / "a.png", cv2.resize(mask.astype(np.uint8), (80, 60), interpolation=0) > 0)
    write_view(paths["renders"], "train", "t", rgb=wrong, before=wrong, photo=photo)
    write_mask(tmp_path / "holes/holes/t.png", mask)
    views = [{"name": n, "split": s} for n, s in (("a", "test"), ("b", "test"), ("t", "train"))]
    write_json(
        paths["renders"] / "renders.json",
        {"views": views, "stages": {"rgb": "inpainted_field", "before": "field"}},
    )
    for stem, shift in (("t", 0), ("u", 4), ("v", 0)):
        write_mask(paths["truth"] / f"{stem}.png", mask)
        if stem != "v":  # a truth without a mask, as of a view that was not registered
            write_mask(paths["final"] / f"{stem}.png", np.roll(mask, shift, axis=1))
    write_json(paths["holes"] / "holes.json", {"provided": True})
    (tmp_path / "field.tsv").write_text(
        "s\th:m:s\tmax_rss\tmax_vms\n12.5\t0:00:12\t-\t-\n13.5\t0:00:13\t321.5\t900\n"
    )
    (tmp_path / "quick.tsv").write_text("s\th:m:s\tmax_rss\tmax_vms\n0.2\t0:00:00\t-\t-\n")
    return tmp_path, paths


def sources_of(paths, **more):
    return Sources(paths["renders"], paths["holes"], **more)


@pytest.fixture
def records(run):
    root, paths = run
    metrics(
        sources_of(paths, true_masks=paths["truth"], test_masks=paths["tests"]),
        root / "metrics",
        MetricsSettings(networks="none"),
        scene="made",
        run="default",
        seed=3,
        masks={"refinement": paths["final"]},
        benchmarks={"field": root / "field.tsv", "photos": root / "quick.tsv"},
    )
    return json.loads((root / "metrics/metrics.json").read_text())["records"]


def find(records, **keys):
    matching = [r for r in records if all(r[k] == v for k, v in keys.items())]
    assert len(matching) == 1, (keys, matching)
    return matching[0]


def test_a_known_error_gives_its_known_psnr_in_mask_box_and_frame(records):
    inside = 20 * np.log10(255 / 20)
    whole = inside + 10 * np.log10(HEIGHT * WIDTH / (16 * 20))
    for protocol, views, value in (
        ("masked-map", 1, inside),
        ("masked-input", 1, inside),
        ("spinnerf-box", 1, inside),
        ("masked-frame", 1, whole),
        ("full-frame", 2, whole),
    ):
        keys = {"stage": "inpainted_field", "protocol": protocol, "metric": "psnr"}
        (record,) = [r for r in records if r["region"] != "outside-hole" and keys.items() <= r.items()]
        assert record["value"] == pytest.approx(value, abs=1e-6)
        assert (record["views"], record["resolution"]) == (views, "40x30")
        assert (record["scene"], record["run"], record["seed"]) == ("made", "default", 3)
        assert (record["truth"], record["mask_source"]) == ("photos", "provided")
        assert list(record) == COLUMNS


def test_identical_images_are_infinite_in_valid_json(run, records):
    root, _ = run
    text = (root / "metrics/metrics.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    for protocol in ("masked-map", "masked-input"):
        keys = {"stage": "field", "protocol": protocol, "region": "mask"}
        assert find(records, **keys, metric="psnr")["value"] == "inf"
        ssim = find(records, **keys, metric="ssim")
        assert ssim["value"] == pytest.approx(1)
        assert ssim["window"] == "Gaussian 11 px, sigma 1.5"
    table = pd.read_csv(root / "metrics/metrics.csv")
    rows = table[(table.stage == "field") & (table.protocol == "masked-map") & (table.metric == "psnr")]
    assert np.isinf(rows.value.iloc[0])
    assert len(table) == len(records)


def test_a_training_view_is_scored_outside_its_hole_alone(records):
    """Its render is wrong inside the hole only, so outside nothing is."""
    assert find(records, stage="inpainted_field", region="outside-hole", metric="psnr")["value"] == "inf"
    assert find(records, stage="inpainted_field", region="outside-hole", metric="psnr")["views"] == 1


def test_masks_are_scored_by_view_and_pooled(records):
    mean = find(records, stage="refinement", protocol="view-mean", metric="iou")
    assert mean["value"] == pytest.approx((1 + 16 / 24) / 2)
    assert mean["views"] == 2
    pooled = find(records, stage="refinement", protocol="pooled", metric="iou")
    assert pooled["value"] == pytest.approx((20 + 16) / (20 + 24))
    accuracy = find(records, stage="refinement", protocol="pooled", metric="accuracy")
    assert accuracy["value"] == pytest.approx(1 - 16 * 8 / (2 * HEIGHT * WIDTH))


def test_costs_come_from_the_last_row_and_need_no_memory(records, run):
    root, _ = run
    assert find(records, stage="field", metric="wall_seconds")["value"] == 13.5
    assert find(records, stage="field", metric="peak_memory")["value"] == 321.5
    assert [r["metric"] for r in costs("photos", root / "quick.tsv")] == ["wall_seconds"]


def test_views_without_a_value_do_not_count():
    scores = [
        Score("s", "p", "box", "ssim", name, value, "4x4") for name, value in (("a", 0.5), ("b", np.nan))
    ]
    (record,) = view_means(scores)
    assert (record["value"], record["views"]) == (0.5, 1)
    assert json_number(np.nan) is None


def test_a_run_without_any_truth_still_has_records(run):
    root, paths = run
    arguments = {"scene": "made", "run": "default", "seed": 0}
    metrics(sources_of(paths), root / "m", MetricsSettings(networks="none"), **arguments)
    records = json.loads((root / "m/metrics.json").read_text())["records"]
    assert {record["region"] for record in records} == {"frame", "outside-hole"}


def scored(run, settings, **more):
    root, paths = run
    sources = sources_of(paths, test_masks=paths["tests"], **more)
    metrics(sources, root / "m", settings, scene="made", run="default", seed=0)
    return json.loads((root / "m/metrics.json").read_text())


def test_the_truth_may_be_a_reference_fields_renders_or_both(run):
    """The reference shows what the inpainted field shows, so against it that one is perfect."""
    root, paths = run
    (root / "reference/truth").mkdir(parents=True)
    for name in ("a", "b"):
        shutil.copy(paths["renders"] / "test" / name / "rgb.png", root / f"reference/truth/{name}.png")
    records = scored(run, MetricsSettings(truth="both", networks="none"), reference=root / "reference")[
        "records"
    ]
    keys = {"stage": "inpainted_field", "protocol": "spinnerf-box", "metric": "psnr"}
    assert find(records, **keys, truth="reference")["value"] == "inf"
    assert find(records, **keys, truth="photos")["value"] == pytest.approx(20 * np.log10(255 / 20))
    assert find(records, region="outside-hole", stage="field", metric="psnr")["truth"] == "photos"


def test_a_reference_that_is_not_there_is_said(run):
    with pytest.raises(UserError, match="asks for the renders of the stage reference_field"):
        scored(run, MetricsSettings(truth="reference", networks="none"))


def test_what_is_not_computed_is_said(run, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path / "empty"))
    caplog.set_level("INFO", logger="nerfkit")
    skipped = {entry["metric"]: entry["reason"] for entry in scored(run, MetricsSettings())["skipped"]}
    assert set(skipped) == {"lpips_vgg", "lpips_alex", "squeezenet_distance", "fid", "kid"}
    assert "weights 'vgg16' are missing" in skipped["lpips_vgg"]
    assert "fetch inception_fid" in skipped["kid"]
    assert (
        "not computed: squeezenet_distance, for weights 'squeezenet1_1_imagenet' are missing" in caplog.text
    )


def write_poses(path, centres, **more):
    frames = [
        {
            "file_path": f"images/{k}.png",
            "transform_matrix": [[1, 0, 0, x], [0, 1, 0, y], [0, 0, 1, z], [0, 0, 0, 1]],
        }
        for k, (x, y, z) in enumerate(centres)
    ]
    write_json(path, {"frames": frames, **more})


def test_depth_is_scored_in_the_mask_whatever_the_units(run):
    """Truth in metres, reconstruction 3 units a metre and turned, 2 scene units for one of those."""
    root, paths = run
    rng = np.random.default_rng(5)
    metres = rng.normal(size=(6, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    write_poses(root / "exact.json", metres.tolist())
    similarity = np.diag([2.0, 2.0, 2.0, 1.0]).tolist()
    write_poses(root / "found.json", (3 * metres @ turn.T + 7).tolist(), scene_from_world=similarity)
    truth = np.full((60, 80), 1.5, np.float32)
    truth[:20] = 0  # not known
    (root / "depth").mkdir()
    np.savez(root / "depth/a.npz", z_depth=truth)
    wrong = np.full((HEIGHT, WIDTH), 9 * 1.1)  # a tenth too far
    wrong[:8] = 50  # outside the mask
    np.savez(paths["renders"] / "depth.npz", a=wrong, b=wrong)
    np.savez(paths["renders"] / "depth_before.npz", a=wrong * 0 + 9, b=wrong)
    known = {"true_depth": root / "depth", "exact": root / "exact.json", "transforms": root / "found.json"}
    records = scored(run, MetricsSettings(networks="none"), **known)["records"]
    error = find(records, stage="inpainted_field", metric="depth_error")
    assert error["value"] == pytest.approx(0.1, rel=1e-5)
    assert (error["views"], error["truth"], error["protocol"]) == (1, "depth", "masked-map")
    assert find(records, stage="field", metric="depth_error")["value"] == pytest.approx(0, abs=1e-6)


def test_depths_without_poses_are_refused(run):
    root, _ = run
    with pytest.raises(UserError, match=r"says depths, but no transforms\.json"):
        scored(run, MetricsSettings(networks="none"), true_depth=root / "depth")


class MeanColour(torch.nn.Module):
    """A stand-in for Inception: the mean of each channel in [-1, 1]."""

    def forward(self, images):
        return images.mean((2, 3))


def test_distributions_are_scored_over_the_test_views_and_their_features_kept(run, monkeypatch):
    root, _ = run
    networks = Networks(inception=MeanColour(), inception_weights="sha")
    monkeypatch.setattr("nerfkit.evaluation.metrics.networks_of", lambda choice: networks)
    records = scored(run, MetricsSettings())["records"]
    frame = find(records, stage="inpainted_field", protocol="full-frame", metric="fid")
    darker = 2 * 20 / 255 * (16 * 20) / (HEIGHT * WIDTH)  # both views show the same, so only the means differ
    assert frame["value"] == pytest.approx(3 * darker**2, rel=1e-3)
    assert (frame["views"], frame["network"], frame["weights"]) == (2, "inception_fid", "sha")
    box = find(records, stage="inpainted_field", protocol="spinnerf-box", metric="kid")
    assert (box["value"], box["views"]) == (None, 1)  # one view has a mask, and a set of one has no distance
    features = np.load(root / "m/features.npz")
    assert features["field/full-frame/frame/photos/truth"].shape == (2, 3)
