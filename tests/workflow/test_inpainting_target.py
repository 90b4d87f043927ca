"""The target `inpainting_table` on a copy of the workflow whose stages only write their files."""

import dataclasses

import pytest
import yaml

from nerfkit.evaluation.inpainting_table import InpaintingTableSettings

SHARED = ("photos", "sfm")
SEEDED = ("field", "depth", "holes")
METHODS = [
    {"run": "default", "title": "nerfkit", "about": "as it is"},
    {"run": "masked_nerf", "title": "masked NeRF", "about": "nothing asked inside"},
]


def asked(**more):
    return {
        "scenes": ["room", "hall"],
        "seeds": [0, 1],
        "views": 3,
        "tile_width": 220,
        "methods": METHODS,
        **more,
    }


def test_the_defaults_are_those_of_the_dataclass(repository):
    section = yaml.safe_load((repository / "config.yaml").read_text())["inpainting_table"]
    defaults = dataclasses.asdict(InpaintingTableSettings())
    assert {key: section[key] for key in defaults} == defaults
    runs = yaml.safe_load((repository / "config.yaml").read_text())["runs"]
    assert {method["run"] for method in section["methods"]} <= {"default", *runs}


def test_it_plans_every_method_scene_and_seed_and_shares_what_they_share(tree):
    plan = tree.planned("inpainting_table", "--configfile", tree.overlay(inpainting_table=asked()))
    assert plan["inpainting_table"] == 1
    assert {plan[stage] for stage in SHARED} == {2}
    assert {plan[stage] for stage in SEEDED} == {4}
    assert {plan[stage] for stage in ("inpainted_field", "renders", "metrics")} == {8}
    assert "pictures" not in plan
    assert "video" not in plan


def test_it_runs_and_is_not_repeated(computed):
    settings = computed.overlay(inpainting_table=asked(scenes="room", seeds=0))
    result = computed.snakemake("inpainting_table", "--configfile", settings)
    assert result.code == 0, result.text
    assert (computed.root / "results/tables/inpainting_table/inpainting_table.md").is_file()
    made = {path.name for path in computed.result("seed0", run="masked_nerf").iterdir()}
    assert made == {"inpainted_field", "renders", "metrics"}
    assert computed.planned("inpainting_table", "--configfile", settings) == {}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"methods": [{"run": "spin", "title": "SPIn-NeRF", "about": "published"}]},
            "'SPIn-NeRF' is the run 'spin', which `runs` does not have",
        ),
        ({"scenes": "rom"}, "Unknown scene 'rom'; data/ holds: hall, room."),
        (
            {"methods": [{"run": "default", "title": "x"}]},
            "config: inpainting_table.methods.0.about is missing.",
        ),
    ],
)
def test_what_cannot_be_compared_is_answered_with_a_sentence(tree, settings, sentence):
    overlay = tree.overlay(inpainting_table=asked(**settings))
    result = tree.snakemake("inpainting_table", "-n", "--configfile", overlay)
    assert result.code != 0
    assert sentence in result.text


def test_a_reference_as_truth_is_computed_for_it(tree):
    assert "reference_field" not in tree.planned("scene=room")
    plan = tree.planned("scene=room", "--configfile", tree.overlay(metrics={"truth": "both"}))
    assert plan["reference_field"] == plan["metrics"] == 1


def test_a_run_without_the_objects_density_needs_the_object_field(tree):
    plan = tree.planned("--config", "scene=room", "run=object_nerf")
    assert plan["object_field"] == plan["renders"] == plan["metrics"] == 1
    assert "object_field" not in tree.planned("scene=room")
