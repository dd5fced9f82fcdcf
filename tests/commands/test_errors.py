"""Errors of the command line in one table: each is one sentence with the problem, the value and the cure.

Read the table from top to bottom after a change of wording. Words in capitals stand for what depends on the machine: FOLDER,
CPUS, NETWORKS; a sentence that ends in … goes on with a list of names.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from profiler.measure import host
from profiler.network.registry import names
from tests.hostile.inside import ended
from tests.test_cli import ROOT

FILES = {
    "net.py": (
        "import sys\nfrom torch import nn\n\nnumber = 3\n\n"
        "class Net(nn.Linear):\n    def __init__(self): super().__init__(4, 2)\n\n"
        "def needs(width): return nn.Linear(4, width)\n"
        "def raises(): raise RuntimeError('no luck')\n"
        "def exits(): sys.exit(3)\n"
    ),
    "net.pth": "",
    "net.onnx": "x",
    "net.pt2": "x",
    "bad.csv": "name,time\nlenet5,3\n",
    "empty.safetensors": "",
    "bad.json": '{"schema": 1',
    "text.json": "[1]",
    "run.json": "{}",
}

ERRORS = [
    ("compare", 2, "no network to compare; name one, e.g. profiler compare mobilenet_v1 vgg16"),
    ("compare nope", 2, "unknown network 'nope'; there are NETWORKS, e.g. …"),
    ("compare mobilenet_v3", 2, "unknown network 'mobilenet_v3'; did you mean mobilenet_v3_large, mobilenet_v3_small or mobilenet_v2? (`profiler list` shows them all)"),
    ("compare 'nope*'", 2, "unknown network 'nope*'; there are NETWORKS, e.g. …"),
    ("compare lenet5@classes", 2, "model 'lenet5@classes': 'classes' is not key=value; write lenet5@alpha=0.5,resolution=160"),
    ("compare lenet5@clases=3", 2, "unknown option of lenet5 'clases'; did you mean classes? (options of lenet5: alpha, resolution, rho, input, stages, multiple_of, classes)"),
    ("compare lenet5@classes=0", 2, "lenet5: classes must be a whole number from 1 to 1000000000, not 0; change it"),
    ("compare lenet5@classes=3,classes=4", 2, "model 'lenet5@classes=3,classes=4': classes is given twice, as 3 and 4; give it once"),
    ("compare Ours=", 2, "model 'Ours=': label Ours has no model after it; write Ours=net.py:Net"),
    ("compare A=lenet5 A=vgg16", 2, "label 'A' is given to two networks; give each its own"),
    ("compare lenet5 --engine closed --columns nope", 2, "unknown column 'nope'; did you mean nodes?"),
    ("compare lenet5 --engine closed --sort nope", 2, "unknown column 'nope'; did you mean nodes?"),
    ("compare lenet5 --engine nope", 2, "unknown engine 'nope'; use closed, traced, fvcore, thop or torch"),
    ("compare lenet5 --engine closed --columns latency_s", 2, "column latency_s: nothing was measured; add --bench, or use `profiler bench`"),
    ("compare lenet5 --engine closed --columns memory_bytes", 2, "column memory_bytes was not computed; add --memory"),
    ("compare lenet5 --engine closed --columns fvcore_macs", 2, "column fvcore_macs: fvcore was not run; add --engine fvcore"),
    ("compare lenet5 --engine closed --convention nope", 2, "unknown convention 'nope'; use paper, fvcore, thop, torch, torchinfo or onnx-tool"),
    ("compare lenet5 --engine closed --convention onnx-tool", 2, "convention 'onnx-tool' is for ONNX files, and lenet5 is not one; export it first, as profiler show lenet5 -o lenet5.onnx, or use one of paper, fvcore, thop, torch, torchinfo"),
    ("compare lenet5 --engine closed --unit megs", 2, "unknown unit 'megs'; use raw, auto, K, M, G, T, flops, MFLOPs, GFLOPs, TFLOPs, paper or params=M,macs=G"),
    ("compare lenet5 --engine closed --unit params=GFLOPs", 2, "unit 'params=GFLOPs': FLOPs apply only to macs; write params=M"),
    ("compare lenet5 --engine closed --unit top1=M", 2, "unit 'top1=M': top1 is not a count, and only counts take a unit; write e.g. params=M,macs=G"),
    ("compare lenet5 --engine closed --top1 lenet5", 2, "--top1 'lenet5' is not name=percent; write it as --top1 Ours=74.1"),
    ("compare lenet5 --engine closed --top1 nope=70", 2, "unknown network 'nope'; use lenet5 (in --top1)"),
    ("compare lenet5 --engine closed --top1 lenet5=0.7", 2, "--top1 lenet5: 0.7 is below 1; write the accuracy in percent, as 74.1"),
    ("compare lenet5 --engine closed --top1 lenet5=170", 2, "--top1 lenet5: 170 is not a percentage; write the accuracy in percent, as 74.1"),
    ("compare lenet5 --engine closed --top1 lenet5=70 --top1 lenet5=71", 2, "--top1 lenet5 is given twice, as 70 and 71; give it once"),
    ("compare lenet5 --engine closed --caption x", 2, "--caption applies to LaTeX and Markdown; add -f latex or -o FILE.tex, or leave it out"),
    ("compare lenet5 --engine closed -f nope", 2, "unknown format 'nope'; use table, csv, json, jsonl, parquet, markdown, latex, html, speedscope, trace, mermaid, dot, svg, safetensors, pdf, png, svg-figure or pgfplots"),
    ("compare lenet5 --engine closed -f svg", 2, "a figure of a trade-off needs two networks or points; name another"),
    ("compare lenet5 --engine closed -f csv --plot", 2, "--plot needs a table on stdout, not csv; leave one of them out"),
    ("compare lenet5 --engine closed -o out.xyz", 2, "output 'out.xyz': unknown suffix '.xyz'; use .txt .csv .json .jsonl .parquet .md .tex .html .speedscope.json .trace.json .mmd .dot .svg .safetensors .pdf .png .pgf"),
    ("compare lenet5 --engine closed -o nope/out.csv", 2, "output 'nope/out.csv': there is no folder 'nope'; create it first"),
    ("compare lenet5 --engine closed -o .", 2, "output '.': unknown suffix ''; use .txt .csv .json .jsonl .parquet .md .tex .html .speedscope.json .trace.json .mmd .dot .svg .safetensors .pdf .png .pgf"),
    ("compare lenet5 --engine closed -o a.csv --csv a.csv", 2, "output 'a.csv' is given twice; give each file once"),
    ("compare lenet5 --engine closed --csv out.json", 2, "--csv 'out.json': comma-separated values need a file name that ends in .csv; rename it"),
    ("compare lenet5 --engine closed --alpha x", 2, "alpha 'x' is not a number; write it as 0.5"),
    ("compare lenet5 --engine closed --alpha 0", 2, "alpha must be above 0 and at most 64, not 0"),
    ("compare lenet5 --engine closed --alpha 0.5,1", 2, "--alpha 0.5,1 is a range; this command takes one value, `profiler sweep` takes ranges"),
    ("compare lenet5 --engine closed --alpha 1 --alpha 2", 2, "--alpha is given twice; give it once"),
    ("compare lenet5 --engine closed --resolution 0", 2, "resolution must be a whole number of pixels from 1 to 1048576, not 0"),
    ("compare lenet5 --engine closed --resolution 224x160", 2, "resolution '224x160' is two numbers; write them as --input 3x224x160"),
    ("compare lenet5 --engine closed --resolution 28 --rho 1", 2, "resolution and rho both set the size of the input; give one of them"),
    ("compare lenet5 --engine closed --rho 1/0", 2, "rho '1/0' divides by 0; write it as 0.5"),
    ("compare lenet5 --engine closed --batch 0", 2, "batch must be a whole number from 1 to 1048576, not 0"),
    ("compare lenet5 --engine closed --batch none", 2, "batch none is for modules without a batch axis, and networks of `profiler list` have one; give a number"),
    ("compare lenet5 --engine closed --input 28x28", 2, "lenet5: input 28x28 must have as many axes as the native input 1x28x28"),
    ("compare lenet5 --engine closed --input 8x1x28x28", 2, "lenet5: input 8x1x28x28 has an axis more than its native 1x28x28; the batch axis is --batch 8, so write --input 1x28x28"),
    ("compare lenet5 --engine closed --input cat", 2, "input 'cat' is not a shape; write channels and sides as 3x224x224"),
    ("show lenet5 --input 1x28x28,1x32x32", 2, "input '1x28x28,1x32x32' names several; give one, or run over them with sweep or compare"),
    ("show net.py:Net --input 3x8x8,3x9x9", 2, "input '3x8x8,3x9x9' names several; give one, or run over them with sweep or compare"),
    ("compare mobilenet_v2 --engine closed --input 224x224x3", 2, "mobilenet_v2: input 224x224x3 would have 224 channels of 224 by 3 pixels; channels come first, so write --input 3x224x224"),
    ("compare vgg16 --engine closed --resolution 8", 2, "body.3.pool: a window of 2 does not fit 1 pixel; vgg16 needs inputs of at least 32"),
    ("compare lenet5 --engine closed --set classes", 2, "--set 'classes' is not key=value; write it as --set classes=10"),
    ("compare lenet5 --engine closed --set classes=x", 2, "lenet5: classes must be a whole number from 1 to 1000000000, not x; change it"),
    ("compare lenet5 --engine closed --set clases=3", 2, "unknown option of lenet5 'clases'; did you mean classes? (options of lenet5: classes)"),
    ("compare lenet5 --engine closed --over classes", 2, "--over 'classes' is not key=range; write it as --over width=16..64:16"),
    ("compare lenet5 --engine closed --over classes=5..3", 2, "classes '5..3' runs backwards; write it as 3..5"),
    ("compare lenet5 --engine closed --set classes=3 --over classes=3,4", 2, "option classes is given twice, by --set and by --over; give it once"),
    ("compare lenet5 --dtype fp16", 2, "--dtype has no effect without --bench; add --bench, or leave it out"),
    ("compare lenet5 --bench --device gpu", 2, "unknown device 'gpu'; use auto, cpu, cuda, cuda:1 or mps"),
    ("compare lenet5 --bench --dtype fp8", 2, "unknown dtype 'fp8'; did you mean fp32 or fp16?"),
    ("compare lenet5 --bench --memory-format nchw", 2, "unknown memory format 'nchw'; use contiguous or channels_last"),
    ("compare lenet5 --bench --runtime tvm", 2, "unknown runtime 'tvm'; use eager, compile, onnxruntime, openvino, tensorrt, litert, executorch or exec"),
    ("compare lenet5 --bench --threads 0", 2, "threads '0' is not a whole number from 1 to CPUS, the processors that may be used here; leave it out for CPUS"),
    ("compare lenet5 --bench --dtype fp32,bf16", 2, "only `profiler bench` measures several settings; give one device, dtype, runtime and number of threads"),
    ("compare lenet5 --bench --time 0s", 2, "time must be from 0.1s to 168h, not '0s'; write it as 30s or 5m"),
    ("compare lenet5 --bench --time soon", 2, "time 'soon' is not a number of ms, s, m or h; write it as 30s or 5m"),
    ("compare lenet5 --bench --optimizer adam", 2, "--optimizer has no effect without --train; add --train, or leave it out"),
    ("compare lenet5 --bench --dataset-size 60K", 2, "--dataset-size 60K has no effect without --train; add it"),
    ("compare lenet5 --bench --resume nope.samples.jsonl", 2, "samples 'FOLDER/nope.samples.jsonl' cannot be read: No such file or directory; name the file of the run"),
    ("compare net.py:Net --engine traced", 2, "cannot infer the input of net.py:Net; pass --input 3x224x224, or --input ids=128:int64 for tokens"),
    ("compare net.py --engine traced", 2, "model 'net.py' names a file but no class in it; write net.py:Class"),
    ("compare net.py:Nte --engine traced", 2, "unknown class or function in net.py 'Nte'; did you mean Net?"),
    ("compare nope.py:Net --engine traced", 3, "there is no file 'nope.py'; did you mean net.py?"),
    ("compare nope.mod:Net --engine traced", 3, "there is no module 'nope' in FOLDER or installed; pip install nope, or name a file: path/to/nope/mod.py:Class"),
    ("compare net.py:number --input 4 --engine traced", 2, "net.py:number must be a class or function, not int; name one that returns a torch.nn.Module"),
    ("compare net.py:needs --input 4 --engine traced", 2, "net.py:needs needs width; give it, as --set width=…"),
    ("compare net.py:raises --input 4 --engine traced", 2, "net.py:raises does not run: RuntimeError: no luck (net.py, line 10)"),
    ("compare net.py:exits --input 4 --engine traced", 2, 'net.py:exits exits the program (net.py, line 11); put that under if __name__ == "__main__"'),
    ("compare net.py:Net --input 4 --alpha 0.5 --engine traced", 2, "net.py:Net has no width multiplier: its factory takes no alpha, width_mult, width_multiplier or multiplier; give an option of its own, by --set or --over, or --resolution"),
    ("compare net.py:Net --input 5 --engine traced", 2, "net.py:Net: takes 4 features on the last axis but is given 5, of (1, 5)"),
    ("compare net.pth", 2, "'net.pth' is a checkpoint, which is not read as a network; name the code that makes it, as net.py:Net, or export it with torch.export.save and name the .pt2"),
    ("compare net.onnx", 2, "'net.onnx' is not an ONNX model, or is truncated; export it again, as torch.onnx.export does"),
    ("compare net.pt2", 2, "'net.pt2' is not a file of torch.export.save; export it with torch.export.save(program, 'net.pt2')"),
    ("compare timm:", 2, "model 'timm:' names no network; write timm:mobilenetv3_large_100"),
    ("compare hf:nope/nope", 3, "hf:nope/nope: nothing is fetched from the hub, and there is no such file here; download its config.json and name it, as hf:path/to/config.json, or name a class, as hf:LlamaForCausalLM"),
    ("compare lib:nope", 3, "there is no module 'lib' in FOLDER or installed; pip install lib, or name a file: path/to/lib.py:Class"),
    ("sweep lenet5 --alpha 0.5..1:0", 2, "alpha '0.5..1:0' has a step of 0; give one above 0"),
    ("sweep lenet5 --alpha 1..0.5", 2, "alpha '1..0.5' runs backwards; write it as 0.5..1"),
    ("sweep lenet5 --alpha 0.5..1.1:0.25", 2, "alpha '0.5..1.1:0.25': 1.1 is not on the step of 0.25; end it at 0.5..1 or 0.5..1.25, or give a step as 0.5..1.1:STEP"),
    ("sweep lenet5 --alpha 0.5,,1", 2, "alpha '0.5,,1' has an empty item; write it as 0.25..1.0, 128..224:32 or 224,192"),
    ("sweep lenet5 --resolution 1..1e9", 2, "resolution '1..1e9' makes more than 10,000 points; use a larger step"),
    ("sweep lenet5@alpha=0.5 --alpha 0.5,1", 2, "model 'lenet5@alpha=0.5' sets the alpha that is run over; write lenet5 alone"),
    ("sweep lenet5 --measure 4", 2, "--measure has no effect without --bench; add --bench, or leave it out"),
    ("sweep lenet5 --bench --measure 2", 2, "--measure 2 is too few to estimate the error of the predictions; give 4 or more"),
    ("sweep lenet5 --decode 1", 2, "--decode needs the length of the prompt; add it, e.g. --prefill 512..2048:512"),
    ("show", 2, "missing argument MODEL; write profiler show mobilenet_v1, or see `profiler show --help`"),
    ("show lenet5 vgg16", 2, "unexpected argument 'vgg16'; profiler show takes no more arguments, see `profiler show --help`"),
    ("show lenet5 --depth -1", 2, "depth must be 0 (every layer) or more, not -1"),
    ("show lenet5 --depth x", 2, "--depth: 'x' is not a whole number; write it as --depth 2"),
    ("show lenet5 --top 0", 2, "top must be 1 or more, not 0"),
    ("show lenet5 --alpha", 2, "option --alpha needs a value; write it as --alpha ALPHA"),
    ("show lenet5 --alhpa 1", 2, "unknown option '--alhpa'; did you mean --alpha?"),
    ("show lenet5 --width 0.5", 2, "unknown option '--width'; did you mean --alpha?"),
    ("show lenet5 --plot=1", 2, "option --plot takes no value; leave out the = and what follows it"),
    ("show lenet5 --what-if nope", 2, "unknown rewriting 'nope'; use separable or folded"),
    ("show lenet5 --weights int3", 2, "unknown form of weights 'int3'; use fp32, fp16, bf16, fp8, int8, int8:GROUP, int4, int4:GROUP, bits=K"),
    ("show lenet5 --weights int4:0", 2, "weights in int4:0: a group has 1 weight or more; use int4:128"),
    ("show lenet5 --weights int8 -f csv", 2, "csv holds only the layers, without --weights; add -o FILE.json or -o FILE.md, or leave it out"),
    ("show lenet5 --train --zero 5", 2, "--zero 5 is not a ZeRO stage; use 0, 1, 2 or 3"),
    ("show lenet5 --train --devices 0", 2, "--devices must be 1 or more, not 0"),
    ("show lenet5 --train --optimizer nope", 2, "unknown optimizer 'nope'; use sgd, momentum, adam, adamw, adam-8bit, adamw-8bit, sgd-mixed, momentum-mixed, adam-mixed or adamw-mixed"),
    ("show lenet5 --zero 1", 2, "--zero has no effect without --train; add --train, or leave it out"),
    ("show lenet5 --prefill 8", 2, "lenet5 reads no text; --prefill, --decode and --tokens are for models of transformers, as hf:llama"),
    ("show lenet5 --peak-macs 3T", 2, "lenet5 reads no text; --prefill, --decode and --tokens are for models of transformers, as hf:llama"),
    ("show lenet5 --widths-of nope.safetensors", 3, "there is no file 'nope.safetensors'; check its path"),
    ("show lenet5 -o lenet5.xml", 2, "output 'lenet5.xml': unknown suffix '.xml'; use .txt .csv .json .jsonl .parquet .md .tex .html .speedscope.json .trace.json .mmd .dot .svg .safetensors .pdf .png .pgf"),
    ("bench", 2, "no network to measure; name one, e.g. profiler bench mobilenet_v1"),
    ("bench lenet5 --depth 3", 2, "--depth has no effect without --layers; add --layers, or leave it out"),
    ("bench lenet5 --layers --train", 2, "--layers measures forward passes only; leave out --train"),
    ("bench lenet5 --layers --compile", 2, "--layers measures the layers of an eager network, and torch.compile fuses them; leave one of them out"),
    ("bench lenet5 --layers --top1 lenet5=1", 2, "--top1 has no effect with --layers, which shows no accuracies; leave one of them out"),
    ("bench lenet5 --layers --top 0", 2, "top must be 1 or more, not 0"),
    ("formula net.py:Net", 2, "cannot infer the input of net.py:Net; pass --input 3x224x224, or --input ids=128:int64 for tokens"),
    ("verify nope", 2, "unknown network 'nope'; there are NETWORKS, e.g. …"),
    ("verify lenet5@alpha=0.5", 2, "model 'lenet5@alpha=0.5': verify uses the points of the published figures; write lenet5"),
    ("verify --table nope", 2, "unknown published table 'nope'; there are …"),
    ('verify lenet5 --table "MobileNets Table 6"', 2, "table 'MobileNets Table 6' has no figures of the networks given; leave them out"),
    ("check", 2, "no network to check; name one and a budget, e.g. profiler check mobilenet_v1 --max-macs 600M, or write [tool.profiler.budgets] in pyproject.toml"),
    ("check lenet5", 2, "lenet5 (28) has no budget; give one, e.g. --max-macs 600M, an entry in [tool.profiler.budgets], or --baseline"),
    ("check lenet5 --max-macs lots", 2, "--max-macs 'lots' is not a number; write it as 600M or 4200000"),
    ("check lenet5 --max-memory 64", 2, "--max-memory '64' needs a unit (KiB, MiB, GiB, kB, MB, GB, B); write it as 64MiB"),
    ("check lenet5 --max-latency 20", 2, "--max-latency '20' needs a unit (ns, us, µs, ms, s); write it as 30ms"),
    ("check lenet5 --max-macs 1", 1, "1 of 1 limit exceeded: lenet5 (28) MACs; make the network cheaper, or raise the budget"),
    ("check lenet5 --max-macs 1M --tolerance 5", 2, "tolerance '5' needs a unit (%); write it as 1%"),
    ("check lenet5 --baseline nope.json", 3, "there is no file 'nope.json'; save one with -o run.json"),
    ("check lenet5 --max-macs 1M --junit out.csv", 2, "--junit 'out.csv': JUnit tests need a file name that ends in .xml; rename it"),
    ("check lenet5 --max-flops 1M", 2, "unknown option '--max-flops'; limit multiply-adds by --max-macs, which are half as many as FLOPs"),
    ("fit", 2, "no limit is given; give one, e.g. --max-macs 300M or --max-params 4M"),
    ("fit --max-macs 1", 1, "nothing fits; the nearest cell is shufflenet_v2_x0_5 (α 0.25, 128); it would fit with --max-macs 1670272"),
    ("fit --max-macs 1M --min-macs 2M", 2, "--min-macs 2M is above --max-macs 1M; change one of them"),
    ("fit --max-macs 1M --task nope", 2, "unknown task 'nope'; use classification, hyperspectral, language or segmentation"),
    ("fit lenet5 --max-macs 1M --task classification", 2, "--task classification searches the networks of `profiler list`, and networks are also named; leave one of them out"),
    ("fit lenet5 --max-macs 1M --time 5s", 2, "--time has no effect without --max-latency; add --max-latency, or leave it out"),
    ("fit lenet5 --max-macs 1M --from run.json", 2, "--from run.json has no effect without --max-latency; add one, e.g. --max-latency 20ms"),
    ("fit lenet5 --max-macs 1M --multiple-of 8", 2, "--multiple-of rounds the widths of stages; add --per-stage or --stage-widths"),
    ("fit lenet5 vgg16 --max-macs 1M --per-stage 1", 2, "--per-stage and --stage-widths take exactly one network; name one, e.g. mobilenet_v1"),
    ("predict lenet5", 2, "missing option --from; give a file to predict from, e.g. --from run.json"),
    ("predict --from run.json", 2, "'run.json': this JSON is not a saved run of profiler: expected schema, command, environment and records, and there is no schema; save one with -o run.json"),
    ("predict lenet5 --from nope.csv", 3, "there is no file 'nope.csv'; check its path"),
    ("predict lenet5 --from bad.csv", 2, "'bad.csv' is not a table of latencies; it needs the columns model and latency_s or latency_ms or latency_us"),
    ("inspect", 2, "nothing to inspect; name a file, e.g. weights.safetensors, or give --model and --scheme"),
    ("inspect nope.pt", 3, "there is no file 'nope.pt'; check its path"),
    ("inspect net.py", 2, "'net.py' is not a file of weights that can be read; use one of .safetensors, .pt, .pth, .onnx, .npz, .pb, .tflite"),
    ("inspect empty.safetensors", 2, "'empty.safetensors': the file is empty; save it again, or take another copy of it"),
    ("inspect --model lenet5 --scheme nope", 2, "unknown scheme 'nope'; use deep-compression, or a file, e.g. scheme.toml"),
    ("inspect --scheme deep-compression", 2, "--scheme needs a network; name one, e.g. --model alexnet"),
    ("diff lenet5", 2, "missing argument AFTER; write profiler diff A.json B.json, or see `profiler diff --help`"),
    ("diff lenet5 nope", 2, "unknown network 'nope'; there are NETWORKS, e.g. …"),
    ("diff - -", 2, "only one of the two can be read from stdin; give the other as a file"),
    ("diff lenet5 vgg16 --top 0", 2, "top must be 1 or more, not 0"),
    ("report", 2, "missing argument FILE; write profiler report run.json, or see `profiler report --help`"),
    ("report nope.json", 3, "there is no file 'nope.json'; save one with -o run.json"),
    ("report bad.json", 2, "'bad.json': line 1: it is cut short (expecting ',' delimiter); save the run again"),
    ("report net.py", 2, "'net.py': line 1, column 1: expected the JSON of a run (expecting value); save one with -o run.json"),
    ("report text.json", 2, "'text.json': line 1: a run is an object with schema, command, environment and records, and this is a list; save one with -o run.json"),
    ("list nope", 2, "unknown network 'nope'; there are NETWORKS, e.g. …"),
    ("list --year x", 2, "year 'x' is not a number; write it as 2015"),
    ("list --task nope", 2, "unknown task 'nope'; use classification, hyperspectral, language or segmentation"),
    ("list --max-macs 1", 2, "no network meets all these conditions; leave one out, `profiler list` shows all 99"),
    ("list --native cat", 2, "no network meets all these conditions; leave one out, `profiler list` shows all 99"),
    ("selftest --threads 1,2", 2, "--threads 1,2 is a range; this command takes one value, `profiler sweep` takes ranges"),
    ("selftest --device gpu", 2, "unknown device 'gpu'; use auto, cpu, cuda, cuda:1 or mps"),
    ("lenet5", 2, "unknown command 'lenet5'; to count a network, write `profiler show lenet5`"),
    ("net.py:Net", 2, "unknown command 'net.py:Net'; to count a network, write `profiler show net.py:Net`"),
    ("shwo", 2, "unknown command 'shwo'; did you mean show?"),
    ("zzzzz", 2, "unknown command 'zzzzz'; `profiler --help` lists the commands"),
    ("--zzz", 2, "unknown option '--zzz'; `profiler --help` lists the options"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), ERRORS, ids=[words or "nothing" for words, _, _ in ERRORS])
def test_an_error_is_one_sentence(words: str, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    found = ended(monkeypatch, *shlex.split(words))
    for value, word in ((str(tmp_path), "FOLDER"), (f"there are {len(names())}", "there are NETWORKS")):
        found = found._replace(err=found.err.replace(value, word))
    found = found._replace(
        err=re.sub(
            rf"from 1 to {host.default_threads()}, (.*) for {host.default_threads()}$",
            r"from 1 to CPUS, \1 for CPUS",
            found.err,
            flags=re.MULTILINE,
        )
    )
    head, goes_on, _ = said.partition("…")
    assert found.code == code
    assert found.err.startswith(f"error: {head}") if goes_on else found.err == f"error: {said}\n"
    assert found.err.count("\n") == 1


DIALECT = re.compile(
    r"\bis none\b|(?<!there )\bis no (?!longer)[a-z]|\bare no (?!longer)[a-z]+ of\b|\bnobody\b|\bis loud\b|\bmend\b|\bends? in 1\b|to be had|\banew\b|\bsays? nothing\b"
)
"""Phrases of an English of our own; the field says "unknown", "is not a", "cannot infer", "fix", "exit code 1", "again", "has no effect"."""


def _messages() -> Iterator[tuple[str, str]]:
    """(where, text) of each string in a `raise` and in a call of a function called refuse."""
    for path in sorted([*(ROOT / "profiler").rglob("*.py"), *(ROOT / "archs").rglob("*.py"), ROOT / "cli.py"]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            refuses = isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "refuse",
                "_refuse",
            )
            if isinstance(node, ast.Raise) or refuses:
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{path.relative_to(ROOT)}:{part.lineno}", part.value


def test_no_message_is_in_dialect() -> None:
    found = [f"{where}: {text}" for where, text in _messages() if DIALECT.search(text)]
    assert not found, "\n".join(found)
