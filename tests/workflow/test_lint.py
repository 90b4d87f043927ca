"""Style of the whole repository."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
LONGEST = {"nerfkit/**/*.py": 350, "workflow/rules/*.smk": 200, "workflow/scripts/*.py": 30}


def assert_clean(repository: Path, *command: str) -> None:
    """Run a checker in the repository; what it has to say is the failure's message."""
    result = subprocess.run([BIN / command[0], *command[1:]], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff(repository):
    assert_clean(repository, "ruff", "check", "--no-cache", ".")


def test_ruff_format(repository):
    assert_clean(repository, "ruff", "format", "--check", ".")


def test_snakefmt(repository):
    assert_clean(repository, "snakefmt", "--check", "Snakefile", "workflow/rules")


def test_snakemake_lint(repository):
    assert_clean(repository, "snakemake", "--lint")


@pytest.mark.parametrize(("pattern", "lines"), LONGEST.items())
def test_no_file_outgrows_its_kind(repository, pattern, lines):
    long = {
        str(path.relative_to(repository)): count
        for path in repository.glob(pattern)
        if (count := len(path.read_text().splitlines())) > lines
    }
    assert long == {}


def test_nerfkit_knows_neither_snakemake_nor_the_configuration_file(repository):
    modules = [path for path in repository.glob("nerfkit/**/*.py") if path.name != "__main__.py"]
    forbidden = re.compile(r"import snakemake|from snakemake|config\.yaml['\"]|logging\.basicConfig")
    guilty = [str(path) for path in modules if forbidden.search(path.read_text())]
    assert guilty == []
