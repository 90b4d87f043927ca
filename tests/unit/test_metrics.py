"""The metrics stage on a small made run: its records, their values and their file."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from nerfkit.evaluation.metrics import MetricsSettings, Score, costs, json_number, metrics, view_means
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
    paths = {name: tmp_path / name for name in ("renders", "photos", "holes", "truth", "tests", "final")}
    for folder in ("photos/test", "photos/images", "holes/holes", "truth", "tests", "final"):
        (tmp_path / folder).mkdir(parents=True)
    photo = rng.integers(60, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:24, 10:30] = True
    wrong = photo.copy()
    wrong[mask] += 20
    for name in ("a", "b"):
        write_image(tmp_path / "photos/test" / f"{name}.png", photo)
        write_view(paths["renders"], "test", name, rgb=wrong, before=photo)
    write_mask(paths["tests"] / "a.png", cv2.resize(mask.astype(np.uint8), (80, 60), interpolation=0) > 0)
    write_image(tmp_path / "photos/images/t.png", photo)
    write_view(paths["renders"], "train", "t", rgb=wrong, before=wrong)
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
    (tmp_path / "field.tsv").write_text(
        "s\th:m:s\tmax_rss\tmax_vms\n12.5\t0:00:12\t-\t-\n13.5\t0:00:13\t321.5\t900\n"
    )
    (tmp_path / "quick.tsv").write_text("s\th:m:s\tmax_rss\tmax_vms\n0.2\t0:00:00\t-\t-\n")
    return tmp_path, paths


@pytest.fixture
def records(run):
    root, paths = run
    metrics(
        paths["renders"],
        paths["photos"],
        paths["holes"],
        root / "metrics",
        MetricsSettings(),
        scene="made",
        run="default",
        seed=3,
        masks={"refinement": paths["final"]},
        true_masks=paths["truth"],
        test_masks=paths["tests"],
        benchmarks={"field": root / "field.tsv", "photos": root / "quick.tsv"},
    )
    return json.loads((root / "metrics/metrics.json").read_text())["records"]


def find(records, **keys):
    matching = [r for r in records if all(r[k] == v for k, v in keys.items())]
    assert len(matching) == 1, (keys, matching)
    return matching[0]


def test_a_known_error_gives_its_known_psnr_in_mask_box_and_frame(records):
    inside = 20 * np.log10(255 / 20)
    for region, views, value in (
        ("mask", 1, inside),
        ("box", 1, inside),
        ("frame", 2, inside + 10 * np.log10(HEIGHT * WIDTH / (16 * 20))),
    ):
        record = find(records, stage="inpainted_field", region=region, metric="psnr")
        assert record["value"] == pytest.approx(value, abs=1e-6)
        assert (record["views"], record["resolution"]) == (views, "40x30")
        assert (record["scene"], record["run"], record["seed"]) == ("made", "default", 3)


def test_identical_images_are_infinite_in_valid_json(run, records):
    root, _ = run
    text = (root / "metrics/metrics.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert find(records, stage="field", region="mask", metric="psnr")["value"] == "inf"
    assert find(records, stage="field", region="mask", metric="ssim")["value"] == pytest.approx(1)
    table = pd.read_csv(root / "metrics/metrics.csv")
    rows = table[(table.stage == "field") & (table.region == "mask") & (table.metric == "psnr")]
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
    metrics(paths["renders"], paths["photos"], paths["holes"], root / "m", MetricsSettings(), **arguments)
    records = json.loads((root / "m/metrics.json").read_text())["records"]
    assert {record["region"] for record in records} == {"frame", "outside-hole"}
