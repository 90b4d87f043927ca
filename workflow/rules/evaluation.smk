# Pictures, a film and numbers of the result.
# In:  photos, sfm, field, inpainted_field, object_field or reference_field; truth in {data}/{scene}/masks, test/{images,masks,depth}, where there is any
# Out: results/{scene}/{run}/seed{seed}/reference_field/reference_field.json, truth/*.png, held_out/*.png, depth.npz
#      .../renders/renders.json, {split}/{view}/*.png
#      .../video/video.mp4
#      .../metrics/metrics.json, metrics.csv
#      .../pictures/*.png (in Snakemake's report)


rule reference_field:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
    output:
        manifest="results/{scene}/{run}/seed{seed}/reference_field/reference_field.json",
    log:
        "logs/{scene}/{run}/seed{seed}/reference_field.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/reference_field.tsv"
    conda:
        "../../envs/field.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        field_settings=run_settings("field"),
        code=code_digest("reference_field"),
    message:
        "{wildcards.scene}: radiance fields of the photos without the object"
    script:
        "../scripts/reference_field.py"


rule renders:
    input:
        photos=artefact("photos", "photos.json"),
        transforms=artefact("sfm", "transforms.json"),
        test_masks=capture_images("test/masks"),
        holes=artefact("holes", "holes.json"),
        field=artefact("field", "field.safetensors"),
        inpainted_field=read_by("renders", "inpainted_field", ".safetensors"),
        object_field=read_by("renders", "object_field", ".safetensors"),
        reference_field=read_by("renders", "reference_field"),
    output:
        manifest="results/{scene}/{run}/seed{seed}/renders/renders.json",
    log:
        "logs/{scene}/{run}/seed{seed}/renders.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/renders.tsv"
    conda:
        "../../envs/inpainting.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        holes=run_settings("holes"),
        inpainting=run_settings("inpainting"),
        settings=run_settings("renders"),
        code=code_digest("renders"),
    message:
        "{wildcards.scene}: renders before and after"
    script:
        "../scripts/renders.py"


rule video:
    input:
        photos=artefact("photos", "photos.json"),
        transforms=artefact("sfm", "transforms.json"),
        field=artefact("field", "field.safetensors"),
        inpainted_field=artefact("inpainted_field", "inpainted_field.safetensors"),
    output:
        video=report(
            "results/{scene}/{run}/seed{seed}/video/video.mp4",
            category="{scene}",
            labels={"picture": "video", "run": "{run}", "seed": "{seed}"},
            caption="../report/video.rst",
        ),
    log:
        "logs/{scene}/{run}/seed{seed}/video.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/video.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=run_settings("video"),
        code=code_digest("video"),
    message:
        "{wildcards.scene}: film along a smooth path"
    script:
        "../scripts/video.py"


rule metrics:
    input:
        holes=artefact("holes", "holes.json"),
        renders=artefact("renders", "renders.json"),
        masks=of_each(".json", "source_mask", "propagation", "refinement"),
        reference=read_by("metrics", "reference_field"),
        true_masks=capture_images("masks"),
        test_masks=capture_images("test/masks"),
        true_depth=capture_files("test/depth/*.npz"),
        exact=capture_files("transforms.json"),
        transforms=artefact("sfm", "transforms.json"),
        benchmarks=timings,
    output:
        manifest="results/{scene}/{run}/seed{seed}/metrics/metrics.json",
        table="results/{scene}/{run}/seed{seed}/metrics/metrics.csv",
    log:
        "logs/{scene}/{run}/seed{seed}/metrics.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/metrics.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=run_settings("metrics"),
        code=code_digest("metrics"),
    message:
        "{wildcards.scene}: scores"
    script:
        "../scripts/metrics.py"


rule pictures:
    input:
        photos=artefact("photos", "photos.json"),
        clicks=of_each(".json", "clicks"),
        source_mask=of_each(".json", "source_mask"),
        holes=artefact("holes", "holes.json"),
        inpainting=artefact("inpainting", "inpainting.json"),
        renders=artefact("renders", "renders.json"),
        metrics=artefact("metrics", "metrics.json"),
        curves=of_each(".csv", "field", "inpainted_field"),
        refinement=of_each(".json", "refinement"),
    output:
        pictures=report(
            directory("results/{scene}/{run}/seed{seed}/pictures"),
            patterns=["{picture}.png"],
            category="{scene}",
            labels={"picture": "{picture}", "run": "{run}", "seed": "{seed}"},
            caption="../report/pictures.rst",
        ),
    log:
        "logs/{scene}/{run}/seed{seed}/pictures.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/pictures.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=run_settings("pictures"),
        code=code_digest("pictures"),
    message:
        "{wildcards.scene}: pictures for the report"
    script:
        "../scripts/pictures.py"
