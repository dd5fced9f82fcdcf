"""The pages of `--help`: options under headings, in plain text, with the examples that a command's docstring ends in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

OTHERS = "Options"
"""The heading of what stands under no other."""
SECTIONS: Mapping[str, Sequence[str]] = {
    "Limits": (
        "max_macs", "max_params", "max_activations", "max_weight_bytes", "max_unread", "max_memory", "max_latency", "min_macs",
        "min_params", "min_activations", "min_weight_bytes", "min_memory", "baseline", "update", "tolerance", "strict",
    ),
    "Network and input": (
        "alpha", "resolution", "rho", "input", "batch", "set_", "over", "per_stage", "stage_widths", "multiple_of", "task",
        "year", "native", "model", "scheme", "widths_of",
    ),
    "What to count": (
        "engine", "convention", "top1", "memory", "training", "weights", "what_if", "count", "bits", "every_rank", "published",
        "jobs",
    ),
    "Training memory": ("zero", "devices", "checkpointing"),
    "Language models": (
        "prefill", "decode", "tokens", "cache_dtype", "memory_size", "peak_macs", "bandwidth", "roofs",
    ),
    "How latency is measured": (
        "bench", "measure", "layers", "device", "threads", "dtype", "memory_format", "runtime", "exec", "exec_push", "no_cache",
        "compile", "energy",
        "train", "optimizer", "dataset_size", "time", "resume",
    ),
    "Several machines": ("fleet", "spread", "host", "name"),
    "Prediction": ("source", "scale_to", "force", "layer_file"),
    "Table": (
        "depth", "top", "no_fold", "formulas", "receptive_field", "unit", "unit_", "columns", "sort", "caption", "label",
        "plot",
    ),
    "Output": ("format", "output", "csv", "junit", "exit_code", "quiet", "verbose"),
}  # fmt: skip
"""{heading: the parameters below it}, in the order of a page."""
OWN_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "list": dict.fromkeys(("max_macs", "max_params", "year", "task", "native", "count"), "Which networks to list"),
    "show": {"train": "Training memory", "optimizer": "Training memory", "strict": "What to count"},
    "predict": dict.fromkeys(("device", "threads", "dtype", "memory_format", "runtime"), "Prediction"),
    "selftest": {"verbose": "Output"},
    "fleet": {"devices": "Several machines"},
}
"""{command: {parameter: heading}}, where a command means something else by a name than the others do."""
EXAMPLES = "Examples:"


class HelpfulCommand(TyperCommand):
    """A command whose help has its options under headings, and its examples as they would be typed."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # click's own signature
        about, examples = parts(self.help)
        formatter.write_paragraph()
        with formatter.indentation():
            for i, paragraph in enumerate(about.split("\n\n")):
                if i:
                    formatter.write_paragraph()
                formatter.write_text(" ".join(paragraph.split()))
        write_examples(formatter, examples)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for heading, params in sections(str(self.name), self.get_params(ctx)).items():
            lines = [record for param in params if (record := param.get_help_record(ctx)) is not None]
            if lines:
                with formatter.section(heading):
                    formatter.write_dl([(name, _without_required(text)) for name, text in lines])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002  # click's own signature
        given = [param for param in self.params if param.param_type_name == "argument"]
        return ["[OPTIONS]", *(name(param) if param.required else f"[{name(param)}]" for param in given)]


def parts(text: str | None) -> tuple[str, list[str]]:
    """A command's docstring: what it does, and its examples, a line each."""
    about, _, examples = inspect.cleandoc(text or "").partition(EXAMPLES)
    return about.strip(), [line.strip() for line in examples.splitlines() if line.strip()]


def sections(command: str, params: Sequence[Any]) -> dict[str, list[Any]]:
    """{heading: the parameters below it}: arguments first, then the options of `command` as SECTIONS orders them."""
    own = OWN_SECTIONS.get(command, {})
    heads = {param: heading for heading, below in SECTIONS.items() for param in below} | dict(own)
    first = [heading for heading in own.values() if heading not in SECTIONS]
    found: dict[str, list[Any]] = {heading: [] for heading in ("Arguments", *first, *SECTIONS, OTHERS)}
    for param in params:
        argument = param.param_type_name == "argument"
        found["Arguments" if argument else "Output" if param.name == "help" else heads.get(param.name, OTHERS)].append(param)
    return {heading: below for heading, below in found.items() if below}


def name(param: Any) -> str:
    """An argument as a usage line shows it: `MODEL...`."""
    return str(param.metavar or param.name.upper())


def write_examples(formatter: Any, lines: Sequence[str]) -> None:
    """The examples, as they would be typed."""
    if lines:
        with formatter.section("Examples"):
            formatter.write("".join(f"{'':{formatter.current_indent}}{line}\n" for line in lines))


def _without_required(text: str) -> str:
    """The help of an argument, whose usage line says already that it is required."""
    return text.removesuffix("  [required]")
