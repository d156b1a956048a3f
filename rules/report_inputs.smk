# Helpers of rules/report.smk; Snakemake's linter wants functions and rules in separate files.
from actorsup.report.settings import ReportSettings


def report_settings(stage):
    """Settings of the page that the stage declares (actorsup/report/settings.py)."""
    return from_plan(lambda w: PLAN.settings("report", ReportSettings, stage))


def table_if_evaluable(path):
    """A table of a data set with ground truth, else no file."""
    return from_dataset(
        lambda w, d: [path.format(dataset=w.dataset)] if d.is_evaluable() else []
    )


def example_shards(dataset):
    """One shard of each stage of the first run; the page shows the settings stored in them."""
    run, shard = first_run(dataset), PLAN.dataset(dataset).shards_to_score()[:1]
    return {
        "frames": frame_shards(dataset, shard)[0],
        "detections": detection_shards(dataset, [run["linker"]], shard)[0],
        "tubes": tube_shards(dataset, [run["linker"]], shard)[0],
        "predictions": PLAN.prediction_shards(dataset, **run)[0],
    }


def existing_ablations(w):
    """Existing tables of configured ablations; the page does not request missing ones."""
    tables = Path(f"results/{w.dataset}/ablations").glob("*.csv")
    configured = PLAN.config.get("ablations", {})
    return sorted(path.as_posix() for path in tables if path.stem in configured)


def trained_runs(dataset):
    """Runs whose model is trained in this workflow, and therefore has a training curve."""
    return [
        run
        for run in runs_of(PLAN.dataset(dataset).section)
        if not NETWORKS.trained_model(run["model"])
    ]
