"""A copy of the workflow whose stages only write their files, so that Snakemake's part is tested alone."""

import ast
import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import snakemake.cli
import yaml
from PIL import Image

from workflow.runs import STAGES

REAL_MODULES = ("download", "errors", "files", "log", "weight_registry", "weights")
FAKE_MODULES = {
    "threads": "def use_threads(count): pass\n",
    "fake": """
import os, time

class Settings(dict):
    of = dict

def write(name, files):
    def stage(*, out, **arguments):
        out.mkdir(exist_ok=True)
        if os.environ.get("FAIL") == name:
            (out / "half.txt").write_text("half")
            time.sleep(float(os.environ.get("FAIL_AFTER", 0)))
            raise SystemExit(1)
        for file in files:
            (out / file).write_text(name) if "." in file else (out / file).mkdir(exist_ok=True)
    return stage
""",
}


def stage_files(rules: Path) -> dict[str, list[str]]:
    """The files that the rules promise, by stage."""
    text = "\n".join(path.read_text() for path in sorted(rules.glob("*.smk")))
    promised = re.findall(r'"results/\{scene\}/\{run\}/(?:seed\{seed\}/)?(\w+)/?([^"]*)"', text)
    files = {stage: [file for name, file in promised if name == stage and file] for stage in STAGES}
    for table, file in re.findall(r'"results/tables/(\w+)/([^"]+)"', text):
        files.setdefault(table, []).append(file)
    return files


def write_fake_nerfkit(root: Path, package: Path) -> None:
    """Write a package in which every stage function only writes its files, and settings are plain dicts."""
    files = stage_files(root / "workflow/rules")
    fake = root / "nerfkit"
    fake.mkdir()
    (fake / "__init__.py").touch()
    for name in REAL_MODULES:
        shutil.copy(package / f"{name}.py", fake)
    for name, text in FAKE_MODULES.items():
        (fake / f"{name}.py").write_text(text)
    for script in (root / "workflow/scripts").glob("*.py"):
        for node in ast.parse(script.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module.startswith("nerfkit."):
                path = root.joinpath(*node.module.split("."), "__init__.py")
                if path.parent.name not in (*REAL_MODULES, *FAKE_MODULES):
                    fake_module(path, [alias.name for alias in node.names], files)


def fake_module(path: Path, names: list[str], files: dict[str, list[str]]) -> None:
    """Write a module with what a script imports from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {name: f"write({name!r}, {files[name]!r})" if name in files else "Settings" for name in names}
    lines = [
        "from nerfkit.fake import Settings, write",
        *(f"{name} = {value}" for name, value in values.items()),
    ]
    path.write_text("\n".join(lines) + "\n")


def write_capture(folder: Path) -> None:
    """A scene folder with three photos, clicks and a mask."""
    for i in range(3):
        path = folder / f"images/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (i * 50, 0, 0)).save(path)
    (folder / "prompts.json").write_text('{"objects": []}')
    (folder / "masks").mkdir()
    Image.new("L", (8, 6), 255).save(folder / "masks/1.png")


@dataclass
class Outcome:
    """How a run of Snakemake ended; both of its streams are in `text`."""

    code: int
    text: str


def main(root: Path, arguments: list[str], environment: dict[str, str], output: Path) -> None:
    """Snakemake's command line, in a process of its own session, with its streams in a file."""
    os.setsid()
    os.chdir(root)
    os.environ.pop("PYTHONPATH", None)  # a checkout in it would hide the fake nerfkit
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
    sys.argv = ["snakemake", "--cores", "2", *arguments]
    snakemake.cli.main(sys.argv[1:])


class Tree:
    """A working copy: the workflow, a fake nerfkit and the scenes `room` and `hall`."""

    def __init__(self, root: Path):
        self.root = root

    def start(self, *arguments: str, **environment: str) -> multiprocessing.Process:
        """Start Snakemake in the copy. Forking saves its import, which takes longer than the tests."""
        output = self.root / "output.txt"
        process = multiprocessing.get_context("fork").Process(
            target=main, args=(self.root, list(arguments), environment, output)
        )
        process.start()
        return process

    def snakemake(self, *arguments: str, **environment: str) -> Outcome:
        """Run Snakemake in the copy to its end."""
        process = self.start(*arguments, **environment)
        process.join(timeout=300)
        return Outcome(process.exitcode, (self.root / "output.txt").read_text())

    def kill_in(self, stage: str) -> None:
        """Start the scene `room` and kill Snakemake and all its jobs while `stage` is half done."""
        process = self.start("scene=room", FAIL=stage, FAIL_AFTER="120")
        try:
            deadline = time.monotonic() + 120
            while not list(self.root.rglob(f"{stage}/half.txt")):
                assert process.is_alive(), "Snakemake ended by itself"
                assert time.monotonic() < deadline, f"{stage} never began"
                time.sleep(0.1)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.join()

    def planned(self, *arguments: str) -> dict[str, int]:
        """What a dry run would do: rule -> number of jobs."""
        result = self.snakemake("-n", *arguments)
        assert result.code == 0, result.text
        table = result.text.rpartition("Job stats:")[2].partition("total")[0]
        return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}

    def overlay(self, **settings: object) -> str:
        """A file of settings for --configfile."""
        path = self.root / "overlay.yaml"
        path.write_text(yaml.safe_dump(settings))
        return str(path)

    def result(self, path: str, run: str = "default", scene: str = "room") -> Path:
        """A file below the results of one run; for seeded stages of seed 0."""
        return self.root / "results" / scene / run / path


@pytest.fixture
def tree(tmp_path: Path, repository: Path) -> Tree:
    """A fresh working copy in which nothing was computed yet."""
    return build_tree(tmp_path / "copy", repository)


def build_tree(root: Path, repository: Path) -> Tree:
    """Copy the workflow beside a fake nerfkit and two scenes."""
    for folder in ("workflow", "profiles", "envs"):
        shutil.copytree(repository / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Snakefile", "config.yaml"):
        shutil.copy2(repository / file, root / file)
    write_fake_nerfkit(root, repository / "nerfkit")
    for scene in ("room", "hall"):
        write_capture(root / "data" / scene)
    return Tree(root)


@pytest.fixture(scope="session")
def computed_once(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Tree:
    """A working copy in which the scene `room` was computed; tests take their own copy of it."""
    tree = build_tree(tmp_path_factory.mktemp("computed") / "copy", repository)
    result = tree.snakemake("scene=room")
    assert result.code == 0, result.text
    return tree


@pytest.fixture
def computed(tmp_path: Path, computed_once: Tree) -> Tree:
    """A copy of a working copy in which the scene `room` was computed."""
    shutil.copytree(computed_once.root, tmp_path / "copy", symlinks=True)
    return Tree(tmp_path / "copy")
