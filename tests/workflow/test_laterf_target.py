"""The rows of laterf_tables: which runs they are, and what they share."""

from pathlib import Path

import pytest
import yaml

from workflow.laterf_tables import laterf_cells, laterf_rows, laterf_runs
from workflow.runs import run_config, stage_folder
from workflow.settings import check_config, read_yaml


@pytest.fixture(scope="module")
def tables(repository: Path) -> dict:
    """The tables as they are."""
    return read_yaml(repository / "workflow/laterf_tables.yaml")


@pytest.fixture(scope="module")
def config(repository: Path, tables: dict) -> dict:
    """config.yaml with the tables' runs."""
    read = yaml.safe_load((repository / "config.yaml").read_text())
    return {**read, "runs": {**read["runs"], **laterf_runs(tables)}}


def test_every_run_is_valid(repository, tables, config):
    schema = read_yaml(repository / "workflow/schemas/config.schema.yaml")
    for run in laterf_runs(tables):
        check_config(run_config(config, run), schema, run)


def test_rows_of_one_run_change_the_same(tables):
    """A run that stands in several tables is the same in all of them."""
    seen = {}
    for row in (row for table in tables["tables"] for row in table["rows"]):
        what = row["settings"], row.get("draws", 1)
        assert seen.setdefault(row["run"], what) == what


def test_labels_drawn_anew_are_cells_of_the_same_row(tables, config):
    cells = [cell for cell in laterf_cells(tables, config) if cell["run"] == "laterf_boundary_16"]
    cells = [cell for cell in cells if cell["scene"] == "covered-2"]
    assert [cell["draw"] for cell in cells] == [0, 1, 2]
    assert len({cell["cutouts"] for cell in cells}) == 3
    runs = ["laterf_boundary_16", "laterf_boundary_16_draw1", "laterf_boundary_16_draw2"]
    drawn = [run_config(config, run)["object_field"] for run in runs]
    assert [settings.pop("draw") for settings in drawn] == [0, 1, 2]
    assert drawn[0] == drawn[1] == drawn[2]
    assert drawn[0]["labels"] == 16


def test_published_numbers_stand_in_the_paper_and_have_a_source(tables):
    assert "LaTeRF" in tables["source"]
    counts = [len(table["rows"]) for table in laterf_rows(tables)]
    assert counts == [7, 4, 4, 5]
    for table in tables["tables"]:
        for row in table["rows"]:
            psnr, ssim = row["published"]
            assert 10 < psnr < 27
            assert 0 < ssim < 1


def test_one_field_serves_all_labels(tables, config):
    cells = [cell for cell in laterf_cells(tables, config) if cell["scene"] == "covered-1"]
    job = {cell["run"]: type("Job", (), cell) for cell in cells}
    fields = {run: stage_folder("results", "field", job[run], config) for run in job}
    labels = [run for run in fields if run.startswith(("laterf_labels", "laterf_boundary"))]
    assert {fields[run] for run in labels} == {fields["laterf_all"]}
    assert fields["laterf_reconstruction"] == fields["laterf_no_completion"] == fields["laterf_all"]
    others = [fields[run] for run in fields if run.startswith(("laterf_views", "laterf_mask"))]
    assert len(set(others)) == len(others) == 5
    assert fields["laterf_all"] not in others
