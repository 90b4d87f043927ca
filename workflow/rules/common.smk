# What the rules ask for: settings, code and paths of artefacts. The logic behind is in workflow/*.py.
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.settings.types import DeploymentMethod

from workflow.digest import code_digest as digest
from workflow.laterf_tables import captures_folder, descriptions, laterf_cells, laterf_rows, laterf_runs
from workflow.runs import (
    all_runs,
    owner_run,
    run_config,
    stage_folder,
    stages_of,
    upstream,
)
from workflow.scenes import listed, scene_folder
from workflow.segmentation_methods import (
    manifests,
    method_runs,
    photo_folders,
    table_rows,
    true_masks,
)
from workflow.settings import check_config, hint, read_yaml

segmentation_methods = read_yaml(Path(workflow.basedir, "workflow/segmentation_methods.yaml"))
laterf = read_yaml(Path(workflow.basedir, "workflow/laterf_tables.yaml"))
schema = read_yaml(Path(workflow.basedir, "workflow/schemas/config.schema.yaml"))
check_config(config, schema)
config["runs"] = all_runs(
    config["runs"],
    read_yaml(Path(workflow.basedir, "config.yaml"))["runs"],
    {**method_runs(segmentation_methods), **laterf_runs(laterf)},
)


def check_everything():
    """Check the settings of every run, and the scenes as typed: Snakemake tidies paths before rules see them."""
    for run in [*config["runs"], *listed(config["run"])]:
        check_config(run_config(config, run), schema, f"run {run}")
    for argument in sys.argv[1:]:
        goal, _, name = argument.partition("=")
        if goal in GOALS and not name.startswith("["):  # a list is for --config
            scene_folder(name, config["data"])


def code_digest(stage):
    """Fingerprint of the nerfkit modules behind a stage's script."""
    return digest(Path(workflow.basedir, f"workflow/scripts/{stage}.py"), Path(workflow.basedir))


def run_settings(stage):
    """A stage's section of config.yaml under the run of a job."""
    return lambda wildcards: run_config(config, wildcards.run)[stage]


def artefact(stage, name):
    """Input function: a file of another stage, from the run that computes it."""
    return lambda wildcards: f"{stage_folder('results', stage, wildcards, config)}/{name}"


def of_each(suffix, *stages):
    """Input function: the file <stage><suffix> of those stages that the run needs; the user's masks spare some."""

    def paths(wildcards):
        needed = stages_of(run_config(config, wildcards.run))
        return [artefact(stage, f"{stage}{suffix}")(wildcards) for stage in stages if stage in needed]

    return paths


def read_by(stage, other, suffix=".json"):
    """Input function: the file <other><suffix> as a list, empty where `stage` does without that stage."""

    def paths(wildcards):
        read = other in upstream(stage, run_config(config, wildcards.run))
        return [artefact(other, f"{other}{suffix}")(wildcards)] if read else []

    return paths


def timings(wildcards):
    """The benchmark files of all stages behind the renders."""
    stages = stages_of(run_config(config, wildcards.run), "renders")
    return [f"{stage_folder('benchmarks', stage, wildcards, config)}.tsv" for stage in stages]


# What is typed as <goal>=<scene>, and the files that it is computed for.
GOALS = {
    "scene": ("metrics/metrics.json", "video/video.mp4", "pictures"),
    "object": ("cutouts/cutouts.json", "assets/assets.json"),
}


def forget_marks():
    """Remove the marks of goals whose results were deleted: Snakemake would believe them and do nothing."""
    for goal in GOALS:
        for mark in Path().glob(f"{goal}=*"):
            if not Path("results", mark.name.partition("=")[2]).is_dir():
                mark.unlink()


def deliverables(goal):
    """Input function: everything that a goal is computed for, in the chosen runs and with the chosen seeds."""

    def paths(wildcards):
        scenes = [wildcards.scene] if "scene" in wildcards.keys() else map(str, listed(config["scene"]))
        return [
            f"results/{scene_folder(scene, config['data']).name}/{run}/seed{seed}/{result}"
            for scene in scenes
            for run in listed(config["run"])
            for seed in listed(config["seed"])
            for result in GOALS[goal]
        ]

    return paths


def segmentation_rows(wildcards=None):
    """What segmentation_table scores, in the scenes and with the seeds of the configuration."""
    packaged = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    return table_rows(segmentation_methods, config, packaged)


def laterf_cutouts(wildcards):
    """The manifests of all cutouts that laterf_tables scores, once its scenes are made."""
    for scene in laterf["scenes"]:
        checkpoints.laterf_scene.get(scene=scene)
    return [
        f"{folder}/cutouts.json"
        for folder in dict.fromkeys(c["cutouts"] for c in laterf_cells(laterf, config))
    ]
