"""Check of the detections that a user supplies for a data set, for ``actorsup check``."""

from collections.abc import Iterator, Mapping

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.detection.detectors import DETECTORS
from actorsup.errors import ActorsupError
from actorsup.workflow.check import Inspection
from actorsup.workflow.findings import Finding
from actorsup.workflow.plan import Plan


def check_detections(plan: Plan, inspection: Inspection) -> Iterator[Finding]:
    """Yield what is implausible about the supplied detections of a data set."""
    names = map(plan.networks.detector_of, plan.config["datasets"][inspection.name]["linkers"])
    videos: Mapping[str, VideoInfo] = inspection.infos
    for name in dict.fromkeys(names):
        section = plan.config["detectors"][name]
        try:
            problems = DETECTORS[section["type"]].check(section, videos)
        except ActorsupError as error:
            yield Finding(True, str(error))
            continue
        yield from (Finding(problem.serious, problem.text) for problem in problems)
