"""Files that people name for a network and that hold no code of one: each is refused by what it is. No torch."""

from __future__ import annotations

from pathlib import PurePath

from profiler.errors import ProfilerError

_FILES = {
    ".pt": "a checkpoint or a script", ".pth": "a checkpoint", ".bin": "a checkpoint", ".ckpt": "a checkpoint",
    ".safetensors": "a checkpoint", ".h5": "a Keras model", ".keras": "a Keras model", ".tflite": "a TFLite model",
    ".pb": "a TensorFlow graph", ".gguf": "a checkpoint", ".json": "a JSON file", ".pkl": "a pickle",
}  # fmt: skip
"""What people name first, by the end of its name; none of it holds the code of a network that is traced."""


def refuse_file(name: str) -> None:
    """Refuse a file by what it is. Raises ProfilerError with what to name in its place."""
    kind = _FILES.get(PurePath(name).suffix.lower())
    if kind == "a JSON file":
        raise ProfilerError(
            f"'{name}' is {kind}; name a configuration of transformers as hf:{name}, "
            f"or show a saved run by `profiler report {name}`"
        )
    if kind is not None:
        raise ProfilerError(
            f"'{name}' is {kind}, which is not read as a network; name the code that makes it, as net.py:Net, "
            "or export it with torch.export.save and name the .pt2"
        )
