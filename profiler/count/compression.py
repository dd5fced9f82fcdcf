"""The bytes of a network's weights after pruning, weight sharing and Huffman coding, on paper. No torch.

A scheme says of each layer how many of its weights stay, in how many bits, and in how many the distance to the next one is
written. Deep Compression (Han, Mao and Dally, ICLR 2016, arXiv 1510.00149) is built in with what its tables print:

    pruned    each weight that stays in 32 bits, with its distance to the one before in `index_bits`
    shared    the same in `bits`, an index into a codebook of 2^bits values of 32 bits
    coded     the same with the average bits of Huffman's codes, which depend on the values and are known of the paper's alone

A distance above 2^index_bits takes a filler zero, written as a weight that stays (section 2). Where the weights lie is known of
no table: positions are taken at random, so that of density d a weight needs q/(1−q) fillers, q = (1−d)^(2^index_bits).
Biases are left out, as the paper's count of weights does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from profiler.count.deep_compression import NAME, TABLES
from profiler.errors import ProfilerError, Unavailable, quoted
from profiler.records.compressed import CompressedLayer
from profiler.records.profile import Row

FLOAT_BITS = 32
KEYS = {"weights": (0, 100), "bits": (1, 32), "index_bits": (1, 32), "coded_bits": (0, 32), "coded_index_bits": (0, 32)}
"""{key of a scheme's layer: (least, most)}."""
NEEDED = ("weights", "bits", "index_bits")


class LayerScheme(NamedTuple):
    """What a scheme does to one layer."""

    weights: Fraction
    """Percent that stay."""
    bits: int
    index_bits: int
    coded_bits: Fraction | None = None
    """Bits a weight by Huffman's code, on average."""
    coded_index_bits: Fraction | None = None


class Scheme(NamedTuple):
    """A scheme of a network, or of any."""

    name: str
    layers: Mapping[str, LayerScheme]
    """{path, or the beginning of one: what is done to it}."""
    kinds: Mapping[str, LayerScheme] = {}
    """{kind of layer: what is done to it}, where no path says."""
    default: LayerScheme | None = None

    def of(self, row: Row) -> LayerScheme | None:
        """What is done to a layer: by its longest path, its kind, or by default; None where nothing is."""
        paths = [path for path in self.layers if f"{row.path}.".startswith(f"{path}.")]
        return self.layers[max(paths, key=len)] if paths else self.kinds.get(row.kind, self.default)


def scheme(name: str, model: str) -> Scheme:
    """The scheme that is built in, of one of its networks, or of a TOML file. Raises ProfilerError, Unavailable for no file."""
    if name.endswith(".toml"):
        return _of_file(Path(name).expanduser())
    if name != NAME:
        raise ProfilerError(f"unknown scheme '{quoted(name)}'; use {NAME}, or a file, e.g. scheme.toml")
    if model not in TABLES:
        raise ProfilerError(
            f"{NAME} is known for {', '.join(TABLES)}, not for {model}; write a scheme of your own to a file and give it, "
            "e.g. --scheme scheme.toml"
        )
    return Scheme(name, {path: _layer(f"{NAME} {path}", each) for path, each in TABLES[model].items()})


def _of_file(path: Path) -> Scheme:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unavailable(f"there is no file '{path}'; check its path") from None
    except OSError as fault:
        raise ProfilerError(f"'{path}' cannot be read: {fault.strerror}; check its permissions") from None
    except (ValueError, RecursionError) as fault:
        raise ProfilerError(f"'{path}' is not valid TOML ({quoted(fault)}); fix it") from None
    tables = {"default": {}, "kind": {}, "layer": {}} | found
    if not {*found} <= {"default", "kind", "layer"} or not all(isinstance(each, dict) for each in tables.values()):
        raise ProfilerError(
            f"'{path}': a scheme has the tables [default], [kind.linear] and [layer.\"head.fc6\"]; it has {', '.join(found)}"
        )
    if not found:
        raise ProfilerError(f"'{path}': it is empty; write [default] with weights = 30, bits = 8 and index_bits = 4")
    each = {
        table: {name: _layer(f"'{path}' [{table}.{name}]", entry) for name, entry in tables[table].items()}
        for table in ("kind", "layer")
    }
    default = _layer(f"'{path}' [default]", tables["default"]) if tables["default"] else None
    return Scheme(path.name, each["layer"], each["kind"], default)


def _layer(where: str, entry: Any) -> LayerScheme:
    if not isinstance(entry, Mapping) or not {*NEEDED} <= entry.keys() <= KEYS.keys():
        raise ProfilerError(f"{where}: a layer needs {', '.join(NEEDED)}, and may have {', '.join([*KEYS][3:])}; give those")
    values: dict[str, Any] = {}
    for name, value in entry.items():
        least, most = KEYS[name]
        whole = name in ("bits", "index_bits")
        good = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not good or not least <= value <= most:
            raise ProfilerError(
                f"{where}: {name} = {quoted(value)}; give a {'whole ' if whole else ''}number from {least} to {most}"
            )
        values[name] = value if whole else Fraction(str(value))
    if ("coded_bits" in values) != ("coded_index_bits" in values):
        raise ProfilerError(f"{where}: coded_bits and coded_index_bits belong together; give both or neither")
    return LayerScheme(**values)


def compressed(row: Row, each: LayerScheme | None) -> CompressedLayer:
    """What a layer takes under a scheme; as it is, in 32 bits, where the scheme says nothing of it."""
    if each is None:
        whole = 4 * row.weights
        return CompressedLayer(
            row.path, row.kind, row.weights, row.weights, 0, None, None, None, None, whole, whole, whole, whole
        )
    kept = _nearest(row.weights * each.weights / 100)
    fillers = _fillers(row.weights, kept, each.index_bits)
    entries = kept + fillers
    codebook = FLOAT_BITS * min(1 << each.bits, kept)
    coded = None
    if each.coded_bits is not None and each.coded_index_bits is not None:
        coded = _bytes(entries * (each.coded_bits + each.coded_index_bits) + codebook)
    return CompressedLayer(
        row.path,
        row.kind,
        row.weights,
        kept,
        fillers,
        each.bits,
        each.index_bits,
        None if each.coded_bits is None else float(each.coded_bits),
        None if each.coded_index_bits is None else float(each.coded_index_bits),
        4 * row.weights,
        _bytes(entries * (FLOAT_BITS + each.index_bits)),
        _bytes(entries * (each.bits + each.index_bits) + codebook),
        coded,
    )


def _fillers(weights: int, kept: int, index_bits: int) -> int:
    """Filler zeros that are expected among positions at random, to the nearest whole one."""
    if kept in (0, weights):
        return 0
    missed = (1 - kept / weights) ** (1 << index_bits)
    return round(kept * missed / (1 - missed))


def layers(rows: Sequence[Row], of: Scheme) -> tuple[CompressedLayer, ...]:
    """Every layer with weights under a scheme. Raises ProfilerError for a path or kind of the scheme that no layer has."""
    found = [row for row in rows if row.weights and not row.side]
    for path in of.layers:
        if not any(f"{row.path}.".startswith(f"{path}.") for row in found):
            raise ProfilerError(f"{of.name}: unknown layer '{quoted(path)}'; `profiler show --depth 0` lists the layers")
    for kind in of.kinds:
        if not any(row.kind == kind for row in found):
            kinds = ", ".join(sorted({row.kind for row in found}))
            raise ProfilerError(f"{of.name}: no layer is of kind '{quoted(kind)}'; use {kinds}")
    return tuple(compressed(row, of.of(row)) for row in found)


def _nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def _bytes(bits: Fraction | int) -> int:
    return int(-(-bits // 8))
