"""The rows of `laterf_tables` (laterf_tables.yaml), as runs and as what is to be scored."""

from types import SimpleNamespace

from workflow.runs import overlaid, stage_folder
from workflow.scenes import listed


def run_name(row: dict, draw: int = 0) -> str:
    """The run behind a row, with labels drawn anew so often; rows of several tables may share one."""
    return f"laterf_{row['run']}" + (f"_draw{draw}" if draw else "")


def draws_of(tables: dict) -> list[tuple[dict, int]]:
    """Every row with each draw of its labels, those of a row that stands in several tables once."""
    rows = {row["run"]: row for table in tables["tables"] for row in table["rows"]}
    return [(row, draw) for row in rows.values() for draw in range(row.get("draws", 1))]


def laterf_runs(tables: dict) -> dict[str, dict]:
    """The overlay of every run of the tables."""
    runs = {}
    for row, draw in draws_of(tables):
        settings = overlaid(tables["common"], row["settings"])
        runs[run_name(row, draw)] = overlaid(settings, {"object_field": {"draw": draw}})
    return runs


def captures_folder(config: dict) -> str:
    """Where the made scenes lie: the first data folder."""
    return str(listed(config["data"])[0])


def descriptions(tables: dict, config: dict) -> list[str]:
    """The file of each made scene that is written with all others."""
    return [f"{captures_folder(config)}/{scene}/description.json" for scene in tables["scenes"]]


def laterf_cells(tables: dict, config: dict) -> list[dict]:
    """What is scored: a cell for each row, draw, scene and seed, with the folders of pictures and truth."""
    cells = []
    for row, draw in draws_of(tables):
        for scene in tables["scenes"]:
            for seed in listed(config["seed"]):
                job = SimpleNamespace(scene=scene, run=run_name(row, draw), seed=seed)
                cells.append(
                    {
                        **vars(job),
                        "run": run_name(row),
                        "draw": draw,
                        "cutouts": stage_folder("results", "cutouts", job, config),
                        "truth": f"{captures_folder(config)}/{scene}/test",
                    }
                )
    return cells


def laterf_rows(tables: dict) -> list[dict]:
    """The layout: title and heading of each table, and run, title and published numbers of its rows."""
    return [
        {**table, "rows": [{**row, "run": run_name(row)} for row in table["rows"]]}
        for table in tables["tables"]
    ]
