"""What Snakemake plans and repeats, on a copy of the workflow whose stages only write their files."""

import shutil

import pytest

from workflow.runs import STAGES

AFTER_HOLES = {
    "holes",
    "background",
    "inpainting",
    "inpainted_field",
    "renders",
    "video",
    "metrics",
    "pictures",
}
FINAL = {"inpainted_field", "renders", "video", "metrics", "pictures"}
EXTRACTION = {"object_field", "cutouts", "assets"}
# What a scene needs when nothing is chosen.
USUAL = [stage for stage in STAGES if stage not in ("reference_field", *EXTRACTION)]


def test_a_scene_as_typed_plans_every_stage_once(tree):
    assert tree.planned("scene=room") == {**dict.fromkeys(USUAL, 1), "scene": 1}


def test_a_scene_whose_results_were_deleted_is_computed_again(computed):
    assert computed.planned("scene=room") == {}
    shutil.rmtree(computed.root / "results" / "room")
    shutil.rmtree(computed.root / ".snakemake" / "metadata")
    assert computed.planned("scene=room") == {**dict.fromkeys(USUAL, 1), "scene": 1}


def test_an_object_as_typed_plans_its_own_stages_and_no_filling(tree):
    plan = tree.planned("object=room")
    assert set(plan) >= {*EXTRACTION, "field", "depth", "holes", "object"}
    assert not set(plan) & {"background", "inpainting", *FINAL}
    short = tree.planned("object=room", "--configfile", tree.overlay(masks="provided"))
    assert not set(short) & {"clicks", "source_mask", "propagation", "refinement"}


def test_an_object_by_its_clicks_needs_no_stage_of_segmentation(tree):
    clicked = {"labels_from": "prompts"}
    plan = tree.planned("object=room", "--configfile", tree.overlay(object_field=clicked))
    assert set(plan) == {"photos", "sfm", "clicks", "field", "depth", *EXTRACTION, "object"}
    (tree.root / "data/room/masks").rename(tree.root / "away")
    overlay = tree.overlay(object_field=clicked, masks="provided")
    assert tree.planned("object=room", "--configfile", overlay) == plan
    result = tree.snakemake("object=room", "--configfile", overlay)
    assert result.code == 0, result.text
    assert tree.result("seed0/object_field/object_field.json").exists()


def test_several_scenes_in_one_call(tree):
    assert tree.planned("scene=room", "scene=hall") == {**dict.fromkeys(USUAL, 2), "scene": 2}


def test_scene_by_config_and_a_list_of_them(tree):
    assert tree.planned("--config", "scene=room") == {**dict.fromkeys(USUAL, 1), "all": 1}
    assert tree.planned("--config", "scene=[room, hall]")["photos"] == 2


def test_data_folder_elsewhere(tree):
    (tree.root / "data").rename(tree.root.parent / "captures")
    assert tree.planned("scene=room", "--config", "data=../captures")["photos"] == 1


def test_workflow_runs_from_another_folder(tree, tmp_path):
    shutil.move(tree.root / "data", tmp_path / "data")
    plan = tree.planned("scene=room", "--directory", str(tmp_path))
    assert plan["pictures"] == 1


def test_until_stops_after_the_stage(tree):
    assert set(tree.planned("scene=room", "--until", "sfm")) == {"photos", "sfm"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scene=rom"], "Unknown scene 'rom'; data/ holds: hall, room."),
        (["--config", "scene=rom"], "Unknown scene 'rom'; data/ holds: hall, room."),
        (["object=rom"], "Unknown scene 'rom'; data/ holds: hall, room."),
        (["scene=../room"], "'../room' cannot be a scene"),
        (["scene=hall/../room"], "'hall/../room' cannot be a scene"),
        (["--config", "scene=../room"], "'../room' cannot be a scene"),
        (["--config", "run=other"], "`runs` has no 'other'; there are: default"),
        (["--config", "sead=1"], "config: sead is not a setting; did you mean 'seed'?"),
        (["--config", "runs=null"], "config: runs (Named variants"),
    ],
)
def test_bad_names_are_answered_with_a_sentence(tree, arguments, sentence):
    result = tree.snakemake(*arguments)
    assert result.code != 0
    assert sentence in result.text
    assert not (tree.root / "results").exists()


