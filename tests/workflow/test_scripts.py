"""The adapters: short, without decisions, and calling their stage as it is."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

from workflow.runs import STAGES, TABLES

ADAPTED = [*STAGES, *TABLES, "laterf_scene"]  # the last makes captures, before any stage
LONGEST = 30
DECISIONS = ast.If | ast.For | ast.While | ast.Try | ast.FunctionDef | ast.Lambda | ast.IfExp


@pytest.fixture(params=ADAPTED)
def script(request, repository: Path) -> Path:
    """The adapter of each stage and table in turn."""
    return repository / f"workflow/scripts/{request.param}.py"


def call_of(tree: ast.Module, name: str) -> ast.Call:
    """The one call of the stage function."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name]
    assert len(calls) == 1
    return calls[0]


def test_there_is_one_adapter_for_each_stage_and_table_and_what_makes_captures(repository):
    assert {path.stem for path in (repository / "workflow/scripts").glob("*.py")} == set(ADAPTED)


def test_is_short_and_decides_nothing(script):
    text = script.read_text()
    assert len(text.splitlines()) <= LONGEST
    assert [node for node in ast.walk(ast.parse(text)) if isinstance(node, DECISIONS)] == []


def test_calls_its_stage_with_names_that_it_has(script):
    tree = ast.parse(script.read_text())
    call = call_of(tree, script.stem)
    assert call.args == []
    module = next(
        node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and script.stem in [alias.name for alias in node.names]
    )
    stage = getattr(importlib.import_module(module), script.stem)
    arguments = {keyword.arg: None for keyword in call.keywords}
    inspect.signature(stage).bind(**arguments)


def test_logs_to_the_file_of_its_rule(script):
    assert "with stage_log(snakemake.log[0]):" in script.read_text()


def test_reads_settings_from_params_alone(script):
    assert "snakemake.config" not in script.read_text()
