"""Where the modules of a network stand, of those that stand at several places at once."""

from __future__ import annotations

from profiler.tracing.restore import Places

MOST = 10_000
"""Places that are kept, at most: of networks that share at every level there are more than can be listed."""


def shared_paths(everything: Places) -> dict[int, tuple[str, ...]]:
    """id of a module that stands at several places → all of them, in order; of those below it too."""
    children = [id(child) for _, m in everything for child in m._modules.values() if child is not None]
    if len(children) == len(set(children)):
        return {}
    found: dict[int, list[str]] = {}
    running: set[int] = set()
    left = MOST

    def walk(path: str, module: object) -> None:
        nonlocal left
        key = id(module)
        if key in running or left <= 0:  # a module that holds itself
            return
        left -= 1
        found.setdefault(key, []).append(path)
        running.add(key)
        for name, child in module._modules.items():  # type: ignore[attr-defined]
            if child is not None:
                walk(f"{path}.{name}" if path else name, child)
        running.discard(key)

    walk("", everything[0][1])
    return {key: tuple(paths) for key, paths in found.items() if len(paths) > 1}
