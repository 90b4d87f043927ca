"""The rows of `segmentation_table` (segmentation_methods.yaml), as runs and as what is to be scored."""

from importlib.util import find_spec
from types import SimpleNamespace

from nerfkit.weights import fault_of, find_weight, store_folder
from workflow.runs import DEFAULT, overlaid, stage_folder
from workflow.scenes import listed, required, scene_folder


def run_name(method: dict, start: str) -> str:
    """The run behind a method from a start."""
    return f"{method['run']}_from_{start}"


def method_runs(table: dict) -> dict[str, dict]:
    """The overlay of every run of the table."""
    return {
        run_name(method, start): overlaid(method["settings"], changes["settings"])
        for start, changes in table["starts"].items()
        for method in table["methods"]
    }


def missing(needs: dict, packaged: bool) -> str | None:
    """What a method lacks on this machine, or None.

    Args:
        needs: `weights` and `package`, each a name or left out.
        packaged: whether stages bring their own packages.
    """
    if "weights" in needs:
        weight = find_weight(needs["weights"])
        file = store_folder() / weight.file
        if fault_of(weight, file):
            return f"weights {'unusable' if file.is_file() else 'missing'}: {weight.name}"
    if "package" in needs and not packaged and find_spec(needs["package"]) is None:
        return f"package missing: {needs['package']}"
    return None


def table_rows(table: dict, config: dict, packaged: bool) -> list[dict]:
    """What is to be scored: one row for each start, method, scene and seed, with the folders of its masks."""
    rows = []
    for start, changes in table["starts"].items():
        for method in table["methods"]:
            lack = missing(method.get("needs", {}), packaged)
            for scene in map(str, listed(config["scene"])):
                for seed in listed(config["seed"]):
                    job = SimpleNamespace(scene=scene, run=run_name(method, start), seed=seed)
                    stages = {"masks": method["stage"], "given": "source_mask"}
                    folders = {k: stage_folder("results", stage, job, config) for k, stage in stages.items()}
                    row = {"start": changes["title"], "method": method["title"], "stage": method["stage"]}
                    row |= {**vars(job), "missing": lack, "published": method.get("published")}
                    rows.append(row | folders)
    return rows


def manifests(rows: list[dict]) -> list[str]:
    """The files that have to be made before the rows can be scored."""
    made = [(f"{row['masks']}/{row['stage']}.json") for row in rows if not row["missing"]]
    given = [f"{row['given']}/source_mask.json" for row in rows if not row["missing"]]
    return list(dict.fromkeys(made + given))


def photo_folders(config: dict) -> dict[str, str]:
    """The folder of the prepared photos, by scene."""
    jobs = [SimpleNamespace(scene=str(scene), run=DEFAULT) for scene in listed(config["scene"])]
    return {job.scene: stage_folder("results", "photos", job, config) for job in jobs}


def true_masks(config: dict) -> dict[str, list[str]]:
    """The user's masks, by scene.

    Raises:
        WorkflowError: there is no such scene, or it has none.
    """
    folders = {str(scene): scene_folder(str(scene), config["data"]) for scene in listed(config["scene"])}
    instead = "leave the scene out of segmentation_table, which needs true masks"
    return {scene: required(folder, "masks/*", instead) for scene, folder in folders.items()}
