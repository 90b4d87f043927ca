"""The code fingerprint, on made-up packages and on nerfkit itself."""

from pathlib import Path

import pytest

from workflow.digest import code_digest, modules_behind, parsed
from workflow.runs import STAGES

MODULES = {
    "__init__": "",
    "used": "from nerfkit.deep import thing\n",
    "deep/__init__": "from .part import thing\n",
    "deep/part": "def thing():\n    from nerfkit import lazy\n    return lazy\n",
    "lazy": "value = 1\n",
    "unused": "value = 1\n",
}


@pytest.fixture
def package(tmp_path):
    """A small package and a script that uses a part of it."""
    for name, text in MODULES.items():
        path = tmp_path / "nerfkit" / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    (tmp_path / "script.py").write_text("import os\nfrom nerfkit.used import something\n")
    return tmp_path


def digest(package: Path) -> str:
    """The digest as a new Snakemake process would compute it."""
    parsed.cache_clear()
    return code_digest(package / "script.py", package)


def test_follows_imports_through_packages_relative_names_and_function_bodies(package):
    names = {"nerfkit", "nerfkit.used", "nerfkit.deep", "nerfkit.deep.part", "nerfkit.lazy"}
    assert modules_behind(package / "script.py", package) == names


@pytest.mark.parametrize("name", [name for name in MODULES if name != "unused"])
def test_an_edit_of_any_module_behind_the_script_changes_it(package, name):
    before = digest(package)
    with (package / "nerfkit" / f"{name}.py").open("a") as file:
        file.write("\nadded = 1\n")
    assert digest(package) != before


def test_an_edit_elsewhere_does_not(package):
    before = digest(package)
    (package / "nerfkit/unused.py").write_text("value = 2\n")
    assert digest(package) == before


def test_comments_docstrings_and_layout_do_not_count(package):
    before = digest(package)
    part = package / "nerfkit/deep/part.py"
    part.write_text(
        '"""Doc."""\n\n\n# Why.\n' + part.read_text().replace("thing():\n", 'thing():\n    """Doc."""\n')
    )
    assert digest(package) == before


def test_the_folder_does_not_count(package, tmp_path_factory):
    before = digest(package)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    package.rename(elsewhere)
    assert digest(elsewhere) == before


def reached(repository: Path, module: str) -> set[str]:
    """The stages of this repository that use a module."""
    scripts = repository / "workflow/scripts"
    return {stage for stage in STAGES if module in modules_behind(scripts / f"{stage}.py", repository)}


def test_the_trainings_do_not_reach_capture_and_clicks(repository):
    assert reached(repository, "nerfkit.training") == {
        *("field", "refinement", "inpainted_field", "reference_field", "object_field")
    }
    assert reached(repository, "nerfkit.inpainted_field") == {"inpainted_field"}
    assert reached(repository, "nerfkit.evaluation.metrics") == {"metrics"}
    assert reached(repository, "nerfkit.errors") == set(STAGES)
