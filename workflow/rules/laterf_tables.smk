# Tables 1 to 4 of LaTeRF on made scenes; see workflow/laterf_tables.yaml for what is compared.
# In:  {data}/{covered scene}/test/{object,hidden}/*.png as truth (made here); cutouts of every run
# Out: {data}/{covered scene}/* (a scene folder, kept)
#      results/tables/laterf_tables/laterf_tables.json, .md, .csv, sheets/*.png


checkpoint laterf_scene:
    output:
        description=f"{captures_folder(config)}/{{scene}}/description.json",
    log:
        "logs/{scene}/laterf_scene.log",
    benchmark:
        "benchmarks/{scene}/laterf_scene.tsv"
    wildcard_constraints:
        scene="|".join(laterf["scenes"]),
    conda:
        "../../envs/captures.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        scene=lambda wildcards: laterf["scenes"][wildcards.scene],
    message:
        "{wildcards.scene}: photographing a made scene"
    script:
        "../scripts/laterf_scene.py"


rule laterf_tables:
    input:
        scenes=descriptions(laterf, config),
        cutouts=laterf_cutouts,
    output:
        manifest="results/tables/laterf_tables/laterf_tables.json",
        text="results/tables/laterf_tables/laterf_tables.md",
        records="results/tables/laterf_tables/laterf_tables.csv",
    log:
        "logs/tables/laterf_tables.log",
    benchmark:
        "benchmarks/tables/laterf_tables.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        tables=laterf_rows(laterf),
        cells=lambda wildcards: laterf_cells(laterf, config),
        source=laterf["source"],
        code=code_digest("laterf_tables"),
    message:
        "LaTeRF's tables on made scenes"
    script:
        "../scripts/laterf_tables.py"
