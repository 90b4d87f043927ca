# Photos of one capture, made ready, and where each was taken from.
# In:  {data}/{scene}/images/* or video.*, test/images/*; with `poses: provided` transforms.json
# Out: results/{scene}/{run}/photos/photos.json, images/*.png, test/*.png
#      results/{scene}/{run}/sfm/sfm.json, transforms.json, sparse_depth.npz, test_depth.npz, sparse/*.bin


rule photos:
    input:
        images=capture_images("images"),
        video=capture_video,
        test_images=capture_images("test/images"),
        masks=masks_of_photos,
    output:
        manifest="results/{scene}/{run}/photos/photos.json",
    log:
        "logs/{scene}/{run}/photos.log",
    benchmark:
        "benchmarks/{scene}/{run}/photos.tsv"
    conda:
        "../../envs/capture.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=run_settings("photos"),
        code=code_digest("photos"),
    message:
        "{wildcards.scene}: photos upright and at one width"
    script:
        "../scripts/photos.py"


rule sfm:
    input:
        photos=artefact("photos", "photos.json"),
        poses=provided_poses,
    output:
        transforms="results/{scene}/{run}/sfm/transforms.json",
        sparse_depth="results/{scene}/{run}/sfm/sparse_depth.npz",
        test_depth="results/{scene}/{run}/sfm/test_depth.npz",
        manifest="results/{scene}/{run}/sfm/sfm.json",
    log:
        "logs/{scene}/{run}/sfm.log",
    benchmark:
        "benchmarks/{scene}/{run}/sfm.tsv"
    conda:
        "../../envs/capture.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=run_settings("sfm"),
        code=code_digest("sfm"),
    message:
        "{wildcards.scene}: camera poses"
    script:
        "../scripts/sfm.py"
