"""The plan of the paper's tables and figures: what each is made from, and what it leaves out."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from actorsup.errors import ActorsupError
from actorsup.linking.settings import LinkerSettings
from actorsup.report.paper.items import CONTRACT_TABLES, ITEMS, LINKERS
from actorsup.workflow.plan import Plan


class PaperPlan:
    """What of ``paper:`` can be made from the data that is there.

    Args:
        plan: The plan of the run.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._section: Mapping[str, Any] = plan.config.get("paper", {})
        self._why_not = cache(self._find_why_not)

    @property
    def linkers(self) -> list[str]:
        """The linkers that are compared with each other."""
        return list(self._section.get("linkers", LINKERS))

    @property
    def limits(self) -> dict[str, int]:
        """The most tubes that each of them may make of a video."""
        return {
            name: int(self._plan.networks.settings("linkers", name).get("tubes", LinkerSettings.tubes))
            for name in self.linkers
        }

    def section(self, dataset: str) -> str:
        """The section that stands for a data set of the paper."""
        return str(self._section.get(dataset, dataset))

    def name_of(self, section: str) -> str | None:
        """The paper's name of the data set that a section stands for, if it stands for one."""
        names = {name for item in ITEMS.values() for name in item.datasets}
        return next((name for name in sorted(names) if self.section(name) == section), None)

    def measured(self, item: str) -> dict[str, tuple[str, str]]:
        """Section and contract table of each data set of an item whose data is there."""
        there = [name for name in ITEMS[item].datasets if not self._why_not(item, name)]
        path = CONTRACT_TABLES[ITEMS[item].table]
        return {name: (self.section(name), path.format(section=self.section(name))) for name in there}

    def left_out(self, item: str) -> dict[str, str]:
        """Why each other data set of an item is left out, in one line."""
        reasons = {name: self._why_not(item, name) for name in ITEMS[item].datasets}
        return {name: reason for name, reason in reasons.items() if reason}

    def _find_why_not(self, item: str, dataset: str) -> str:
        """Why the contract table of a data set cannot be made; nothing where it can."""
        name = self.section(dataset)
        if name not in self._plan.config["datasets"]:
            return f"datasets: there is no section {name!r}; add one, or name another under paper.{dataset}"
        listed = self._plan.config["evaluation"].get("iou_thresholds", ITEMS[item].thresholds(dataset))
        if lacking := [t for t in ITEMS[item].thresholds(dataset) if t not in listed]:
            return f"evaluation.iou_thresholds lacks {lacking[0]:g}, which is shown"
        try:
            section = self._plan.evaluated_dataset(name)
            section.shards_to_score()
            if ITEMS[item].table == "linking":
                self.checked_linkers()
            if ITEMS[item].table == "map":
                for model in section.section["models"]:
                    if not self._plan.networks.trained_model(model):
                        section.shards_to_train()
        except ActorsupError as error:
            return str(error)
        return ""

    def checked_linkers(self) -> list[str]:
        """The linkers that are compared, after a check that what they need is there.

        Raises:
            ConfigError: It is not.
        """
        for linker in self.linkers:
            self._plan.networks.linker_weights(linker)
            self._plan.networks.detector_weights(self._plan.networks.detector_of(linker))
        return self.linkers
