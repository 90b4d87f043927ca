# The object itself, cut out of its scene: as a field, as pictures, as a mesh.
# In:  photos, sfm, field (the scene as it is), depth; holes (the masks that labels are drawn from), unless clicks are
#      the labels; clicks where there are any (for the objects' texts, and as labels)
# Out: results/{scene}/{run}/seed{seed}/object_field/object_field.safetensors, object_field.csv, object_field.json
#      .../cutouts/cutouts.json, orbit.mp4, around.png, steps.png, {rgba,white,black}/*.png
#      .../assets/assets.json, mesh.ply, mesh.glb, points.ply, points.glb


rule object_field:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        field=artefact("field", "field.json"),
        depth=artefact("depth", "depth.json"),
        holes=read_by("object_field", "holes"),
        clicks=read_by("object_field", "clicks"),
    output:
        field="results/{scene}/{run}/seed{seed}/object_field/object_field.safetensors",
        curve="results/{scene}/{run}/seed{seed}/object_field/object_field.csv",
        manifest="results/{scene}/{run}/seed{seed}/object_field/object_field.json",
    log:
        "logs/{scene}/{run}/seed{seed}/object_field.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/object_field.tsv"
    conda:
        "../../envs/extraction.yaml"
    threads: 16
    resources:
        mem_mb=6000,
        runtime=120,
    params:
        objects=chosen_objects,
        settings=run_settings("object_field"),
        code=code_digest("object_field"),
    message:
        "{wildcards.scene}: which share of the field is the object"
    script:
        "../scripts/object_field.py"


rule cutouts:
    input:
        photos=artefact("photos", "photos.json"),
        transforms=artefact("sfm", "transforms.json"),
        object_field=artefact("object_field", "object_field.safetensors"),
    output:
        orbit=report(
            "results/{scene}/{run}/seed{seed}/cutouts/orbit.mp4",
            category="{scene}",
            labels={"picture": "orbit", "run": "{run}", "seed": "{seed}"},
            caption="../report/cutouts.rst",
        ),
        around=report(
            "results/{scene}/{run}/seed{seed}/cutouts/around.png",
            category="{scene}",
            labels={"picture": "around", "run": "{run}", "seed": "{seed}"},
            caption="../report/cutouts.rst",
        ),
        steps=report(
            "results/{scene}/{run}/seed{seed}/cutouts/steps.png",
            category="{scene}",
            labels={"picture": "denoising steps", "run": "{run}", "seed": "{seed}"},
            caption="../report/cutouts.rst",
        ),
        manifest="results/{scene}/{run}/seed{seed}/cutouts/cutouts.json",
    log:
        "logs/{scene}/{run}/seed{seed}/cutouts.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/cutouts.tsv"
    conda:
        "../../envs/extraction.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=run_settings("cutouts"),
        code=code_digest("cutouts"),
    message:
        "{wildcards.scene}: pictures and film of the object alone"
    script:
        "../scripts/cutouts.py"


rule assets:
    input:
        photos=artefact("photos", "photos.json"),
        transforms=artefact("sfm", "transforms.json"),
        object_field=artefact("object_field", "object_field.safetensors"),
    output:
        mesh_ply="results/{scene}/{run}/seed{seed}/assets/mesh.ply",
        mesh_glb="results/{scene}/{run}/seed{seed}/assets/mesh.glb",
        points_ply="results/{scene}/{run}/seed{seed}/assets/points.ply",
        points_glb="results/{scene}/{run}/seed{seed}/assets/points.glb",
        manifest="results/{scene}/{run}/seed{seed}/assets/assets.json",
    log:
        "logs/{scene}/{run}/seed{seed}/assets.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/assets.tsv"
    conda:
        "../../envs/extraction.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=run_settings("assets"),
        code=code_digest("assets"),
    message:
        "{wildcards.scene}: mesh and point cloud of the object"
    script:
        "../scripts/assets.py"
