"""The page of the library: every public name by what it is for; the parts of networks as tables, from their docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import profiler
from profiler.network import layers as leaves

SECTIONS = {
    "Count": "profile compare sweep sweep_to fit show inspect listing formula verify trace trace_training memory",
    "Search": "costs fit_stages",
    "Check": "check diff Config",
    "Measure": "predict bench layers benchmark selftest BenchOptions",
    "Read and write": "read write",
    "Build and extend": "build architecture register unregister",
    "Results": "Profile Results Shown Measured Timing Listing Formulas Verified Checked Diffed Certificate Traced "
    "TrainingCost Memory Saved Costs StageFit Inspected Compressed",
    "Exceptions": "ProfilerError UnknownName ShapeError Unavailable WitnessFailed CheckFailed",
}
"""{heading: the names below it}, each with its signature and its docstring."""
PARTS = {
    "Combinators": "Chain Branches Graph Aside",
    "Layers": " ".join(name for name in leaves.__all__ if name != "Layer"),
    "Widths": "fixed same times",
}
"""The same of what a network is described with: a row of a table each."""
HEAD = """# Reference

The Python library, from its docstrings. Everything is imported from `profiler` and loaded when it is first used: importing
the package loads nothing else, and counting a network of the zoo does not load torch. Functions have the names of commands and
take their options: `profiler compare vgg16 --batch 8` is `compare("vgg16", batch=8)`.

```python
from profiler import compare, profile

print(profile("mobilenet_v1", alpha=0.5).macs)
for record in compare("mobilenet_v1", "vgg16", engine="closed"):
    print(record["model"], record["macs"], record["params"])
```

Wrong usage raises a `ProfilerError` whose message is one sentence: the problem, the value, where it is, and how to fix it.
"""
DESCRIBED = """
## Describe a network

A network is a value, a `Layer`, made of the parts below: `profile(layer, input=(3, 224, 224))` counts it, `build` makes its
module, and [`@architecture`](start.md#plug-ins) gives it a name. Names and defaults are those of torch.nn where it has them;
input channels follow from the layer before. Features are `(C, *spatial)`, tokens `(T, C)`, vectors `(C,)`, without the batch.
"""


def page() -> str:
    """The text of docs/reference.md. Raises ValueError where a public name stands in no section, or in two."""
    listed = " ".join(["Layer", *SECTIONS.values(), *PARTS.values()]).split()
    if sorted(listed) != profiler.__all__:
        wrong = set(listed) ^ set(profiler.__all__) or {name for name in listed if listed.count(name) > 1}
        raise ValueError(f"docs/reference.py: {', '.join(sorted(wrong))}: each public name stands in one section")
    parts = [HEAD]
    for heading, names in SECTIONS.items():
        parts += [f"\n## {heading}\n", *(f"\n::: {profiler._HOMES[name]}.{name}\n" for name in names.split())]
        if heading == "Read and write":
            parts += [DESCRIBED, *(line for title, inside in PARTS.items() for line in _table(title, inside.split()))]
    return "".join(parts)


def _table(title: str, names: Sequence[str]) -> Iterator[str]:
    yield f"\n### {title}\n\n| part | what it is |\n| :--- | :--- |\n"
    for name in names:
        part = getattr(profiler, name)
        (first, *_) = (inspect.getdoc(part) or "").split("\n\n")
        yield f"| `{name}{_signature(part)}` | {' '.join(first.split())} |\n"


def _signature(part: object) -> str:
    """`(out, kernel, stride=1)`: names and defaults, whose types the tables leave to the docstrings."""
    whole = inspect.signature(part)  # type: ignore[arg-type]
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in whole.parameters.values()]
    return str(whole.replace(parameters=bare, return_annotation=inspect.Signature.empty))
