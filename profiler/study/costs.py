"""The cost of a network as a function of its widths: exact, for whole arrays of them. No torch; numpy when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from profiler import grid
from profiler.checked import checked
from profiler.count import closed
from profiler.count.stages import MULTIPLE_OF, called
from profiler.errors import ProfilerError, ShapeError, quoted
from profiler.load.by_stage import multiple_of_, staged_of, written
from profiler.load.load import Model, Network, is_module, is_reference, load, parse
from profiler.network.layers import Layer
from profiler.study.polynomials_in_widths import evaluated, in_widths, peak_at, peak_in_widths

if TYPE_CHECKING:
    from numpy import ndarray

Per = Literal["stage", "layer"]
Evaluate = Callable[[Mapping[int, Any], int], dict[str, Any]]
"""(the value of every symbol at some points, how many points) → counts there."""
WIDEST = 1 << 20
AT_ONCE = 1 << 16
"""Points that are evaluated together, so that their arrays stay in the cache."""


class Counts(NamedTuple):
    """The counts of a network at each point: arrays of one shape, or whole numbers at one point."""

    params: Any
    macs: Any
    """Multiply-adds, for the whole batch."""
    activations: Any
    """Output elements of the operations with multiply-adds."""
    elementwise: Any
    """Output elements of the operations without."""
    weight_bytes: Any
    """Bytes of the parameters as float32."""
    moved: Any
    """Bytes that the layers read and write, as float32."""


class Costs:
    """What a network costs at any widths. `costs(widths)` gives all its counts, `costs.macs(widths)` one of them.

    `widths` is an array of whole numbers whose last axis has one number for each stage, or for each layer: `names` says which,
    `native` what they are in the network as it is. An array for each of them does too; they are broadcast. At one point (an
    array of one axis) a count is a Python int, at more an array of the other axes: int64, or Python ints where a count might
    not fit in one. Raises ProfilerError for widths that the network cannot have.
    """

    def __init__(self, network: Network, per: Per, batch: int, multiple_of: int) -> None:
        self.model, self.per, self.batch, self.multiple_of = network.name, per, batch, multiple_of
        self.input = network.inputs
        """Shapes of one sample."""
        self._network = network
        self._staged = staged_of(network.name, network.value, network.inputs)
        stages, groups = self._staged.stages, self._staged.groups
        self.names: tuple[str, ...] = tuple(stage.name for stage in stages)
        """The stages, by the side that they work at; or the layers, by the path of the first that has the width."""
        self.native: tuple[int, ...] = self._staged.native
        if per == "layer":
            self.names, self.native = tuple(group.path for group in groups), tuple(group.native for group in groups)
        self.step: int = self._staged.step(multiple_of) if per == "stage" else 1
        """What the width of a stage is a multiple of, unless it is the native one."""
        self._counts = in_widths(self._staged, batch)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {n}" for name, n in zip(self.names, self.native, strict=True))
        return f"Costs({self.model} per {self.per}; {axes})"

    def __len__(self) -> int:
        """How many widths a point has."""
        return len(self.names)

    def __call__(self, *widths: Any) -> Counts:
        """All counts at each point."""
        return Counts(**self._at(widths, lambda values, length: evaluated(self._counts, values, length)))

    def params(self, *widths: Any) -> Any:
        """Parameters at each point."""
        return self._one(widths, "params")

    def macs(self, *widths: Any) -> Any:
        """Multiply-adds at each point, for the whole batch."""
        return self._one(widths, "macs")

    def activations(self, *widths: Any) -> Any:
        """Output elements of the operations with multiply-adds, at each point, for the whole batch."""
        return self._one(widths, "activations")

    def memory_bytes(self, *widths: Any) -> Any:
        """Bytes at the peak of one evaluation, at each point: parameters, buffers, inputs and activations, as float32."""
        peak = peak_in_widths(self._staged, self.batch)
        return self._at(widths, lambda values, length: {"": peak_at(*peak, values, length)})[""]

    def value(self, *widths: Any) -> Layer:
        """The network at one point, as a value: `build(costs.value(widths), input=costs.input)` makes its module."""
        point = self._point(widths)
        return self._staged.value(self._groups(point))

    def reference(self, *widths: Any) -> str:
        """The network's name at one point: `mobilenet_v1@stages=0.5:0.75:1:1:1`. Raises ProfilerError where it has none."""
        if self.per != "stage" or self._network.architecture is None or self._network.alpha != 1:
            raise ProfilerError(
                f"{self.model}: only the stages of a network of `profiler list`, at α = 1, have a name; use value()"
            )
        point = self._point(widths)
        multipliers = [Fraction(n, native) for n, native in zip(point, self.native, strict=True)]
        told = {**self._network.options, "stages": written(multipliers)}
        if self.multiple_of != MULTIPLE_OF:
            told["multiple_of"] = self.multiple_of
        return f"{self.model}@{','.join(f'{name}={str(value).lower()}' for name, value in told.items())}"

    def _one(self, widths: tuple[Any, ...], name: str) -> Any:
        terms = {name: self._counts[name]}
        return self._at(widths, lambda values, length: evaluated(terms, values, length))[name]

    def _at(self, widths: tuple[Any, ...], evaluate: Evaluate) -> dict[str, Any]:
        import numpy as np

        given = self._array(widths)
        points, shape = self._points(given), given.shape[:-1]
        parts = []
        for start in range(0, max(len(points), 1), AT_ONCE):
            columns = [np.ascontiguousarray(column) for column in points[start : start + AT_ONCE].T]
            values = self._staged.symbols(self._groups(columns))
            for need in self._staged.widths.space.needs:
                unmet = self._staged.unmet(need, values)
                if np.any(unmet):
                    self._refuse([int(column[np.argmax(unmet)]) for column in columns])
            parts.append(evaluate(values, len(columns[0])))
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return {name: column.reshape(shape) if shape else int(column[0]) for name, column in joined.items()}

    def _point(self, widths: tuple[Any, ...]) -> list[int]:
        """The one point that is given."""
        given = self._array(widths)
        if given.ndim != 1:
            raise ProfilerError(f"{self.model}: widths of {given.size // len(self)} points; give one point")
        return list(map(int, self._points(given)[0]))

    def _array(self, widths: tuple[Any, ...]) -> ndarray[Any, Any]:
        """The widths as one array, whose last axis has one for each stage or layer. Raises ProfilerError for others."""
        import numpy as np

        try:
            given = np.asarray(widths[0]) if len(widths) == 1 else np.stack(np.broadcast_arrays(*widths), -1)
        except ValueError:
            raise ProfilerError(f"{self.model}: widths have unequal lengths; give {len(self)} for each point") from None
        if given.ndim < 1 or given.shape[-1] != len(self):
            shape = "x".join(map(str, given.shape)) or "one number"
            raise ProfilerError(f"{self.model}: widths of shape {shape}; give an array whose last axis has {self._called()}")
        return given

    def _points(self, given: ndarray[Any, Any]) -> ndarray[Any, Any]:
        """The points as rows. Raises ProfilerError where they are none of this network."""
        import numpy as np

        if given.dtype.kind not in "iu" and given.size:
            raise ProfilerError(f"{self.model}: widths of type {given.dtype}; give whole numbers, as integers")
        rows = given.reshape(-1, len(self))
        off = (rows < 1) | (rows > WIDEST)
        if self.step > 1:
            off |= (rows % self.step != 0) & (rows != np.asarray(self.native))
        if off.any():
            row, axis = (int(at[0]) for at in np.nonzero(off))
            takes = f"a multiple of {self.step}, or {self.native[axis]} as it is" if self.step > 1 else f"1 to {WIDEST}"
            raise ProfilerError(f"{self.model}: {self.per} {self.names[axis]} cannot be {rows[row, axis]} wide; give {takes}")
        return rows.astype(np.int64)

    def _called(self) -> str:
        return called(self._staged.stages) if self.per == "stage" else f"{len(self)} widths (costs.names)"

    def _groups(self, columns: list[Any]) -> list[Any]:
        """The width of every group, from those of the stages."""
        if self.per == "layer":
            return columns
        q, found = self.step, dict[int, Any]()
        for stage, width in zip(self._staged.stages, columns, strict=True):
            native = self._staged.groups[stage.main].native
            for group in stage.groups:
                found[group] = _scaled(width, self._staged.groups[group].native, native, q)
        return [found[group] for group in range(len(found))]

    def _refuse(self, point: list[int]) -> None:
        """Raises the fault of the layer that does not fit at one point."""
        try:
            closed.totals(self._staged.value(self._groups(point)), self.input)
        except ShapeError as fault:
            raise ProfilerError(f"{self.model}: no network has the widths {quoted(point)}: {fault}") from None
        raise AssertionError(f"{self.model} at {point} is refused, and fits")


