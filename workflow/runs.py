"""Stages, what each reads, and which run computes it.

A run is a named overlay of a few settings over its base, the run `default` or another one. A stage belongs to
a run when the overlay changes its own section, a choice that it makes, or a stage upstream of it; otherwise
the artefact of the run `default` is the same and is read from there. Of runs that overlay it alike the first
computes it for all.
"""

from collections.abc import Iterable

from snakemake.exceptions import WorkflowError

from workflow.settings import hint

DEFAULT = "default"
# A choice (config key) and the stages that make it.
CHOICES = {
    "poses": ("sfm",),
    "masks": ("holes",),
    "objects": ("holes", "object_field"),
    "fills": ("inpainting",),
}
UPSTREAM = {
    "photos": (),
    "sfm": ("photos",),
    "clicks": ("photos",),
    "field": ("photos", "sfm"),
    "depth": ("photos", "sfm", "field"),
    "source_mask": ("photos", "clicks", "sfm", "depth"),
    "propagation": ("photos", "sfm", "source_mask", "field", "depth"),
    "refinement": ("photos", "sfm", "propagation", "field"),
    "holes": ("photos", "sfm", "refinement"),
    "background": ("photos", "sfm", "holes", "depth"),
    "inpainting": ("photos", "sfm", "holes", "depth", "background"),
    "inpainted_field": ("photos", "sfm", "field", "holes", "inpainting"),
    "reference_field": ("photos", "sfm", "field"),
    "object_field": ("photos", "sfm", "clicks", "field", "depth", "holes"),
    "renders": (
        *("photos", "sfm", "field", "holes", "inpainting"),
        *("inpainted_field", "object_field", "reference_field"),
    ),
    "video": ("photos", "sfm", "field", "inpainted_field"),
    "metrics": ("renders", "holes", "reference_field"),
    "pictures": ("inpainted_field", "metrics"),
    "cutouts": ("photos", "sfm", "object_field"),
    "assets": ("photos", "sfm", "object_field"),
}
STAGES = tuple(UPSTREAM)
# Targets that compare runs: they belong to no run themselves.
TABLES = ("inpainting_table", "laterf_tables", "segmentation_table")
# What a stage makes for a scene alone; everything else also depends on the seed.
SEEDLESS = ("photos", "sfm", "clicks")


def base_of(config: dict, run: str) -> str:
    """The run that a run is a variant of.

    Raises:
        WorkflowError: there is no such run, or its base does not stand before it.
    """
    names = [DEFAULT, *config["runs"]]
    if run not in names:
        raise WorkflowError(f"`runs` has no '{run}'; {hint(run, names)}")
    base = config["runs"].get(run, {}).get("base", DEFAULT)
    if run != DEFAULT and base not in names[: names.index(run)]:
        raise WorkflowError(f"Run '{run}' is based on '{base}', but no such run stands before it in `runs`.")
    return base


def all_runs(given: dict, shipped: Iterable[str], rows: dict) -> dict[str, dict]:
    """The runs of config.yaml and the rows of tables, then the user's own.

    Snakemake merges configurations with the user's keys first. In that order none of their runs could be
    based on one of config.yaml, and a new one would own artefacts that others have already.

    Args:
        given: `runs` of the merged configuration.
        shipped: The names of those in config.yaml.
        rows: The runs behind the rows of tables; no configuration changes these.
    """
    return {name: {**given, **rows}[name] for name in dict.fromkeys((*shipped, *rows, *given))}


def run_config(config: dict, run: str) -> dict:
    """The configuration of one run: the overlay's values in place of those of the run that it is based on.

    Raises:
        WorkflowError: there is no such run, or it changes something that is not a setting of a stage.
    """
    base = base_of(config, run)
    if run == DEFAULT:
        return dict(config)
    merged = run_config(config, base)
    for key, value in config["runs"][run].items():
        if key == "base":
            continue
        if key not in (*STAGES, *CHOICES):
            raise WorkflowError(
                f"Run '{run}' changes '{key}', but a run can only change {', '.join(CHOICES)} and stages."
            )
        merged[key] = overlaid(merged[key], value)
    return merged


def overlaid(setting: object, value: object) -> object:
    """A setting with an overlay's value in its place; of a section, only what the overlay names changes."""
    if not isinstance(setting, dict) or not isinstance(value, dict):
        return value
    return {**setting, **{key: overlaid(setting.get(key), part) for key, part in value.items()}}


def upstream(stage: str, config: dict) -> tuple[str, ...]:
    """The stages that a stage reads under the choices made.

    The user's masks do without the clicked ones, fills of whole holes without a look behind the object, an
    object field without masks where it learns from clicks and without clicks where it learns from the user's
    masks, renders without the fields that they do not show, and metrics without the reference field unless
    it is the truth.
    """
    spared = set()
    if stage == "holes" and config["masks"] == "provided":
        spared = {"refinement"}
    if stage == "inpainting" and whole_holes(config):
        spared = {"background"}
    if stage == "object_field":
        spared = unlabelled_by(config)
    if stage == "renders":
        spared = {"inpainted_field", "object_field", "reference_field"} - {rendered_field(config)}
    if stage == "metrics" and not reference_is_truth(config):
        spared = {"reference_field"}
    return tuple(name for name in UPSTREAM[stage] if name not in spared)


def whole_holes(config: dict) -> bool:
    """Whether holes are filled whole, as the user's own fills always are."""
    return config["fills"] == "provided" or config["inpainting"].get("part") == "hole"


def unlabelled_by(config: dict) -> set[str]:
    """Of clicks and holes, those that an object field's labels do not come from."""
    if config["object_field"].get("labels_from", "masks") == "prompts":
        return {"holes"}
    return {"clicks"} if config["masks"] == "provided" else set()


def rendered_field(config: dict) -> str | None:
    """The field that a run's renders show the place without the object by; 2D fills take the scene's."""
    fields = {"field": "inpainted_field", "object_nerf": "object_field", "reference": "reference_field"}
    return fields.get(config["renders"].get("fill", "field"))


def reference_is_truth(config: dict) -> bool:
    """Whether a run is scored against renders of the photos without the object."""
    return config["metrics"].get("truth", "photos") != "photos"


def differs(stage: str, base: dict, other: dict) -> bool:
    """Whether two configurations give a stage different results."""
    choices = [choice for choice, made_by in CHOICES.items() if stage in made_by]
    return any(base.get(key) != other.get(key) for key in (stage, *choices)) or any(
        differs(name, base, other) for name in upstream(stage, other)
    )


def owner_run(stage: str, run: str, config: dict) -> str:
    """The run whose folder holds what `run` reads from a stage: the first that makes the same, from `default`
    on."""
    wanted = run_config(config, run)
    runs = (DEFAULT, *config["runs"])
    return next(r for r in runs if r == run or not differs(stage, run_config(config, r), wanted))


def stage_folder(top: str, stage: str, wildcards: object, config: dict) -> str:
    """Where a stage keeps its files for the scene, run and seed of a job, below `results` or `benchmarks`."""
    run = owner_run(stage, wildcards.run, config)
    seed = "" if stage in SEEDLESS else f"/seed{wildcards.seed}"
    return f"{top}/{wildcards.scene}/{run}{seed}/{stage}"


def stages_of(config: dict, goal: str = "pictures") -> list[str]:
    """The stages that a goal needs under the choices made, in pipeline order."""
    needed = {goal}
    for stage in reversed(STAGES):
        if stage in needed:
            needed.update(upstream(stage, config))
    return [stage for stage in STAGES if stage in needed]
