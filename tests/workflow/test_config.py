"""config.yaml, its schema and the dataclasses say the same, and what is wrong is said in one sentence."""

import ast
import copy
import dataclasses
import importlib
from pathlib import Path

import pytest
import yaml
from snakemake.exceptions import WorkflowError

from workflow.runs import CHOICES, STAGES, run_config
from workflow.settings import check_config, read_yaml

TOP = ("data", "scene", "seed", "run", "runs")


@pytest.fixture(scope="module")
def config(repository: Path) -> dict:
    """config.yaml."""
    return yaml.safe_load((repository / "config.yaml").read_text())


@pytest.fixture(scope="module")
def schema(repository: Path) -> dict:
    """The schema of config.yaml."""
    return read_yaml(repository / "workflow/schemas/config.schema.yaml")


def settings_class(script: Path, stage: str) -> type | None:
    """The dataclass that a stage's adapter fills from `params.settings`, or None for a stage without any."""
    tree = ast.parse(script.read_text())
    calls = [
        node.value.func for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "settings"
    ]
    filled = [call.value.id if isinstance(call, ast.Attribute) else call.id for call in calls]
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and filled and filled[0] in [alias.name for alias in node.names]:
            return getattr(importlib.import_module(node.module), filled[0])
    return None


def test_config_is_valid(config, schema):
    check_config(config, schema)
    for run in config["runs"]:
        check_config(run_config(config, run), schema)


def test_config_holds_the_top_keys_the_choices_and_a_section_for_each_stage(config, schema):
    without = ("clicks", "depth", "reference_field")
    sections = [stage for stage in STAGES if stage not in without]
    assert set(config) == {*TOP, *CHOICES, *sections, "inpainting_table"}
    assert set(schema["properties"]) == set(schema["required"]) == set(config)


@pytest.mark.parametrize("stage", STAGES)
def test_sections_equal_the_dataclasses(repository, config, stage):
    settings = settings_class(repository / f"workflow/scripts/{stage}.py", stage)
    if settings is None:
        assert stage not in config
        return
    defaults = dataclasses.asdict(settings())
    if "seed" not in config[stage]:
        defaults.pop("seed", None)  # the adapter passes the seed of the job
    assert config[stage] == defaults
    assert {name: type(value) for name, value in config[stage].items()} == {
        name: type(value) for name, value in defaults.items()
    }


def test_every_key_of_the_schema_is_described_typed_and_known(schema):
    for name, section in schema["properties"].items():
        assert section["description"].endswith("."), name
        if name in STAGES:
            check_settings(section, name)


def check_settings(section, name):
    """The rules for the settings of a section and of the sections in it."""
    assert section["additionalProperties"] is False
    assert section["required"] == list(section["properties"])
    for key, setting in section["properties"].items():
        assert setting["description"].endswith("."), f"{name}.{key}"
        assert "type" in setting or "enum" in setting, f"{name}.{key}"
        if setting.get("type") == "object":
            check_settings(setting, f"{name}.{key}")


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("photos.widht", 400, "config: photos.widht is not a setting; did you mean 'width'?"),
        ("fotos", {}, "config: fotos is not a setting; did you mean 'photos'?"),
        (
            "photos.zebra",
            1,
            "config: photos.zebra is not a setting; there are: width, large, frames, outside.",
        ),
        ("photos.width", 4.5, "is 4.5, but must be a whole number not below 32 and up to 4096."),
        (
            "photos.width",
            "504",
            "is '504' (text; write 0.001 or 1.0e-3 without quotes in a file for --configfile)",
        ),
        ("photos", 3, "is 3, but must be a section of settings."),
        ("field.table_rate", "1e-3", "is '1e-3' (text; write 0.001 or 1.0e-3 without quotes"),
        ("field.table_rate", 0, "is 0, but must be a number above 0 and up to 1."),
        ("masks", "click", "is 'click', but must be one of clicks, provided."),
        ("seed", [0, -1], "is [0, -1], but must be a whole number not below 0 or a list of such values."),
        ("inpainting.carry", None, "is null, but must be true or false."),
        ("runs.a b", {}, "runs.a name is 'a b', but must be text of the form"),
        ("runs.default", {"masks": "provided"}, "but must be empty."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(config, schema, path, value, sentence):
    broken = copy.deepcopy(config)
    *sections, key = path.split(".")
    place = broken
    for section in sections:
        place = place[section]
    place[key] = value
    with pytest.raises(WorkflowError) as error:
        check_config(broken, schema)
    text = str(error.value)
    assert sentence in text
    assert text.startswith(f"config: {path.split('.')[0]}")
    assert "\n" not in text


def test_a_missing_setting_is_named(config, schema):
    broken = copy.deepcopy(config)
    del broken["photos"]["width"]
    with pytest.raises(WorkflowError, match=r"config: photos\.width is missing\."):
        check_config(broken, schema)


def test_a_wrong_overlay_names_its_run(config, schema):
    broken = {**config, "runs": {"fast": {"field": {"stps": 10}}}}
    with pytest.raises(
        WorkflowError, match=r"run fast: field\.stps is not a setting; did you mean 'steps'\?"
    ):
        check_config(run_config(broken, "fast"), schema, "run fast")
