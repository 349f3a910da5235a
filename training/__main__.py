"""`python -m training COMMAND`: show, train, export, calibrate, evaluate."""

from __future__ import annotations

import argparse
from pathlib import Path


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="write a sheet of scenes with their labels")
    show.add_argument(
        "stock", type=Path, help="the folder of pictures that scenes are made of; made if missing"
    )
    show.add_argument("sheet", type=Path)
    show.add_argument("--seed", type=int, default=0)
    train = commands.add_parser("train", help="train from the last state on")
    train.add_argument("folder", type=Path, help="where the state and the stock of pictures are kept")
    train.add_argument("--minutes", type=float, default=60)
    train.add_argument("--start", type=Path, help="weights to start from where the folder has no state")
    train.add_argument("--rate", type=float, default=2e-3, help="the learning rate")
    train.add_argument("--decay", action="store_true", help="let the rate fall to nothing by the end")
    train.add_argument(
        "--bfloat16", action="store_true", help="faster with AVX512-BF16, ten times slower without"
    )
    export = commands.add_parser("export", help="write the averaged weights as ONNX with 16-bit weights")
    export.add_argument("state", type=Path)
    export.add_argument("model", type=Path)
    export.add_argument("--weights", type=Path, help="also write them to start another training from")
    calibrate = commands.add_parser("calibrate", help="measure what an exported network's scores mean")
    calibrate.add_argument("model", type=Path)
    calibrate.add_argument("stock", type=Path)
    calibrate.add_argument("--scenes", type=int, default=2000)
    evaluate = commands.add_parser("evaluate", help="measure an exported network")
    evaluate.add_argument("model", type=Path)
    evaluate.add_argument("photographs", type=Path, help="category/name.txt, a picture beside each")
    evaluate.add_argument("--empty", type=Path, action="append", default=[], help="a folder without QR codes")
    evaluate.add_argument("--look", type=int, default=640, help="longer side in pixels")
    evaluate.add_argument("--threshold", type=float, default=0.8)
    evaluate.add_argument("--no-closer", action="store_true", help="without the second look at each symbol")
    evaluate.add_argument("--names", action="store_true", help="name the pictures that went wrong")
    return parser.parse_args()


def main() -> None:
    """Run one command."""
    arguments = _read_arguments()
    if arguments.command == "train":
        from training.fit import train

        train(
            arguments.folder, arguments.minutes, arguments.rate, arguments.decay, arguments.bfloat16,
            arguments.start,
        )  # fmt: skip
    elif arguments.command == "show":
        from training.show import show

        show(arguments.stock, arguments.seed, arguments.sheet)
    elif arguments.command == "export":
        from training.export import export

        export(arguments.state, arguments.model, arguments.weights)
    elif arguments.command == "calibrate":
        from training.calibrate import calibrate

        calibrate(arguments.model, arguments.stock, arguments.scenes)
    else:
        from training.evaluate import print_evaluation

        print_evaluation(
            arguments.model, arguments.photographs, arguments.empty, arguments.look, arguments.threshold,
            closer=not arguments.no_closer, names=arguments.names,
        )  # fmt: skip


if __name__ == "__main__":
    main()
