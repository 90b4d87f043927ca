"""Which run computes a stage, on plain dictionaries."""

import pytest
from snakemake.exceptions import WorkflowError

from workflow.runs import STAGES, UPSTREAM, all_runs, owner_run, run_config, stages_of

WITHOUT_SETTINGS = ("clicks", "depth", "reference_field")
# What a stage can read but does not unless a run asks for it.
UNASKED = {"renders": {"object_field", "reference_field"}, "metrics": {"reference_field"}}
CONFIG = {
    "poses": "sfm",
    "masks": "clicks",
    "fills": "computed",
    "run": "default",
    "objects": "all",
    **{stage: {"size": 1} for stage in STAGES if stage not in WITHOUT_SETTINGS},
}


def owned(overlay: dict) -> set[str]:
    """The stages that a run with this overlay computes itself."""
    config = {**CONFIG, "runs": {"other": overlay}}
    return {stage for stage in STAGES if owner_run(stage, "other", config) == "other"}


def test_stages_are_listed_in_an_order_in_which_they_can_run():
    done: set[str] = set()
    for stage in STAGES:
        assert done.issuperset(UPSTREAM[stage])
        done.add(stage)


def test_the_default_run_owns_everything_and_an_empty_overlay_nothing():
    assert {owner_run(stage, "default", {**CONFIG, "runs": {}}) for stage in STAGES} == {"default"}
    assert owned({}) == set()
    assert owned({"field": {"size": 1}}) == set()


def test_what_two_runs_make_alike_belongs_to_the_first():
    truth = {"source_mask": {"size": 2}}
    runs = {"one": truth, "two": {**truth, "refinement": {"size": 2}}, "three": truth}
    config = {**CONFIG, "runs": runs}
    assert owner_run("field", "two", config) == "default"
    assert owner_run("propagation", "two", config) == "one"
    assert owner_run("refinement", "two", config) == "two"
    assert owner_run("refinement", "three", config) == "one"


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in WITHOUT_SETTINGS])
def test_a_changed_section_is_owned_with_all_that_follows_and_nothing_else(stage):
    def follows(name: str) -> bool:
        read = set(UPSTREAM[name]) - UNASKED.get(name, set())
        return name == stage or any(follows(before) for before in read)

    assert owned({stage: {"size": 2}}) == {name for name in STAGES if follows(name)}


def test_a_choice_is_owned_from_the_stage_that_makes_it():
    assert "field" not in owned({"fills": "provided"})
    assert {"inpainting", "inpainted_field", "metrics"} <= owned({"fills": "provided"})
    assert {"holes", "renders"} <= owned({"objects": ["cup"]})
    assert not {"clicks", "source_mask", "refinement"} & owned({"objects": ["cup"]})
    assert "photos" not in owned({"poses": "provided"})
    assert {"sfm", "field", "holes"} <= owned({"poses": "provided"})


def test_with_the_users_masks_the_clicked_stages_do_not_matter():
    assert "holes" not in {
        stage
        for stage in STAGES
        if owner_run(
            stage, "other", {**CONFIG, "masks": "provided", "runs": {"other": {"refinement": {"size": 2}}}}
        )
        == "other"
    }
    assert set(STAGES) - set(stages_of({**CONFIG, "masks": "provided"})) == {
        "clicks",
        "source_mask",
        "propagation",
        "refinement",
        "reference_field",
        "video",
        *("object_field", "cutouts", "assets"),
    }


def test_an_object_field_reads_what_its_labels_come_from():
    clicked = {"object_field": {"labels_from": "prompts"}}
    needed = ["photos", "sfm", "clicks", "field", "depth", "object_field", "cutouts"]
    for masks in ("clicks", "provided"):
        assert stages_of({**CONFIG, **clicked, "masks": masks}, "cutouts") == needed
    assert {"holes", "clicks"} <= set(stages_of(CONFIG, "cutouts"))
    assert "clicks" not in stages_of({**CONFIG, "masks": "provided"}, "cutouts")


