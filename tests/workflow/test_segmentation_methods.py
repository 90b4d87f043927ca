"""The rows of segmentation_table: which runs they are, what is planned for them, and what is missing."""

from pathlib import Path

import pytest
import yaml

from workflow.runs import run_config
from workflow.segmentation_methods import method_runs, missing, run_name, table_rows
from workflow.settings import check_config, read_yaml

STAGES = {"propagation", "refinement"}


@pytest.fixture(scope="module")
def methods(repository: Path) -> dict:
    """The table as it is."""
    return read_yaml(repository / "workflow/segmentation_methods.yaml")


@pytest.fixture(scope="module")
def config(repository: Path, methods: dict) -> dict:
    """config.yaml with the table's runs."""
    read = yaml.safe_load((repository / "config.yaml").read_text())
    return {**read, "runs": {**read["runs"], **method_runs(methods)}}


def test_every_run_is_valid_and_named_once(repository, methods, config):
    schema = read_yaml(repository / "workflow/schemas/config.schema.yaml")
    runs = method_runs(methods)
    assert len(runs) == len(methods["starts"]) * len(methods["methods"])
    for run in runs:
        check_config(run_config(config, run), schema, run)
    assert {method["stage"] for method in methods["methods"]} <= STAGES


def test_starts_differ_in_the_source_mask_alone(methods, config):
    for method in methods["methods"]:
        one, other = (run_config(config, run_name(method, start)) for start in methods["starts"])
        assert {key for key in config if one[key] != other[key]} == {"source_mask"}


def test_published_numbers_have_a_source(methods):
    published = [method["published"] for method in methods["methods"] if "published" in method]
    assert published
    for numbers in published:
        assert set(numbers) == {"iou", "accuracy", "source"}
        assert 1 < numbers["iou"] < numbers["accuracy"] <= 100


def test_the_methods_share_what_they_do_not_change(methods, config):
    """One field and one source mask from each start; MVSeg learns from the propagator's row."""
    rows = table_rows(methods, config, packaged=True)
    by_run = {row["run"]: row for row in rows}
    assert {row["given"] for row in rows} == {
        "results/demo/default/seed0/source_mask",
        "results/demo/projected_grabcut_from_truth/seed0/source_mask",
    }
    assert by_run["mvseg_two_stages_from_clicks"]["masks"] == "results/demo/default/seed0/refinement"
    assert by_run["projection_from_clicks"]["masks"] == "results/demo/default/seed0/propagation"
    own = by_run["mvseg_one_stage_from_truth"]["masks"]
    assert own == "results/demo/mvseg_one_stage_from_truth/seed0/refinement"


def test_a_row_for_each_scene_and_seed(methods, config):
    rows = table_rows(methods, {**config, "scene": ["a", 7], "seed": [0, 1]}, packaged=True)
    assert len(rows) == 4 * len(method_runs(methods))
    assert {(row["scene"], row["seed"]) for row in rows} == {("a", 0), ("a", 1), ("7", 0), ("7", 1)}


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    assert missing({}, packaged=False) is None
    assert missing({"weights": "dino_vits8"}, packaged=False) == "weights missing: dino_vits8"
    (tmp_path / "resnet50v2_imagenet_trunk.safetensors").write_text("something else")
    assert missing({"weights": "resnet50v2_imagenet_trunk"}, packaged=False).startswith("weights unusable: ")
    assert missing({"package": "no_such_package"}, packaged=False) == "package missing: no_such_package"
    assert missing({"package": "no_such_package"}, packaged=True) is None


def test_the_table_plans_shared_stages_once(tree):
    plan = tree.planned("segmentation_table", "--config", "scene=[room, hall]", "seed=0")
    assert plan.pop("segmentation_table") == 1
    assert {name: plan[name] for name in ("photos", "sfm", "clicks", "field")} == dict.fromkeys(
        ("photos", "sfm", "clicks", "field"), 2
    )
    assert plan["source_mask"] == 2 * 2
    # Five embedded backends and nothing else where no weights are; MVSeg shares the one of `projection`.
    assert plan["propagation"] == 2 * 2 * 5
    assert plan["refinement"] == 2 * 2 * 3
    assert not {"holes", "renders", "pictures"} & set(plan)


def test_the_table_is_made_and_not_again(tree, tmp_path):
    made = tree.snakemake("segmentation_table", "--config", "scene=room")
    assert made.code == 0, made.text
    assert (tree.root / "results/tables/segmentation_table/segmentation_table.csv").is_file()
    assert tree.planned("segmentation_table", "--config", "scene=room") == {}
    (tree.root / "data/room/masks/1.png").write_text("another mask")
    plan = tree.planned("segmentation_table", "--config", "scene=room")
    assert plan["source_mask"] == 1
    assert "field" not in plan


def test_a_scene_without_true_masks_is_refused(tree):
    (tree.root / "data/room/masks").rename(tree.root / "away")
    result = tree.snakemake("segmentation_table", "--config", "scene=room")
    assert result.code != 0
    assert "Scene 'room' has no data/room/masks/*; add it, or leave the scene out of segm" in result.text
