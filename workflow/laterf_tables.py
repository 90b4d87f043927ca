"""The rows of `laterf_tables` (laterf_tables.yaml), as runs and as what is to be scored."""

from types import SimpleNamespace

from workflow.runs import overlaid, stage_folder
from workflow.scenes import listed


def run_name(row: dict) -> str:
    """The run behind a row; rows of several tables may share one."""
    return f"laterf_{row['run']}"


def laterf_runs(tables: dict) -> dict[str, dict]:
    """The overlay of every run of the tables."""
    rows = [row for table in tables["tables"] for row in table["rows"]]
    return {run_name(row): overlaid(tables["common"], row["settings"]) for row in rows}


def captures_folder(config: dict) -> str:
    """Where the made scenes lie: the first data folder."""
    return str(listed(config["data"])[0])


def descriptions(tables: dict, config: dict) -> list[str]:
    """The file of each made scene that is written with all others."""
    return [f"{captures_folder(config)}/{scene}/description.json" for scene in tables["scenes"]]


def laterf_cells(tables: dict, config: dict) -> list[dict]:
    """What is scored: one cell for each run, scene and seed, with the folders of pictures and truth."""
    cells = []
    for run in laterf_runs(tables):
        for scene in tables["scenes"]:
            for seed in listed(config["seed"]):
                job = SimpleNamespace(scene=scene, run=run, seed=seed)
                cells.append(
                    {
                        **vars(job),
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
