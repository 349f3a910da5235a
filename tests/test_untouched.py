"""Loading and running QReader's models changes nothing else in the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.neural

COMPARE = """
import builtins, gc, locale, logging, os, random, signal, sys, threading, warnings
from pathlib import Path

import cv2, matplotlib, numpy, PIL.Image, PIL.ImageFile, torch
import torch._dynamo  # Which wraps functions of torch, and would otherwise be imported on the way.

from qrcascade import Cascade, Frame, QReaderStrategy
from tests import draw
from tests.test_formats import encoded


def replaceable():
    pictures = PIL.Image, PIL.ImageFile, cv2, torch, numpy, matplotlib
    for module in (builtins, os, warnings, signal, logging, *pictures):
        for name, value in vars(module).items():
            if callable(value):
                yield f"{module.__name__}.{name}", value


def state():
    known = logging.root.manager.loggerDict.items()
    levels = {name: logger.level for name, logger in known if isinstance(logger, logging.Logger)}
    variables = dict(os.environ)
    # Torch itself sets this one when it first runs a network.
    variables.pop("TORCHINDUCTOR_CACHE_DIR", None)
    return {
        **dict(replaceable()),
        "environment": variables,
        "warnings": list(warnings.filters),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads(), cv2.getNumThreads()),
        "printing": (numpy.get_printoptions(), dict(vars(torch._tensor_str.PRINT_OPTS))),
        "arithmetic": (numpy.geterr(), torch.get_default_dtype(), torch.is_grad_enabled()),
        "determinism": (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic),
        "chance": (random.getstate(), numpy.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()),
        "backend": matplotlib.get_backend(),
        "settings": dict(matplotlib.rcParams),
        "logging": (logging.root.level, list(logging.root.handlers)),
        "levels": {name: level for name, level in levels.items() if name.split(".")[0] != "ultralytics"},
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "importing": (list(sys.path), list(sys.meta_path)),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "others": (os.getcwd(), locale.setlocale(locale.LC_ALL), gc.get_threshold()),
        "pixels": (PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES),
    }


before = state()
reader = Cascade([QReaderStrategy("n", weights_folder=Path(sys.argv[1]), runtime="torch")])
result = reader.read(draw.symbol("https://example.com/neural", scale=8)[0])
assert result.text == "https://example.com/neural" and not result.errors, result
assert "ultralytics" in sys.modules
after = state()
new = {name: level for name, level in after["levels"].items() if name not in before["levels"]}
after["levels"] = {name: level for name, level in after["levels"].items() if name not in new}
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
assert not any(new.values()), new
for kind in ("WEBP", "TIFF", "JPEG2000", "AVIF", "PNG"):
    if kind != "AVIF" or "AVIF" in PIL.Image.SAVE:
        assert Frame.load(encoded(kind)).size == (64, 64)
"""


def test_a_model_leaves_the_process_as_it_was(nano_weights: Path) -> None:
    command = [sys.executable, "-c", COMPARE, str(nano_weights)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stderr, run.stdout, run.returncode) == ("", "", 0)
