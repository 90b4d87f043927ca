# The scene as a field, its depth, the photos filled in 2D, and the field without the object.
# In:  photos, sfm, holes; with `fills: provided` {data}/{scene}/inpainted/images/*, inpainted/disparity/*
# Out: results/{scene}/{run}/seed{seed}/field/field.safetensors, field.csv, field.json
#      .../depth/depth.npz, depth.json
#      .../background/background.json, depth.npz, unseen/*.png, images/*.png
#      .../inpainting/inpainting.json, disparity.npz, images/*.png, filled/*.png
#      .../inpainted_field/inpainted_field.safetensors, inpainted_field.csv, inpainted_field.json


rule field:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
    output:
        field="results/{scene}/{run}/seed{seed}/field/field.safetensors",
        curve="results/{scene}/{run}/seed{seed}/field/field.csv",
        manifest="results/{scene}/{run}/seed{seed}/field/field.json",
    log:
        "logs/{scene}/{run}/seed{seed}/field.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/field.tsv"
    conda:
        "../../envs/field.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=run_settings("field"),
        code=code_digest("field"),
    message:
        "{wildcards.scene}: radiance field of the photos as they are"
    script:
        "../scripts/field.py"


rule depth:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        field=artefact("field", "field.json"),
    output:
        depth="results/{scene}/{run}/seed{seed}/depth/depth.npz",
        manifest="results/{scene}/{run}/seed{seed}/depth/depth.json",
    log:
        "logs/{scene}/{run}/seed{seed}/depth.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/depth.tsv"
    conda:
        "../../envs/field.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("depth"),
    message:
        "{wildcards.scene}: depth of every photo"
    script:
        "../scripts/depth.py"


rule background:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        holes=artefact("holes", "holes.json"),
        depth=artefact("depth", "depth.json"),
    output:
        manifest="results/{scene}/{run}/seed{seed}/background/background.json",
    log:
        "logs/{scene}/{run}/seed{seed}/background.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/background.tsv"
    conda:
        "../../envs/segmentation.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=run_settings("background"),
        code=code_digest("background"),
    message:
        "{wildcards.scene}: what other photos show behind the object"
    script:
        "../scripts/background.py"


rule inpainting:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        holes=artefact("holes", "holes.json"),
        depth=artefact("depth", "depth.json"),
        background=read_by("inpainting", "background"),
        fills=provided_fills,
    output:
        disparity="results/{scene}/{run}/seed{seed}/inpainting/disparity.npz",
        manifest="results/{scene}/{run}/seed{seed}/inpainting/inpainting.json",
    log:
        "logs/{scene}/{run}/seed{seed}/inpainting.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/inpainting.tsv"
    conda:
        "../../envs/inpainting.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=run_settings("inpainting"),
        code=code_digest("inpainting"),
    message:
        "{wildcards.scene}: photos and disparities filled in 2D"
    script:
        "../scripts/inpainting.py"


rule inpainted_field:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        holes=artefact("holes", "holes.json"),
        inpainting=artefact("inpainting", "inpainting.json"),
    output:
        field="results/{scene}/{run}/seed{seed}/inpainted_field/inpainted_field.safetensors",
        curve="results/{scene}/{run}/seed{seed}/inpainted_field/inpainted_field.csv",
        manifest="results/{scene}/{run}/seed{seed}/inpainted_field/inpainted_field.json",
    log:
        "logs/{scene}/{run}/seed{seed}/inpainted_field.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/inpainted_field.tsv"
    conda:
        "../../envs/field.yaml"
    threads: 16
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        field_settings=run_settings("field"),
        settings=run_settings("inpainted_field"),
        code=code_digest("inpainted_field"),
    message:
        "{wildcards.scene}: radiance field without the object"
    script:
        "../scripts/inpainted_field.py"
