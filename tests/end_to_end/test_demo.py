"""The whole pipeline on a small part of the bundled capture, as a user would start it."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest
import yaml

from nerfkit.evaluation.records import COLUMNS

EVERY = 3  # of the photos; the clicked ones come along
TINY = {
    "photos": {"width": 192},
    "field": {"steps": 300},
    "refinement": {"steps": 200, "stages": 1, "rays_start": 1024, "rays_end": 1024},
    "inpainted_field": {"steps": 300},
    "renders": {"max_views": 2},
    "video": {"seconds": 1.0, "width": 96},
}


def small_capture(demo: Path, scene: Path) -> None:
    """Every third photo of a capture and the clicked ones, two test photos, and all masks."""
    clicked = [
        clicks["image"]
        for thing in json.loads((demo / "prompts.json").read_text())["objects"]
        for clicks in thing["clicks"]
    ]
    photos = sorted((demo / "images").iterdir())
    for path in {*photos[::EVERY], *(demo / "images" / name for name in clicked)}:
        (scene / "images").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, scene / "images")
        mask = demo / "masks" / f"{path.stem}.png"
        (scene / "masks").mkdir(exist_ok=True)
        shutil.copy(mask, scene / "masks")
    for kind in ("images", "masks"):
        (scene / "test" / kind).mkdir(parents=True)
        for path in sorted((demo / "test" / kind).iterdir())[::6]:
            shutil.copy(path, scene / "test" / kind)
    shutil.copy(demo / "prompts.json", scene)


class Workplace:
    """A working directory with the scene `tiny` and its settings."""

    def __init__(self, root: Path, repository: Path):
        self.root = root
        place = ["--snakefile", str(repository / "Snakefile"), "--directory", str(root)]
        what = ["--cores", "2", "scene=tiny", "--configfile", str(root / "tiny.yaml")]
        self.command = [sys.executable, "-m", "snakemake", *place, *what]

    def snakemake(self, *arguments: str) -> str:
        """Run Snakemake to its end and return what it said."""
        result = subprocess.run(
            [*self.command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        assert result.returncode == 0, result.stdout[-8000:]
        return result.stdout

    @property
    def results(self) -> Path:
        """The folder of the seeded stages."""
        return self.root / "results/tiny/default/seed0"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Workplace:
    """The scene, computed."""
    root = tmp_path_factory.mktemp("demo")
    small_capture(repository / "data/demo", root / "data/tiny")
    (root / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    place = Workplace(root, repository)
    place.snakemake()
    return place


@pytest.mark.slow
def test_metrics_are_finite_and_say_what_they_are(done):
    records = json.loads((done.results / "metrics/metrics.json").read_text())["records"]
    assert all(list(record) == COLUMNS for record in records)
    values = {(r["stage"], r["region"], r["metric"]): r["value"] for r in records}
    assert math.isfinite(values["inpainted_field", "box", "psnr"])
    assert values["refinement", "frame", "iou"] > 0.5
    assert values["field", None, "wall_seconds"] > 0


@pytest.mark.slow
def test_video_plays_and_pictures_are_there(done):
    with av.open(str(done.results / "video/video.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) >= 10
    names = {path.stem for path in (done.results / "pictures").glob("*.png")}
    assert names == {"clicks", "masks", "inpainted", "renders", "depth", "curves", "metrics"}


@pytest.mark.slow
def test_every_stage_left_a_whole_folder_and_a_log(done):
    results = done.root / "results/tiny"
    assert [path for path in results.rglob("*") if path.suffix in (".partial", ".old")] == []
    folders = {path.name for path in (*results.glob("default/*"), *results.glob("default/seed0/*"))}
    assert folders - {"seed0"} == {path.stem for path in (done.root / "logs/tiny").rglob("*.log")}


@pytest.mark.slow
def test_nothing_is_left_to_do_and_the_report_holds_the_pictures(done):
    assert "Nothing to be done" in done.snakemake()
    report = done.root / "report.html"
    done.snakemake("--report", str(report))
    text = report.read_text()
    assert "curves.png" in text
    assert "video.mp4" in text
