"""The conda files: complete for their stages, and with the pins of requirements.txt."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

from nerfkit.segmentation.sam2 import REQUIREMENT
from workflow.digest import module_path, modules_behind, parsed
from workflow.runs import STAGES, TABLES

# import name -> distribution, where they differ
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "open_clip": "open_clip_torch",
    "segment_anything": "segment-anything",
    "skimage": "scikit-image",
    "simple_lama_inpainting": "simple-lama-inpainting",
}


FAMILIES = ("capture", "segmentation", "sam2", "field", "inpainting", "evaluation", "extraction")
# The conda files among which a function of given.smk chooses, and what each does without.
CHOSEN = {"propagation_env": ("segmentation", "sam2")}
SPARED = {"segmentation": {"transformers"}, "sam2": {"timm"}}


@pytest.fixture(params=FAMILIES)
def family(request, repository: Path) -> Path:
    """Each conda file in turn."""
    return repository / f"envs/{request.param}.yaml"


def pins(text: str) -> dict[str, str]:
    """Distribution -> version of lines like `numpy==2.4.6`."""
    return dict(re.findall(r"([A-Za-z0-9_.-]+)(?:\[\w+\])?==([0-9.]+)", text))


def stages_in(repository: Path, family: str) -> list[str]:
    """The stages whose rules run in a conda file."""
    text = "\n".join(path.read_text() for path in (repository / "workflow/rules").glob("*.smk"))
    rules = re.findall(r"^rule (\w+):.*?conda:\s+(\S+)", text, flags=re.MULTILINE | re.DOTALL)
    return [stage for stage, named in rules if family in CHOSEN.get(named, [Path(named.strip('"')).stem])]


def distributions(repository: Path, stage: str) -> set[str]:
    """What the modules behind a stage import besides Python's own library and nerfkit."""
    found = set()
    for module in modules_behind(repository / f"workflow/scripts/{stage}.py", repository):
        for node in ast.walk(parsed(module_path(module, repository))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    return {DISTRIBUTIONS.get(name, name) for name in found - {"nerfkit", *sys.stdlib_module_names}}


def test_form(family):
    env = yaml.safe_load(family.read_text())
    assert env["channels"] == ["conda-forge"]
    assert env["dependencies"][:2] == ["python =3.11", "pip"]
    assert set(env) == {"channels", "dependencies"}


def test_pins_are_those_of_the_requirements(repository, family):
    wanted = {**pins((repository / "envs/requirements.txt").read_text()), **pins(REQUIREMENT)}
    packages = yaml.safe_load(family.read_text())["dependencies"][2]["pip"]
    assert pins("\n".join(packages)) == {
        name.split("==")[0]: wanted[name.split("==")[0]] for name in packages
    }


def test_lists_every_import_of_its_stages_and_nothing_else(repository, family):
    stages = stages_in(repository, family.stem)
    assert stages
    needed = set().union(*(distributions(repository, stage) for stage in stages))
    needed -= SPARED.get(family.stem, set())
    listed = set(pins(family.read_text()))
    script = family.with_suffix(".post-deploy.sh")
    if script.is_file():
        listed |= set(pins(script.read_text()))
    assert listed == needed


def test_each_stage_has_a_conda_file(repository):
    assert {stage for name in FAMILIES for stage in stages_in(repository, name)} == {*STAGES, *TABLES}


def test_requirements_are_all_pinned(repository):
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = [
            line for line in (repository / "envs" / name).read_text().splitlines() if line[:1] not in "#-"
        ]
        assert all("==" in line for line in lines)
