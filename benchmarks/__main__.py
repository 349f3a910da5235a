"""``python -m benchmarks``: one command for each of the figures in docs/benchmarks."""

from importlib import import_module

from benchmarks.commands import main

__all__ = ["main"]

for _module in (
    *("run", "schedule", "easy", "safety", "safety_pictures", "curves", "claims", "checkouts", "hostile"),
    *("runtimes", "tiles", "isolation", "concurrency", "batch", "load", "soak", "scaling", "cluster"),
):
    import_module(f"benchmarks.{_module}")

if __name__ == "__main__":
    main()
