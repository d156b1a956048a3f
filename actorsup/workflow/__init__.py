"""The plan of a run: Snakemake asks it what is made of what."""
