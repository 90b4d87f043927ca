# The user's files, listed one by one, so that an edit of any of them is seen.
from workflow.scenes import files, images, required, scene_folder


def provided(choice, wildcards):
    """Whether the run of a job takes the user's poses, masks or fills."""
    return run_config(config, wildcards.run)[choice] == "provided"


def capture(wildcards):
    """The scene folder of a job."""
    return scene_folder(wildcards.scene, config["data"])


def capture_images(folder):
    """Input function: the user's images in a folder of the scene; there may be none."""
    return lambda wildcards: images(capture(wildcards) / folder)


def capture_files(pattern):
    """Input function: the user's files of that pattern; there may be none."""
    return lambda wildcards: files(capture(wildcards), pattern)


def capture_video(wildcards):
    """The user's video where there is one."""
    return files(capture(wildcards), "video.*")


def masks_of_photos(wildcards):
    """The user's masks where the photos are painted black outside of them."""
    if run_config(config, wildcards.run)["photos"]["outside"] == "keep":
        return []
    return required(capture(wildcards), "masks/*", "set photos.outside: keep")


def provided_poses(wildcards):
    """The user's transforms.json where it is asked for."""
    asked = provided("poses", wildcards)
    return required(capture(wildcards), "transforms.json", "set poses: sfm") if asked else []


def prompts(wildcards):
    """The user's clicks; where the user's masks do for everything nobody asks for them."""
    return required(
        capture(wildcards),
        "prompts.json",
        "set masks: provided, put masks in masks/ and leave object_field.labels_from: masks as it is",
    )


def true_source_masks(wildcards):
    """The user's masks where the source mask is taken from them."""
    if run_config(config, wildcards.run)["source_mask"]["backend"] != "truth":
        return []
    return required(capture(wildcards), "masks/*", "set source_mask.backend: grabcut")


def chosen_masks(wildcards):
    """The refined masks, or the user's where they are asked for."""
    if provided_masks(wildcards):
        return required(capture(wildcards), "masks/*", "set masks: clicks")
    return artefact("refinement", "refinement.json")(wildcards)


def provided_masks(wildcards):
    """Whether the chosen masks are the user's."""
    return provided("masks", wildcards)


def masks_folder(wildcards):
    """The folder of the user's masks, or that of the refinement."""
    own = stage_folder("results", "refinement", wildcards, config)
    return str(capture(wildcards) / "masks") if provided_masks(wildcards) else own


def chosen_objects(wildcards):
    """The objects that the run of a job removes or extracts: `all`, a name or names."""
    return run_config(config, wildcards.run)["objects"]


def propagation_env(wildcards):
    """The conda file of the propagation's backend: sam2 needs a package that nothing else does."""
    backend = run_config(config, wildcards.run)["propagation"]["backend"]
    return f"../../envs/{'sam2' if backend == 'sam2' else 'segmentation'}.yaml"


def provided_fills(wildcards):
    """The user's inpainted photos and disparities where they are asked for."""
    if not provided("fills", wildcards):
        return []
    folder = capture(wildcards)
    photos = required(folder, "inpainted/images/*", "set fills: computed")
    return photos + files(folder, "inpainted/disparity/*")
