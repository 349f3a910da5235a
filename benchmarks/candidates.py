"""The steps that `schedule` tries, on the whole picture and on regions."""

from __future__ import annotations

from itertools import product

FIRST = "zxing raw"
# The finder search comes next, whatever it reads by itself: what it locates decides whether the
# expensive steps are run at all.
SECOND = "finders <=1200px"
# What these two locate is also given to the grid reader's first stage, before any other step.
GRID = "grid fit"
# An engine's name and the view, as steps are written, and the views that are tried.
_WHOLE = (
    ("zxing {}", "x0.5 x1.4 x2 blur3 blur7 median5 unsharp clahe background"),
    ("zxing {}", "equalize+otsu gamma0.5 gamma2 adaptive71 invert pad"),
    ("zxing <=1200px+{}", "raw clahe background blur3 unsharp"),
    ("zxing >=1600px+{}", "raw background blur3 unsharp"),
    ("zbar <=500px+{}", "raw blur3 otsu adaptive31 background"),
    ("zbar <=800px+{}", "raw blur3 otsu adaptive31 background"),
    ("zbar <=1200px+{}", "raw blur3 adaptive31"),
    ("zbar {}", "raw blur7"),
    ("zbar >=800px+{}", "raw adaptive31"),
    ("zbar >=1600px+{}", "raw adaptive31"),
    ("aruco <={}px", "800 1200"),
    ("opencv <={}px", "800"),
    ("finders <={}px", "800 1200 1600"),
)
_REGION = (
    "raw blur3 blur7 unsharp otsu background background+blur7 clahe gamma0.5 gamma2 "
    "adaptive31 blur3+adaptive31"
)
WHOLE = tuple(step.format(view) for step, views in _WHOLE for view in views.split())
REGION = {
    f"{engine} region{side}px+{tone}": (engine, side, tone)
    for side, tone, engine in product((120, 160, 200, 320, 400, 640), _REGION.split(), ("zxing", "zbar"))
}
