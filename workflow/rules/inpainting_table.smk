# The inpainting table: every method of config.yaml's `inpainting_table` on its scenes and seeds.
# In:  metrics, renders and photos of each of those runs; {data}/{scene}/test/masks
# Out: results/tables/inpainting_table/inpainting_table.json, inpainting_table.md, records.csv, sheets/*.png


rule inpainting_table:
    input:
        metrics=of_every_cell("metrics"),
        renders=of_every_cell("renders"),
        photos=of_every_cell("photos"),
    output:
        manifest="results/tables/inpainting_table/inpainting_table.json",
        table="results/tables/inpainting_table/inpainting_table.md",
        records="results/tables/inpainting_table/records.csv",
    log:
        "logs/tables/inpainting_table.log",
    benchmark:
        "benchmarks/tables/inpainting_table.tsv"
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
