"""A reference to code → the object that it names: `package.module:factory` and `path/to/file.py:Class`. What it names is run.

The folder where the user stands comes first while code is imported, and last afterwards, so that a file of the user's does not
stand before a package that something else imports later.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from profiler.errors import ProfilerError, Unavailable, UnknownName, quoted
from profiler.module.exclusive import exclusive
from profiler.module.remembered import imported_as, path_is_ours
from profiler.module.user_code import is_ours, pip_name, user_code

OURS = "profiler"
"""The name that stands for this program's own package, whatever lies where the user stands."""


def found(reference: str) -> Any:
    """The object that `reference` names. Raises Unavailable for what is not there, UnknownName, ProfilerError."""
    place, _, name = reference.rpartition(":")
    if reference.endswith(".py"):
        raise ProfilerError(f"model '{reference}' names a file but no class in it; write {reference}:Class")
    if not place.strip() or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name.strip()):
        raise ProfilerError(
            f"model '{reference}' is not a valid reference; write package.module:factory or path/to/file.py:Class"
        )
    module = of_file(place.strip()) if place.endswith(".py") else of_name(place.strip())
    imported_as(reference, _key(module.__name__))
    value: Any = module
    for step in name.strip().split("."):
        if not hasattr(value, step):
            raise UnknownName(f"class or function in {place}", step, _public(value))
        value = getattr(value, step)
    return value


def of_name(name: str) -> ModuleType:
    """The module called `name`, from the user's folder or what is installed. Raises Unavailable, UnknownName, ProfilerError."""
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name):
        raise ProfilerError(f"model '{name}:…': '{name}' is not a module's name; write package.module:factory or file.py:Class")
    top = name.partition(".")[0]
    if top == OURS and (Path(top).is_dir() or Path(f"{top}.py").is_file()) and not is_ours(Path(top)):
        raise ProfilerError(
            f"model '{name}:…': {top} is a module of profiler itself; name your file, as {name.replace('.', '/')}.py:Class"
        )
    with _importing(name, _key(name), Path.cwd()):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as fault:
            if fault.name is None or not f"{name}.".startswith(f"{fault.name}."):
                raise
            raise _not_there(name, fault.name) from None


def file_named(path: str) -> Path:
    """The file called `path`, from the root, behind its links. Raises ProfilerError for what no file is called."""
    try:
        file = Path(path).expanduser().resolve()
        file.is_file()
    except (RuntimeError, OSError, ValueError) as fault:  # no such user, links in a circle, a name too long, a zero byte
        reason = fault.strerror if isinstance(fault, OSError) else str(fault).rstrip(".")
        raise ProfilerError(f"'{quoted(path)}' is not a valid file name: {reason}; name another") from None
    return file


def of_file(path: str) -> ModuleType:
    """The module in a file; one of a package is imported as the package would. Raises Unavailable, ProfilerError."""
    file = file_named(path)
    if not file.is_file():
        siblings = [each.name for each in file.parent.glob("*.py")] if file.parent.is_dir() else []
        near = get_close_matches(file.name, siblings, n=3)
        raise Unavailable(
            f"there is no file '{path}'" + (f"; did you mean {' or '.join(near)}?" if near else "; check its path")
        )
    names, folder = [file.stem], file.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    known = sys.modules.get(names[0])
    taken = known is not None and str(folder / names[0]) not in getattr(known, "__path__", ())  # by a package from elsewhere
    if len(names) > 1 and all(name.isidentifier() for name in names) and not taken:
        with _importing(path, _key(names[0]), folder, Path.cwd()):
            return importlib.import_module(".".join(names).removesuffix(".__init__"))
    name = f"_profiled_{abs(hash(str(file))):x}_{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}"
    with exclusive():  # another thread may be in the middle of it
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            with _importing(path, _key(name), file.parent, Path.cwd()):
                spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return module


def _key(name: str) -> str:
    """What an import is remembered by: the package, which is imported once whatever is named in it."""
    return f"import {name.partition('.')[0]}"


@contextmanager
def _importing(what: str, key: str, *folders: Path) -> Iterator[None]:
    """These folders first on the path while code is imported, and last whenever it runs. Raises as user_code does."""
    places = [str(folder) for folder in folders]
    with suppress(ImportError):
        importlib.import_module("torch")  # what its import sets is not of the user's code
    with user_code(what, building=key):
        before = set(sys.path)
        sys.path[:0] = places
        try:
            yield
        finally:
            if set(sys.path) - set(places) == before - set(places):
                path_is_ours(key)
            for place in places:
                if place in sys.path:
                    sys.path.remove(place)
                if place not in sys.path:
                    sys.path.append(place)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Without the user's folder on the path: a library by its name is the one that is installed."""
    with exclusive():
        before, here = list(sys.path), Path.cwd()
        sys.path[:] = [place for place in before if place and Path(place).resolve() != here]
        try:
            yield
        finally:
            sys.path[:] = before


def _not_there(name: str, missing: str) -> ProfilerError:
    parent, _, last = missing.rpartition(".")
    if not parent:
        return Unavailable(
            f"there is no module '{missing}' in {Path.cwd()} or installed; pip install {pip_name(missing)}, "
            f"or name a file: path/to/{name.replace('.', '/')}.py:Class"
        )
    package = sys.modules.get(parent)
    known = [each.name for each in pkgutil.iter_modules(getattr(package, "__path__", None) or [])]
    return UnknownName(f"module of {parent}", last, known)


def _public(value: Any) -> list[str]:
    """The classes and functions that one may have meant, those of its own before what it imports."""
    named = {name: each for name, each in vars(value).items() if not name.startswith("_") and callable(each)}
    own = [name for name, each in named.items() if getattr(each, "__module__", None) == getattr(value, "__name__", "")]
    return own or list(named)