def test_chosen_objects_are_owned_by_an_object_field_of_clicks():
    config = {**CONFIG, "object_field": {"labels_from": "prompts"}, "runs": {"cup": {"objects": ["cup"]}}}
    assert owner_run("object_field", "cup", config) == owner_run("assets", "cup", config) == "cup"
    assert owner_run("clicks", "cup", config) == owner_run("field", "cup", config) == "default"


def test_fills_of_whole_holes_need_no_background():
    config = {**CONFIG, "runs": {"other": {"background": {"size": 2}}}}
    assert owner_run("inpainting", "other", config) == "other"
    for whole in ({"inpainting": {"part": "hole"}}, {"fills": "provided"}):
        assert owner_run("inpainting", "other", {**config, **whole}) == "default"
        assert "background" not in stages_of({**config, **whole})


@pytest.mark.parametrize(
    ("fill", "fields"),
    [
        ("field", {"inpainted_field"}),
        ("reference", {"reference_field"}),
        ("object_nerf", {"object_field"}),
        ("inpaint_2d", set()),
    ],
)
def test_only_renders_of_a_field_need_it(fill, fields):
    behind = stages_of({**CONFIG, "renders": {"fill": fill}}, "renders")
    assert {"inpainted_field", "reference_field", "object_field"} & set(behind) == fields


def test_a_run_shares_with_its_base_what_it_does_not_change():
    runs = {
        "whole": {"inpainting": {"size": 2}},
        "bold": {"base": "whole", "inpainted_field": {"size": 3}},
        "plain": {"base": "bold", "inpainted_field": {"size": 1}},
    }
    config = {**CONFIG, "runs": runs}
    assert owner_run("field", "bold", config) == "default"
    assert owner_run("inpainting", "bold", config) == owner_run("inpainting", "plain", config) == "whole"
    assert owner_run("inpainted_field", "bold", config) == "bold"
    assert owner_run("inpainted_field", "plain", config) == "whole"
    merged = run_config(config, "bold")
    assert (merged["inpainting"]["size"], merged["inpainted_field"]["size"]) == (2, 3)


@pytest.mark.parametrize("runs", [{"a": {"base": "b"}, "b": {}}, {"a": {"base": "a"}}, {"a": {"base": "c"}}])
def test_a_base_stands_before_its_variants(runs):
    with pytest.raises(WorkflowError, match=r"Run 'a' is based on '.', but no such run stands before it"):
        run_config({**CONFIG, "runs": runs}, "a")


def test_runs_of_the_user_come_last_and_leave_artefacts_to_those_who_have_them():
    shipped = {"whole": {"inpainting": {"size": 2}}}
    rows = {"row": {"field": {"size": 4}}}
    mine = {"mine": {"base": "whole", "inpainted_field": {"size": 3}}, "same": {"field": {"size": 4}}}
    merged = {**mine, "row": {"field": {"size": 5}}, **shipped}  # as Snakemake merges them
    config = {**CONFIG, "runs": all_runs(merged, shipped, rows)}
    assert list(config["runs"]) == ["whole", "row", "mine", "same"]
    assert config["runs"]["row"] == rows["row"]
    assert owner_run("inpainting", "mine", config) == "whole"
    assert owner_run("field", "same", config) == "row"


def test_a_run_changes_only_stages_and_choices():
    merged = run_config({**CONFIG, "runs": {"other": {"field": {"steps": 5}}}}, "other")
    assert merged["field"] == {"size": 1, "steps": 5}
    assert merged["photos"] == CONFIG["photos"]
    with pytest.raises(WorkflowError, match="Run 'other' changes 'data', but a run can only change poses"):
        run_config({**CONFIG, "runs": {"other": {"data": "elsewhere"}}}, "other")
    with pytest.raises(WorkflowError, match=r"`runs` has no 'othr'; did you mean 'other'\?"):
        run_config({**CONFIG, "runs": {"other": {}}}, "othr")
