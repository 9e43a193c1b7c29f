"""Command line: ``python -m benchmarks NAME [options]``."""

import argparse

from benchmarks import (
    ablation,
    accumulator,
    annotators,
    audit,
    check,
    command_line,
    detection,
    epoch_step,
    evidence,
    flipped_digits,
    folds,
    footprint,
    golden,
    hops,
    memory,
    overhead,
    page,
    peers,
    ratios,
    reading,
    reasons,
    scale,
    selection,
    stages,
)

MODULES = (
    *(overhead, memory, accumulator, command_line, stages, flipped_digits, reading),
    *(folds, selection, detection, ablation, audit, annotators, reasons, scale, golden),
    *(hops, footprint, ratios, evidence, epoch_step, page, check, peers),
)
BENCHMARKS = {module.__name__.rpartition(".")[2]: module for module in MODULES}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, module in BENCHMARKS.items():
        summary = module.__doc__.partition("\n")[0]
        # argparse formats help, but not a description, with %.
        escaped = summary.replace("%", "%%")
        command = commands.add_parser(name, help=escaped, description=summary)
        command.add_argument(
            "--quick",
            action="store_true",
            help="few rows, few rounds: does it run? Its figures mean nothing",
        )
        module.add_arguments(command)
    arguments = parser.parse_args()
    BENCHMARKS[arguments.name].run(arguments)


if __name__ == "__main__":
    main()
