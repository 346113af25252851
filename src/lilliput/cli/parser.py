"""The command line's grammar: verbs, options, help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from lilliput import __version__

_QAT_EPOCHS = 3

DESCRIPTION = """\
Finds, trains, compresses and compiles neural networks that fit a given microcontroller, and measures them on
an emulated one.  Data go to stdout, everything else to stderr.
Exit status: 0, 1 (failed), 2 (bad usage or bad input), 130 (interrupted).
"""

EPILOG = """\
A first look:        lilliput demo
Your own data:       lilliput search examples/own-images.toml -o run && lilliput front run
What is missing:     lilliput doctor
"""


def parser() -> argparse.ArgumentParser:
    """The parser of `lilliput`; every verb and option has a help text."""
    top = argparse.ArgumentParser(
        prog="lilliput",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument(
        "--version", action="version", version=f"lilliput {__version__}", help="print the version and exit"
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    _add_demo(verbs)
    _add_search(verbs)
    _add_run(verbs)
    _add_front(verbs)
    _add_compile(verbs)
    _add_measure(verbs)
    _add_export(verbs)
    _add_info(verbs)
    _add_report(verbs)
    _add_boards(verbs)
    _add_doctor(verbs)
    return top


Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _verb(verbs: Verbs, name: str, summary: str, more: str = "") -> argparse.ArgumentParser:
    found = verbs.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{more}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    found.add_argument("--json", action="store_true", help="print one JSON value to stdout instead of text")
    return found


def _add_demo(verbs: Verbs) -> None:
    demo = _verb(
        verbs,
        "demo",
        "data in the box to C that ran on an emulated Cortex-M4, with a report",
        "A small real search on handwritten digits; a few minutes on two cores.",
    )
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("lilliput-demo"),
        metavar="RUN",
        help="folder for the results",
    )
    demo.add_argument("--resume", action="store_true", help="go on with a demo that was interrupted")
    _add_workers(demo)


def _add_search(verbs: Verbs) -> None:
    search = _verb(
        verbs,
        "search",
        "search networks that fit a board and a budget, train them and measure the best",
        "Ctrl-C or a crash loses the trials in flight at most; --resume goes on as if nothing had happened.",
    )
    search.add_argument("config", type=Path, metavar="CONFIG.toml", help="what to search for; see examples/")
    search.add_argument(
        "-o", "--output", type=Path, required=True, metavar="RUN", help="folder for the results"
    )
    search.add_argument("--resume", action="store_true", help="go on with the search in RUN")
    _add_workers(search)


def _add_workers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="local processes that train at the same time; overrides the file",
    )


def _add_run(verbs: Verbs) -> None:
    run = _verb(
        verbs,
        "run",
        "train given models, bring them into formats, and compare them on boards (MicroAI's flow)",
        "What was finished stays, whatever ends the process; --resume goes on, also with added models.",
    )
    run.add_argument(
        "config", type=Path, metavar="EXPERIMENT.toml", help="experiment; see docs/experiments.md"
    )
    run.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder for the results")
    run.add_argument("--resume", action="store_true", help="go on with the experiment in RUN")


def _add_front(verbs: Verbs) -> None:
    front = _verb(verbs, "front", "the Pareto front of a search: error against RAM, flash, MACs")
    front.add_argument("run", type=Path, metavar="RUN", help="folder of the search")


def _add_compile(verbs: Verbs) -> None:
    compile_ = _verb(
        verbs,
        "compile",
        "turn a network into a C library for a board",
        "MODEL is a .safetensors or .tflite file, a folder that compile wrote, or RUN#TRIAL for a\n"
        "trial of a search.\n"
        "DIR is written whole or not at all.",
    )
    compile_.add_argument("model", metavar="MODEL", help=".safetensors or .tflite file, folder, or RUN#TRIAL")
    compile_.add_argument(
        "--board", required=True, help="name of a board (see lilliput boards) or a .toml file"
    )
    compile_.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the C files"
    )
    _add_optimize(compile_)
    compile_.add_argument(
        "--data",
        metavar="NAME",
        help="data set, configuration file or folder whose training examples give a float network its ranges",
    )
    compile_.add_argument(
        "--format",
        metavar="FORMAT",
        help="number format of a float network: float32, int8 (default), int16x8, qmn8, qmn16, or wNaM with "
        "N and M from 1 to 8; FORMAT,OP=FORMAT,… gives ops another one",
    )
    compile_.add_argument(
        "--qat",
        nargs="?",
        type=_count,
        const=_QAT_EPOCHS,
        metavar="EPOCHS",
        help="fine-tune a float network in its format on the data of --data (quantization-aware training); "
        f"{_QAT_EPOCHS} epochs if no number is given",
    )
    compile_.add_argument(
        "--mixed",
        metavar="BUDGET",
        help="choose 2 to 8 bits for the weights of each layer of a float network by the loss that they "
        "cause on --data, so that it keeps flash=20kB, ram=8kB, or both with a comma",
    )


def _add_measure(verbs: Verbs) -> None:
    measure = _verb(
        verbs,
        "measure",
        "build a compiled network, run it, and compare every byte with the reference",
        "Leaves firmware.elf in DIR.  A figure that was not measured is null.",
    )
    measure.add_argument("directory", type=Path, metavar="DIR", help="what lilliput compile wrote")
    measure.add_argument(
        "--on",
        choices=("host", "emulator", "board"),
        default="emulator",
        help="where to run: this machine, an emulated core (default), or a board on a debug probe",
    )
    measure.add_argument(
        "--data",
        metavar="NAME[:SPLIT]",
        help="also take the accuracy of the C over a split (train, validation or test, the default); "
        "NAME is a data set, a configuration file, or the folder of a search or an experiment",
    )
    measure.add_argument(
        "--vectors",
        nargs=2,
        type=Path,
        metavar=("IN.npy", "OUT.npy"),
        help="run the rows of one .npy file and write the output rows to another",
    )
    measure.add_argument(
        "--cc", metavar="COMPILER", help="C compiler to use instead of the one that is found"
    )


def _add_export(verbs: Verbs) -> None:
    export = _verb(
        verbs,
        "export",
        "write a network in the format of another program",
        "tflite: a model for TensorFlow Lite Micro.  An imported network gives the same bytes there.\n"
        "One that was trained here is rounded there as TensorFlow Lite does: a value may differ by a step.",
    )
    export.add_argument(
        "model", metavar="MODEL", help=".safetensors or .tflite file, compiled folder, or RUN#TRIAL"
    )
    export.add_argument("--to", required=True, choices=("tflite",), help="which format: tflite")
    export.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where to write it")
    export.add_argument(
        "--data",
        metavar="NAME",
        help="data set, configuration file or folder whose training examples give a float network its ranges",
    )


def _add_info(verbs: Verbs) -> None:
    info = _verb(verbs, "info", "layers, MACs, RAM over time and flash of a network")
    info.add_argument("model", metavar="MODEL", help=".safetensors or .tflite file, folder, or RUN#TRIAL")
    info.add_argument("--board", help="name of a board or a .toml file; generic-m4 if not given")
    _add_optimize(info)
    info.add_argument(
        "--tflm",
        action="store_true",
        help="also what TensorFlow Lite Micro would need for the same network: storage and arena, predicted",
    )


def _add_optimize(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--optimize",
        choices=("speed", "ram", "flash"),
        help="what counts where one costs another; what the model was made for if not given",
    )
    verb.add_argument(
        "--patches",
        type=int,
        metavar="N",
        help="run the first layers in N rows and N columns of patches; 0 for none",
    )


def _add_report(verbs: Verbs) -> None:
    report = _verb(verbs, "report", "write a search's report as one HTML file")
    report.add_argument("run", type=Path, metavar="RUN", help="folder of the search")
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.html",
        help="where to write it; RUN/report.html if not given",
    )


def _add_boards(verbs: Verbs) -> None:
    _verb(verbs, "boards", "the boards that Lilliput knows, with core, clock and memories")


def _add_doctor(verbs: Verbs) -> None:
    _verb(verbs, "doctor", "what is on this machine and what is missing: compilers, emulators, data sets")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 on")
    return int(text)
