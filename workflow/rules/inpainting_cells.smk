# What the inpainting table compares: the methods of config.yaml's `inpainting_table` on its scenes and seeds.
from itertools import product

from snakemake.exceptions import WorkflowError


def table_cells():
    """Every method x scene x seed of the table: scene, run (which is the method) and seed.

    Raises:
        WorkflowError: a method names a run that `runs` does not have, or there is no such scene.
    """
    asked = config["inpainting_table"]
    for method in asked["methods"]:
        known = ["default", *config["runs"]]
        if method["run"] not in known:
            raise WorkflowError(
                f"inpainting_table.methods: '{method['title']}' is the run '{method['run']}', which `runs` does not "
                f"have; {hint(method['run'], known)}"
            )
    scenes = [scene_folder(str(scene), config["data"]).name for scene in listed(asked["scenes"])]
    return [
        SimpleNamespace(scene=scene, run=method["run"], seed=seed)
        for method, scene, seed in product(asked["methods"], scenes, listed(asked["seeds"]))
    ]


def of_every_cell(stage):
    """Input function: the manifest of a stage in every cell, each file once: runs share stages."""

    def paths(wildcards):
        return list(dict.fromkeys(artefact(stage, f"{stage}.json")(cell) for cell in table_cells()))

    return paths


def cell_folders(wildcards):
    """Each cell with the folders of its stages, as the stage function takes it."""
    return [
        {
            "method": cell.run,
            "scene": cell.scene,
            "seed": cell.seed,
            **{s: stage_folder("results", s, cell, config) for s in ("metrics", "renders")},
            "test_masks": str(scene_folder(cell.scene, config["data"]) / "test/masks"),
        }
        for cell in table_cells()
    ]
