"""The benchmark's clock and scores, on a scene of closed form."""

import dataclasses

import analytic
import pytest

from nerfkit.evaluation import field_benchmark
from nerfkit.rays import PixelBank
from nerfkit.scene import read_scene


@pytest.fixture
def views(tmp_path):
    analytic.write_capture(tmp_path, 5)
    return read_scene(tmp_path / "sfm" / "transforms.json", tmp_path / "photos").train


@pytest.mark.parametrize("model", ["hash", "mlp"])
def test_a_curve_has_a_row_a_mark_and_scores_unseen_views(views, model):
    settings = dataclasses.replace(
        field_benchmark.HASH, model=model, rays_start=16, rays_end=16, table_log2=10, finest=32
    )
    bank = PixelBank(views[1:])
    field_benchmark.warm_up(bank)
    rows = list(field_benchmark.curve(settings, bank, views[:1], [0.05, 0.4], seed=0))
    assert [row["seconds"] for row in rows] == [0.05, 0.4]
    assert rows[0]["steps"] < rows[1]["steps"]
    assert all(5 < row["psnr_sample"] < 40 for row in rows)
    assert ("psnr" in rows[1]) == (model == "hash")


def test_milliseconds_are_measured_of_either_kernel(views):
    settings = dataclasses.replace(field_benchmark.HASH, rays_start=16, rays_end=16, table_log2=10, finest=32)
    for kernel in ("numba", "reference"):
        assert (
            field_benchmark.step_milliseconds(dataclasses.replace(settings, kernel=kernel), PixelBank(views))
            > 0
        )
