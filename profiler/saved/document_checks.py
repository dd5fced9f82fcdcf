"""What the types of a document cannot say of its numbers: signs, intervals, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.records.limits import QUANTITIES, Bound, broken
from profiler.saved.decode import Malformed, kind

BESIDE = {"latency_s": ("latency_low_s", "latency_high_s", "grade"), "ratio": ("ratio_low", "ratio_high", "verdict")}
"""What no record has without the others."""
SIGNED = ("facts", "options", "environment", "wiring", "base", "amount", "coefficient", "certificate", "low", "high")
"""The parts of a document in which a number below 0 says something."""


def check_signs(value: Any, where: str) -> None:
    """No count, no size and no time below 0. Raises Malformed."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name not in SIGNED:
                check_signs(inside, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for i, inside in enumerate(value):
            check_signs(inside, f"{where}[{i}]")
    elif isinstance(value, int | float) and value < 0:
        raise Malformed(where, f"expected 0 or more, and this is {value}")


def check_over(names: Sequence[str]) -> None:
    """Every option that a study runs over has a name, and stands there once. Raises Malformed."""
    for i, name in enumerate(names):
        if not name or name in names[:i]:
            raise Malformed(f"over[{i}]", f"expected each option once, by its name, and this is {kind(name)}")


def check_limits(command: str, bounds: Sequence[Bound], records: Sequence[Mapping[str, Any]]) -> None:
    """Known quantities, and records that say how they stand to them, none of them better than it is. Raises Malformed."""
    if bool(bounds) != (command == "fit"):
        expected = "a limit, since it is a run of fit" if not bounds else "none, since only a run of fit has limits"
        raise Malformed("limits", f"expected {expected}")
    check_bounds(bounds, "limits")
    for i, record in enumerate(records if bounds else ()):
        for name in ("fits", "binding", "used", "pareto", *(bound.column for bound in bounds)):
            if name not in record:
                raise Malformed(f"records[{i}]", f"there is no {name}, and a run of fit has limits")
        if record["fits"] and (outside := broken(bounds, record)):
            raise Malformed(f"records[{i}].fits", f"expected false, since its {outside[0].quantity} is outside the limit")


def check_bounds(bounds: Sequence[Bound], where: str) -> None:
    """Known quantities, each once, with a limit. Raises Malformed."""
    for i, bound in enumerate(bounds):
        if bound.quantity not in QUANTITIES or bound.quantity in [other.quantity for other in bounds[:i]]:
            known = ", ".join(QUANTITIES)
            raise Malformed(f"{where}[{i}].quantity", f"expected one of {known}, each once, and this is {kind(bound.quantity)}")
        if bound.most is None and bound.least is None:
            raise Malformed(f"{where}[{i}]", "expected a number in most or in least")


def check_intervals(records: Sequence[Mapping[str, Any]]) -> None:
    """No latency and no ratio without its interval. Raises Malformed."""
    for i, record in enumerate(records):
        for name, others in BESIDE.items():
            for other in others if name in record else ():
                if other not in record or (record[other] is None) != (record[name] is None):
                    beside = "null" if record[name] is None else "what"
                    raise Malformed(f"records[{i}].{other}", f"expected {beside} stands beside {name}")
        for name in ("latency", "predicted"):
            low, middle, high = (record.get(f"{name}{end}_s") for end in ("_low", "", "_high"))
            if low is None or middle is None or high is None:
                continue
            if not low <= middle <= high:
                raise Malformed(f"records[{i}].{name}_s", f"expected it between its ends, {low:g} and {high:g}")