def _scaled(width: Any, n: int, main: int, q: int) -> Any:
    """What the stage's width makes of a width n, `main` being the stage's own: the nearest multiple of q, halves upwards."""
    import numpy as np

    if isinstance(width, int):
        return n if width == main else max(1, (2 * width * n + main * q) // (2 * main * q)) * q
    return np.where(width == main, n, np.maximum(1, (2 * width * n + main * q) // (2 * main * q)) * q)


@checked
def costs(
    model: Model,
    *,
    per: str = "stage",
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = 1,
    multiple_of: int = MULTIPLE_OF,
    **options: Any,
) -> Costs:
    """What `model` costs as a function of its widths: one for each stage, or with `per="layer"` for each layer.

    A stage is the layers between two strides, and its width that of the last of them; the others follow in proportion, as
    multiples of `multiple_of` and of the network's groups and heads. Layers whose widths must be equal have one. `model` is a
    network of the zoo, or a Layer with its `input`; the rest is as in `profile`. Raises as `profile` does.
    """
    if per not in get_args(Per):
        raise ProfilerError(f"costs: per must be 'stage' or 'layer', not '{quoted(per)}'")
    found = with_stages(model, alpha=alpha, resolution=resolution, rho=rho, input=input, options=options)
    size = grid.axis(grid.batch(batch))
    return Costs(found, "stage" if per == "stage" else "layer", size, multiple_of_(multiple_of))


def with_stages(model: Model, **point: Any) -> Network:
    """The network that `model` names, whose widths can be chosen. Raises ProfilerError for a module, whose code sets them."""
    if is_module(model) or (isinstance(model, str) and is_reference(parse(model)[0])):
        name = parse(model)[0] if isinstance(model, str) else type(model).__name__
        raise ProfilerError(
            f"{name} has no stages to scale: its code sets its widths; name a network of `profiler list`, or give a Layer"
        )
    found = load(model, **point)
    assert isinstance(found, Network)
    if "stages" in found.options:
        raise ProfilerError(f"{found.name}: stages={found.options['stages']} chooses its widths already; leave it out")
    return found
