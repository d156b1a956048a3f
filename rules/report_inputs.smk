# What the page is made from.

from actorsup.report.settings import ReportSettings

ABLATIONS = PLAN.config.get("ablations", {})


def first_run(dataset):
    """The first configured linker, model and seed: what the gallery shows."""
    return compared(PLAN.dataset(dataset).section)[0]


def page_settings(stage):
    """Settings of the page that a stage declares (actorsup/report/settings.py)."""
    return planned(lambda w: PLAN.settings("report", ReportSettings, stage))


def where_evaluable(path):
    """A table of a data set that has ground truth; none where it has not."""
    return from_dataset(
        lambda w, d: [path.format(dataset=w.dataset)] if d.is_evaluable() else []
    )


def shown_shards(w):
    """One shard of each stage, whose records the page tells."""
    run, shard = first_run(w.dataset), PLAN.dataset(w.dataset).shards_to_score()[0]
    folder, linker = f"results/{w.dataset}", run["linker"]
    return {
        "frames": f"{folder}/frames/{shard}.h5",
        "detections": f"{folder}/detections/{NETWORKS.detector_of(linker)}/{shard}.h5",
        "tubes": f"{folder}/tubes/{linker}/{shard}.h5",
        "predictions": PLAN.prediction_shards(w.dataset, **run)[0],
    }


def ablations_made(w):
    """The tables of ablations that there are: the page shows them, and asks for no other."""
    found = Path(f"results/{w.dataset}/ablations").glob("*.csv")
    return sorted(path.as_posix() for path in found if path.stem in ABLATIONS)


def learned_runs(dataset):
    """The runs whose model is trained here, so that it has a curve."""
    return [
        run
        for run in compared(PLAN.dataset(dataset).section)
        if not NETWORKS.trained_model(run["model"])
    ]