@pytest.mark.parametrize(
    ("missing", "settings", "sentence"),
    [
        (
            "images",
            {},
            "Scene 'room' has no photos: data/room holds neither images/ nor a video.*; put them there.",
        ),
        ("prompts.json", {}, "Scene 'room' has no data/room/prompts.json; add it, or set masks: provided"),
        (
            "masks",
            {"masks": "provided"},
            "Scene 'room' has no data/room/masks/*; add it, or set masks: clicks",
        ),
        (
            None,
            {"poses": "provided"},
            "Scene 'room' has no data/room/transforms.json; add it, or set poses: sfm",
        ),
        (
            None,
            {"fills": "provided"},
            "Scene 'room' has no data/room/inpainted/images/*; add it, or set fills",
        ),
    ],
)
def test_missing_user_files_are_named(tree, missing, settings, sentence):
    if missing:
        path = tree.root / "data/room" / missing
        path.rename(path.with_name("away"))
    result = tree.snakemake("scene=room", "--configfile", tree.overlay(**settings))
    assert result.code != 0
    assert sentence in result.text


def test_provided_masks_need_no_clicks(tree):
    (tree.root / "data/room/prompts.json").unlink()
    plan = tree.planned("scene=room", "--configfile", tree.overlay(masks="provided"))
    assert set(USUAL) - set(plan) == {"clicks", "source_mask", "propagation", "refinement"}


def test_a_computed_scene_needs_nothing_more(computed):
    assert computed.planned("scene=room") == {}


def test_repeating_a_stage_repeats_what_follows(computed):
    assert set(computed.planned("scene=room", "-R", "inpainted_field")) - {"scene"} == FINAL


def test_changed_setting_of_the_last_training_repeats_neither_sfm_nor_segmentation(computed):
    overlay = computed.overlay(inpainted_field={"steps": 17})
    assert set(computed.planned("scene=room", "--configfile", overlay)) - {"scene"} == FINAL


def test_changed_click_repeats_segmentation_and_not_the_field(computed):
    (computed.root / "data/room/prompts.json").write_text('{"objects": [1]}')
    plan = set(computed.planned("scene=room")) - {"scene"}
    assert plan == {"clicks", "source_mask", "propagation", "refinement"} | AFTER_HOLES


def test_changed_photo_is_seen(computed):
    (computed.root / "data/room/images/2.png").write_text("another photo")
    assert "photos" in computed.planned("scene=room")


def test_removed_photo_is_seen(computed):
    (computed.root / "data/room/images/2.png").unlink()
    assert "photos" in computed.planned("scene=room")


def test_edit_of_a_module_repeats_the_stages_that_use_it(computed):
    module = computed.root / "nerfkit/holes/__init__.py"
    module.write_text(module.read_text() + "\nshared = 1\n")
    assert set(computed.planned("scene=room")) - {"scene"} == AFTER_HOLES


def test_comment_in_a_module_repeats_nothing(computed):
    module = computed.root / "nerfkit/holes/__init__.py"
    module.write_text('"""What a hole is."""\n# A remark.\n' + module.read_text())
    assert computed.planned("scene=room") == {}


def test_moving_the_repository_repeats_nothing(computed, tmp_path):
    computed.root.rename(tmp_path / "elsewhere")
    computed.root = tmp_path / "elsewhere"
    assert computed.planned("scene=room") == {}


def test_a_run_computes_only_what_its_overlay_changes(computed):
    overlay = computed.overlay(runs={"short": {"inpainted_field": {"steps": 17}}}, run=["default", "short"])
    result = computed.snakemake("scene=room", "--configfile", overlay)
    assert result.code == 0, result.text
    made = {path.name for path in computed.result("seed0", run="short").iterdir()}
    assert made == FINAL
    assert not computed.result("photos", run="short").exists()


def test_a_run_of_the_user_builds_on_one_that_is_there(computed):
    settings = {"runs": {"short": {"base": "whole_holes", "inpainted_field": {"steps": 17}}}}
    result = computed.snakemake("scene=room", "--config", "run=whole_holes")
    assert result.code == 0, result.text
    result = computed.snakemake("scene=room", "--configfile", computed.overlay(**settings, run="short"))
    assert result.code == 0, result.text
    assert {path.name for path in computed.result("seed0", run="short").iterdir()} == FINAL


def test_another_seed_shares_photos_and_poses(computed):
    plan = computed.planned("scene=room", "--configfile", computed.overlay(seed=[0, 1]))
    assert set(USUAL) - set(plan) == {"photos", "sfm", "clicks"}
    assert plan["field"] == 1


def test_failed_stage_leaves_no_result_and_the_rerun_resumes(tree):
    result = tree.snakemake("scene=room", FAIL="holes")
    assert result.code != 0
    assert not tree.result("seed0/holes/holes.json").exists()
    plan = set(tree.planned("scene=room"))
    assert "field" not in plan
    assert plan >= AFTER_HOLES - {"metrics"}


def test_killed_pipeline_resumes_as_typed(tree):
    tree.kill_in("sfm")
    plan = tree.planned("scene=room")
    assert "photos" not in plan
    assert "sfm" in plan
    result = tree.snakemake("scene=room", "--until", "sfm")
    assert result.code == 0, result.text
    assert tree.result("sfm/sfm.json").exists()
