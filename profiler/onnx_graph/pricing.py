"""What a node costs: by a formula, by its elements, for nothing, or not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from profiler.count.products import Work
from profiler.errors import quoted
from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.onnx_graph.contrib import CONTRIB, DOMAIN, Contrib
from profiler.onnx_graph.names import CONTROL, ELEMENTWISE, FREE, ROLES, UNCOUNTED, VIEWS, row_name
from profiler.onnx_graph.operators import PRODUCTS, Product
from profiler.onnx_graph.paths import folded_into
from profiler.onnx_graph.rows import NOTHING, Rows
from profiler.onnx_graph.values import Value

CUSTOM = "no formula is known of it; count the network's own code, or export it in ONNX's own operators"
OPEN = "how often it runs its graph, and which, depends on values; count the network's own code"
SHAPELESS = "its shapes depend on values that are not in the file"


class Pricing:
    """Calls → the rows of what they cost."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def count(self, call: Call, path: str, inside: Callable[[Call], Sequence[Value]]) -> None:
        """The row of a node, where it has one; `inside` gives the tensors that the graphs of its attributes hold or take."""
        rows, op = self.rows, call.op
        run = [value for value in call.inputs if value is not None]
        if call.outputs and all(value.constant for value in call.outputs) and run and (call.domain in ("", DOMAIN)):
            return rows.free(call, view=True)  # computed when the file is loaded
        contrib = CONTRIB.get(op) if call.domain == DOMAIN or op == "SimplifiedLayerNormalization" else None
        found: Product | Contrib | None = contrib if contrib is not None else PRODUCTS.get(op) if not call.domain else None
        if found is not None:
            return self._product(call, found, path)
        if call.domain or op in UNCOUNTED or (op not in ELEMENTWISE and op not in FREE):
            name = f"{call.domain or 'onnx'}::{quoted(op)}"
            for value in inside(call):
                call.inputs = [*call.inputs, value]
            return rows.uncounted_call(call, name, OPEN if op in CONTROL and not call.domain else CUSTOM, path)
        if op == "Gather" and _looks_up(call):
            return self._elementwise(call, "embedding", "embedding", path, "wx")
        if op in FREE:
            return self._moved(call, path)
        return self._elementwise(call, *self._named(call), path, ROLES.get(op, ""))

    def _product(self, call: Call, found: Product | Contrib, path: str) -> None:
        formula: Callable[[Call], Work] | None = found.formula
        try:
            work = Work(0, 0, call.elements * getattr(found, "each", 1)) if formula is None else formula(call)
        except (ShapeUnknown, IndexError, ValueError):
            return self.rows.uncounted_call(call, f"{call.domain or 'onnx'}::{call.op}", SHAPELESS, path)
        if norm := folded_into(call.node):
            work = work._replace(facts={**work.facts, "folded": norm})
        self.rows.tally["elementwise" if formula is None else "counted"] += 1
        return self.rows.row(call, path, found.op, found.kind, work, found.roles)

    def _elementwise(self, call: Call, op: str, kind: str, path: str, roles: str) -> None:
        rows = self.rows
        first = call.outputs[0] if call.outputs else None
        if first is None or (first.code and not first.dtype.floating):
            return rows.free(call, view=False)  # positions, masks: bookkeeping in whole numbers
        if first.shape is None:
            return rows.uncounted_call(call, f"onnx::{call.op}", SHAPELESS, path)
        if call.op == "Add" and not call.domain and rows.bias_of(call):
            return None
        rows.tally["elementwise"] += 1
        spread = call.op in ("Add", "Sub", "Mul", "Div")
        return rows.row(call, path, op, kind, Work(0, 0, call.elements), roles, spread)

    def _moved(self, call: Call, path: str) -> None:
        """What costs nothing; with a row where it is the first to take a parameter, as a token of the class is."""
        if call.op not in VIEWS and any(value is not None and value.read for value in call.inputs):
            self.rows.row(call, path, row_name(call.op), "reshape", NOTHING, ROLES.get(call.op, ""))
        self.rows.free(call, call.op in VIEWS)

    def _named(self, call: Call) -> tuple[str, str]:
        op, kind = row_name(call.op), ELEMENTWISE[call.op]
        if call.op == "Clip":
            bounds = [_one(call, i, name) for i, name in ((1, "min"), (2, "max"))]
            if bounds[0] == 0 and bounds[1] == 6:
                return "relu6", "activation"
        if call.op == "Gather":
            return "embedding", "embedding"
        return op, kind


def _looks_up(call: Call) -> bool:
    """Whether a Gather takes rows of a table that the file holds."""
    table = call.inputs[0] if call.inputs else None
    if table is None or not table.read or not table.constant or not table.shape:
        return False
    return len(table.shape) > 1 and call.number("axis", 0) == 0 and call.has(1) and not call.value(1).constant


def _one(call: Call, i: int, name: str) -> float | None:
    """A bound of Clip: an input, or an attribute of earlier versions."""
    if call.has(i) and (data := call.value(i).data) is not None and data.size == 1:
        return float(data.reshape(-1)[0])
    found = call.attributes.get(name)
    return found if isinstance(found, float) else None
