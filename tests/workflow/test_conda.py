"""`--use-conda` with a stand-in for conda that makes bare environments: our rules and files are tested."""

import stat
import sys
from pathlib import Path

import pytest
import yaml

CONDA = """#!/usr/bin/env bash
# Answers what Snakemake asks conda, and makes an environment of nothing but Python.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case "$1 ${2:-}" in
    "info --json") echo "{\\"conda_prefix\\": \\"$root\\", \\"platform\\": \\"linux-64\\"}" ;;
    "--version ") echo "conda 26.7.0" ;;
    "clean -y") ;;
    "config --get") echo '{"get": {"channel_priority": "strict"}}' ;;
    "env create")
        file=$(grep -o -- "--file [^ ]*" <<< "$*" | cut -d" " -f2 | tr -d "'\\"")
        prefix=$(grep -o -- "--prefix [^ ]*" <<< "$*" | cut -d" " -f2 | tr -d "'\\"")
        PYTHON -m venv --without-pip "$prefix"
        cp "$file" "$prefix/asked.yaml"
        printf '#!/bin/sh\\necho "$@" >> %s/pip.txt\\n' "$prefix" > "$prefix/bin/pip"
        chmod +x "$prefix/bin/pip"
        ;;
    *) echo "unexpected: conda $*" >&2; exit 1 ;;
esac
"""
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    """A folder with `conda` and `activate`, for PATH."""
    folder = tmp_path / "conda/bin"
    folder.mkdir(parents=True)
    (folder / "conda").write_text(CONDA.replace("PYTHON", sys.executable))
    (folder / "activate").write_text(ACTIVATE)
    (folder / "conda").chmod(stat.S_IRWXU)
    return folder


def test_every_stage_runs_in_the_environment_of_its_family(tree, conda, monkeypatch):
    monkeypatch.setenv("PATH", str(conda), prepend=":")
    overlay = "runs={tracked: {propagation: {backend: sam2}}}"
    goals = ("scene=room", "object=room")
    result = tree.snakemake(*goals, "--use-conda", "--config", "run=[default, tracked]", overlay)
    assert result.code == 0, result.text
    made = sorted((tree.root / ".snakemake/conda").glob("*/asked.yaml"))
    # captures.yaml is of what makes scenes for laterf_tables, which no scene of a user's needs.
    files = [path for path in (tree.root / "envs").glob("*.yaml") if path.stem != "captures"]
    wanted = [yaml.safe_load(path.read_text()) for path in files]
    assert len(made) == len(wanted) == 7
    assert all(yaml.safe_load(path.read_text()) in wanted for path in made)
    pips = [path.read_text() for path in (tree.root / ".snakemake/conda").glob("*/pip.txt")]
    assert pips == ["install --no-deps simple-lama-inpainting==0.1.2\n"]
