"""How long `show --prefill --decode` takes on large language models, and in how much memory: one process each, on this machine.

python benchmarks/language_models.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LLAMA = (
    "hf:LlamaForCausalLM@vocab_size=128256,hidden_size=8192,num_hidden_layers=80,num_attention_heads=64,num_key_value_heads=8,"
    "intermediate_size=28672,dtype=bfloat16"
)
MODELS = {
    "Llama 3 70B": (LLAMA, 5.0, 600),
    "DeepSeek-V3 671B": ("hf:DeepseekV3ForCausalLM@num_hidden_layers=61,dtype=bfloat16", 15.0, None),
}
"""{name: reference, seconds and MiB that it is to take at most}."""
STEPS = ("--prefill", "2048", "--decode", "1", "--weights", "int4:128", "--memory", "80GiB", "--depth", "1")


def main() -> int:
    """Measure each, and say whether it keeps what it is to keep."""
    late = 0
    for name, (reference, seconds, mebibytes) in MODELS.items():
        command = [sys.executable, "-m", "profiler", "show", reference, *STEPS]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        taken = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        peak = after.ru_maxrss / 1024  # the largest of all so far: the smaller model goes first
        kept = taken <= seconds and (mebibytes is None or peak <= mebibytes)
        late += not kept
        limit = f"at most {seconds:g} s" + (f" and {mebibytes} MiB" if mebibytes else "")
        print(f"{name}: {taken:.1f} s ({busy:.1f} s of CPU), {peak:.0f} MiB; {limit}: {'kept' if kept else 'NOT KEPT'}")
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
