"""``python -m benchmarks``: one command for each of the figures in docs/benchmarks."""

from importlib import import_module

from benchmarks.pages import main

__all__ = ["main"]

for _module in (
    *("rates", "schedule", "easy", "safety", "safety_pictures", "claims", "checkouts", "hostile"),
    *("runtimes", "tiles", "isolation", "concurrency", "batch", "load", "soak", "scaling"),
):
    import_module(f"benchmarks.{_module}")

if __name__ == "__main__":
    main()
