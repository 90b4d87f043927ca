# The inpainting table: every method of config.yaml's `inpainting_table` on its scenes and seeds.
# In:  metrics, renders and photos of each of those runs; {data}/{scene}/test/masks
# Out: results/inpainting_table/inpainting_table.json, inpainting_table.md, records.csv, sheets/*.png
from itertools import product

from snakemake.exceptions import WorkflowError


def table_cells():
    """Every method x scene x seed of the table: scene, run (which is the method) and seed.

    Raises:
        WorkflowError: a method names a run that `runs` does not have, or there is no such scene.
    """
    asked = config["inpainting_table"]
    for method in asked["methods"]:
        if method["run"] not in ("default", *config["runs"]):
            raise WorkflowError(
                f"inpainting_table.methods: '{method['title']}' is the run '{method['run']}', which `runs` does not "
                f"have; it has: {', '.join(config['runs'])}. Add the run there, or take the method out."
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
            **{s: stage_folder("results", s, cell, config) for s in ("metrics", "renders", "photos")},
            "test_masks": str(scene_folder(cell.scene, config["data"]) / "test/masks"),
        }
        for cell in table_cells()
    ]


rule inpainting_table:
    input:
        metrics=of_every_cell("metrics"),
        renders=of_every_cell("renders"),
        photos=of_every_cell("photos"),
    output:
        manifest="results/inpainting_table/inpainting_table.json",
        table="results/inpainting_table/inpainting_table.md",
        records="results/inpainting_table/records.csv",
    log:
        "logs/inpainting_table.log",
    benchmark:
        "benchmarks/inpainting_table.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        methods=config["inpainting_table"]["methods"],
        cells=cell_folders,
        settings={key: config["inpainting_table"][key] for key in ("views", "tile_width")},
        code=code_digest("inpainting_table"),
    message:
        "all methods side by side"
    script:
        "../scripts/inpainting_table.py"
