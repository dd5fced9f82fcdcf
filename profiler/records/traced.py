"""A traced profile: how it was come by, what ran without a formula, and what else the trace found."""

from __future__ import annotations

from msgspec import Struct

from profiler.records.drawn import Drawn
from profiler.records.profile import Profile
from profiler.records.receptive import ReceptiveField
from profiler.records.wiring import Wiring


class Uncounted(Struct, frozen=True):
    """An operator without a formula."""

    op: str
    times: int
    path: str
    """Where it first ran."""
    why: str = ""
    """Why it has none and what to do, of one whose formula nobody can register."""

    @property
    def cure(self) -> str:
        return self.why or f"profiler.register('{self.op}') adds its formula"

    def describe(self, model: str) -> str:
        """The warning about it, one line."""
        times = "once" if self.times == 1 else f"{self.times:,} times"
        return f"UNCOUNTED {model}: {self.op}, {times}, first in {self.path or 'its own forward'}; {self.cure}"


class Coverage(Struct, frozen=True):
    """How many of the operations that ran were counted, and how."""

    counted: int
    """With multiply-adds."""
    elementwise: int
    free: int
    """Known to cost nothing: views, copies, creation."""
    uncounted: int
    """Without a formula."""

    @property
    def operations(self) -> int:
        return self.counted + self.elementwise + self.free + self.uncounted

    @property
    def share(self) -> float:
        """The part of the operations that had a formula or are known to be free."""
        return (self.operations - self.uncounted) / self.operations if self.operations else 1.0


class Traced(Drawn, Struct, frozen=True):
    """A profile with how it was come by."""

    profile: Profile
    rung: str
    """"meta", "meta-device", "data-dependent" (counted on these input values) or "real"."""
    reason: str
    """Why the rungs before it did not do; empty on the first."""
    coverage: Coverage
    uncounted: tuple[Uncounted, ...] = ()
    unused: tuple[str, ...] = ()
    """Modules that never ran, without those below them."""
    unread: int = 0
    """Parameters that nothing read."""
    tied: tuple[str, ...] = ()
    """Second names of parameters that are counted once."""
    harm: tuple[str, ...] = ()
    """What the trace found changed afterwards, and put back; empty is no harm."""
    wiring: Wiring | None = None
    """Which row takes whose output, where that was asked for; rows of training alone have no sources."""
    inputs: tuple[str, ...] = ()
    """What it was given, as `ids=128:int64`; empty where nobody says."""
    receptive: tuple[ReceptiveField, ...] = ()
    """What an output of each row sees of the input, where the wiring was asked for."""

    @property
    def useful_macs(self) -> int:
        """Multiply-adds without the half of causal attention that a kernel may skip."""
        return self.profile.useful_macs

    @property
    def active_params(self) -> int:
        """Parameters that one token meets: of a mixture of experts, those of the experts that it is sent to."""
        return self.profile.active_params
