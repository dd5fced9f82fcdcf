"""What may stand in the JSON of a `.pt2` before torch reads it: expressions of shapes and names, and nothing that could run.

torch evaluates the expressions and the guards, and writes the names into Python code which it executes. So expressions are
held to a grammar of their own, and every other text to letters that are in no call.
"""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from profiler.errors import ProfilerError

CALLS = frozenset({
    "Symbol", "Integer", "Rational", "Float", "Add", "Mul", "Pow", "Mod", "PythonMod", "FloorDiv", "CeilDiv", "CleanDiv",
    "Max", "Min", "Abs", "Not", "And", "Or", "Eq", "Ne", "Equality", "Unequality", "Lt", "Le", "Gt", "Ge", "LessThan",
    "GreaterThan", "StrictLessThan", "StrictGreaterThan", "ModularIndexing", "Where", "Piecewise", "ExprCondPair",
    "CeilToInt", "FloorToInt", "TruncToInt", "TruncToFloat", "RoundToInt", "RoundDecimal", "ToFloat", "IntTrueDiv",
    "FloatTrueDiv", "FloatPow", "PowByNatural", "LShift", "RShift", "Identity", "IsNonOverlappingAndDenseIndicator",
    "max", "min", "abs", "floor", "ceiling",
})  # fmt: skip
"""The functions of an expression of shapes, as torch and sympy print them."""
METHODS = frozenset({"size", "stride", "storage_offset", "numel", "dim", "item"})
"""What a guard asks of an input."""
_NODES = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Tuple, ast.Subscript,
)  # fmt: skip
_PLAIN = re.compile(r"[\w .,:/+\-<>#*|&%@\[\]{}]*")
"""No parenthesis, quote, sign of equality, semicolon, backslash or end of line: nothing that calls or binds."""
_TARGET = re.compile(r"(torch\.ops|torch\._higher_order_ops|_operator|math)(\.\w+)+|torch\._?sym_\w+")
_EXPRESSIONS = ("expr_str", "guards_code")
_TALK = frozenset({
    "stack_trace", "nn_module_stack", "torch_fn", "source_fn_stack", "custom", "from_node", "as_string", "as_strings",
})  # fmt: skip
"""What torch keeps as text, or writes with quotes around it; whatever else stands under such a name is looked at."""
_OBJECTS = ("custom_obj_", "opaque_obj_", "aotinductor")
_LONGEST = 20_000


def check_archive(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse a file that holds pickled objects, compiled code, or texts that torch would run. Raises ProfilerError."""
    names = archive.namelist()
    if len({each.lower() for each in names}) < len(names):
        raise ProfilerError(f"'{name}' holds two parts with one name, which torch.export.save never writes; export it again")
    for each in names:
        for part in PurePosixPath(each.replace("\\", "/")).parts:
            if part.lower().startswith(_OBJECTS):
                kind = "compiled code" if part.lower().startswith("aot") else "pickled objects"
                raise ProfilerError(f"'{name}' holds {kind} ({part}), which are not loaded; export it without them")
    for each in names:
        if each.endswith(".json") or "models" in PurePosixPath(each).parts[:-1]:
            _check_part(name, each, archive.read(each))


def _check_part(name: str, part: str, held: bytes) -> None:
    try:
        document = json.loads(held)
    except (ValueError, RecursionError):
        raise ProfilerError(f"'{name}': its {PurePosixPath(part).name} is not valid JSON; export it again") from None
    try:
        for key, text in _texts(document):
            if not _allowed(key, text):
                shown = " ".join(text.split())
                shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
                raise ProfilerError(
                    f"'{name}' holds a string that is neither a shape expression nor a name ({key}: {shown}), "
                    "and torch would run it; load only files that torch.export.save wrote"
                )
    except RecursionError:
        raise ProfilerError(f"'{name}': its {PurePosixPath(part).name} is nested too deeply; export it again") from None


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text below `value` with the key that it stands under, the keys of dicts included."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield "key", name
            yield from _texts(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, key)
    elif isinstance(value, str):
        yield key, value


def _allowed(key: str, text: str) -> bool:
    if key in _EXPRESSIONS:
        return is_expression(text)
    if key in _TALK:
        return True
    if key in ("default_factory_module", "default_factory_name"):
        return text in ("builtins", "list", "dict", "int", "float", "set")
    if text in ("__enum__", "fqn") and key == "key":
        return text == "fqn"  # a tree of arguments names a module to import by __enum__, and the path of a module by fqn
    if key == "target" and text.startswith(("torch", "_operator", "math", "#")):
        return _TARGET.fullmatch(text) is not None
    if _PLAIN.fullmatch(text):
        return True
    try:
        inner = json.loads(text)  # a tree of arguments is JSON inside of JSON
    except ValueError:
        return False
    return not isinstance(inner, str) and all(_allowed(each, held) for each, held in _texts(inner))


def is_expression(text: str) -> bool:
    """True for arithmetic and comparisons of symbols, numbers and sizes of inputs, with the functions that shapes have."""
    if len(text) > _LONGEST:
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    methods = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    return all(_is_plain(node, methods) for node in ast.walk(tree))


def _is_plain(node: ast.AST, methods: set[int]) -> bool:
    match node:
        case ast.Attribute():
            return id(node) in methods and node.attr in METHODS
        case ast.Call(func=ast.Name(id=called), args=given):
            return called in CALLS and not ("Pow" in called and any(map(_is_large, ast.walk(ast.Tuple(given[1:])))))
        case ast.Call(func=ast.Attribute()):
            return not node.keywords
        case ast.Call():
            return False
        case ast.keyword():
            return node.arg in ("positive", "integer", "nonnegative", "evaluate", "real", "precision")
        case ast.Name():
            return not node.id.startswith("_")
        case ast.Constant():
            return isinstance(node.value, bool | int | float) or (
                isinstance(node.value, str) and _PLAIN.fullmatch(node.value) is not None
            )
        case ast.BinOp(op=ast.Pow(), right=right):  # 9**9**9 is quickly written and never ends
            return isinstance(right, ast.Constant | ast.UnaryOp) and not any(map(_is_large, ast.walk(right)))
    return isinstance(node, _NODES)


def _is_large(node: ast.AST) -> bool:
    """An exponent that takes long to compute: a power itself, or a number above 64."""
    power = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and "Pow" in node.func.id
    return power or (isinstance(node, ast.Constant) and isinstance(node.value, int | float) and abs(node.value) > 64)
