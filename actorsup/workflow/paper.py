"""The plan of the paper's tables and figures: the inputs of each, and the data sets that it leaves out."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from actorsup.errors import ActorsupError
from actorsup.linking.settings import LinkerSettings
from actorsup.report.paper.items import CONTRACT_TABLES, ITEMS, LINKERS
from actorsup.workflow.plan import Plan


class PaperPlan:
    """The parts of the paper's tables and figures that the available data allows.

    Args:
        plan: The plan of the run.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._section: Mapping[str, Any] = plan.config.get("paper", {})
        self._reason_left_out = cache(self._find_reason)

    @property
    def linkers(self) -> list[str]:
        """Linkers whose recall is compared."""
        return list(self._section.get("linkers", LINKERS))

    @property
    def limits(self) -> dict[str, int]:
        """Maximum number of tubes per video of each compared linker."""
        return {
            name: int(self._plan.networks.settings("linkers", name).get("tubes", LinkerSettings.tubes))
            for name in self.linkers
        }

    def section(self, dataset: str) -> str:
        """Return the section of ``datasets:`` that stands for a data set of the paper."""
        return str(self._section.get(dataset, dataset))

    def name_of(self, section: str) -> str | None:
        """Return the data set of the paper that a section stands for, or None."""
        names = {name for item in ITEMS.values() for name in item.datasets}
        return next((name for name in sorted(names) if self.section(name) == section), None)

    def measured(self, item: str) -> dict[str, tuple[str, str]]:
        """Return the section and the measured table of each available data set of an item."""
        available = [name for name in ITEMS[item].datasets if not self._reason_left_out(item, name)]
        path = CONTRACT_TABLES[ITEMS[item].table]
        return {name: (self.section(name), path.format(section=self.section(name))) for name in available}

    def left_out(self, item: str) -> dict[str, str]:
        """Return why each unavailable data set of an item is left out, in one line each."""
        reasons = {name: self._reason_left_out(item, name) for name in ITEMS[item].datasets}
        return {name: reason for name, reason in reasons.items() if reason}

    def _find_reason(self, item: str, dataset: str) -> str:
        """Return why the measured table of a data set cannot be made; empty if it can."""
        name = self.section(dataset)
        if name not in self._plan.config["datasets"]:
            return f"datasets: there is no section {name!r}; add one, or name another under paper.{dataset}"
        needed = ITEMS[item].thresholds(dataset)
        configured = self._plan.config["evaluation"].get("iou_thresholds", needed)
        if lacking := [threshold for threshold in needed if threshold not in configured]:
            return f"evaluation.iou_thresholds lacks {lacking[0]:g}, which {item} shows; add it"
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
        """Return the compared linkers after a check of their weights.

        Raises:
            ConfigError: A weights file is missing.
        """
        self._plan.networks.check({"linkers": self.linkers, "models": []})
        return self.linkers
