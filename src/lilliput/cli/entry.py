"""`main`: one function a verb, which calls `lilliput.flow` and prints what comes back."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

from lilliput.cli.parser import parser
from lilliput.errors import LilliputError

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; returns 0, 1 (failed), 2 (bad usage or bad input) or 130 (interrupted)."""
    grammar = parser()
    options = grammar.parse_args(arguments)
    if options.verb is None:
        grammar.print_help(sys.stderr)
        return 2
    try:
        return VERBS[options.verb](options)
    except LilliputError as error:
        print(f"lilliput {options.verb}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(f"\nlilliput {options.verb}: interrupted. {_how_to_go_on(options)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _demo(options: argparse.Namespace) -> int:
    from lilliput import flow

    with _progress() as watcher:
        result = flow.demo(options.output, resume=options.resume, workers=options.workers, watcher=watcher)
    return _show_search(options, result)


def _search(options: argparse.Namespace) -> int:
    from lilliput import flow

    with _progress() as watcher:
        result = flow.search(
            options.config, options.output, resume=options.resume, workers=options.workers, watcher=watcher
        )
    return _show_search(options, result)


def _run(options: argparse.Namespace) -> int:
    from lilliput import flow
    from lilliput.cli.tables import accuracy_table, boards_tables, bytes_table

    with _progress() as watcher:
        result = flow.run(options.config, options.output, resume=options.resume, watcher=watcher)
    if options.json:
        _print_json(result.to_json())
        return 0
    for table in (accuracy_table(result), bytes_table(result), *boards_tables(result)):
        _print(table)
    print(f"report: {result.report}")
    return 0


def _show_search(options: argparse.Namespace, result: Any) -> int:
    from lilliput.cli.tables import front_table

    if options.json:
        _print_json(result.to_json())
    else:
        measured = [row for row in result.front if row["measurement"]]
        _print(front_table(measured or result.front, f"front of {result.directory}"))
        if result.report is not None:
            print(f"report: {result.report}")
    return 0


def _front(options: argparse.Namespace) -> int:
    from lilliput import flow
    from lilliput.cli.tables import front_table

    rows = flow.front(options.run)
    if options.json:
        _print_json(rows)
    else:
        _print(front_table(rows, f"front of {options.run}"))
    return 0


def _compile(options: argparse.Namespace) -> int:
    from lilliput import flow

    found = flow.compile(
        options.model,
        options.board,
        options.output,
        data=options.data,
        optimize=options.optimize,
        patches=options.patches,
        format=options.format,
        qat=options.qat,
        mixed=options.mixed,
    )
    if options.json:
        _print_json(found.to_json())
    else:
        cost = found.cost
        print(f"{found.directory}: network '{found.name}' for {found.board}, include {found.name}.h")
        print(
            f"arena {cost.arena_bytes} B ({cost.arena_without_input_bytes} B without input), "
            f"weights {cost.weights_bytes} B, {cost.macs} MACs"
        )
        if options.mixed:
            print(f"format {found.format}, code about {cost.code_bytes} B, made for {found.optimize}")
    return 0


def _measure(options: argparse.Namespace) -> int:
    from lilliput import flow
    from lilliput.cli.tables import measurement_table, profile_table

    found = flow.measure(
        options.directory, on=options.on, data=options.data, vectors=options.vectors, cc=options.cc
    )
    if options.json:
        _print_json(found.to_json())
    else:
        for table in (measurement_table(found), profile_table(found)):
            if table is not None:
                _print(table)
    if found.mismatches:
        print(
            f"lilliput measure: {found.mismatches} of {found.vectors} vectors differ from the reference",
            file=sys.stderr,
        )
        return 1
    return 0


def _export(options: argparse.Namespace) -> int:
    from lilliput import flow

    found = flow.export(options.model, options.to, options.output, data=options.data)
    if options.json:
        _print_json(found.to_json())
    else:
        rounding = "the same bytes as the generated C" if found.exact else "rounded as TensorFlow Lite does"
        print(f"{found.path}: network '{found.name}', {found.size_bytes} B, {rounding}")
    return 0


def _info(options: argparse.Namespace) -> int:
    from lilliput import flow
    from lilliput.cli.tables import layers_table

    found = flow.info(
        options.model, options.board, optimize=options.optimize, patches=options.patches, tflm=options.tflm
    )
    if options.json:
        _print_json(found)
        return 0
    shape = " x ".join(map(str, found["input"]))
    print(f"{found['name']} ({found['stage']}): {shape} → {found['classes']} classes")
    _print(layers_table(found["layers"]))
    ram, flash = found["ram_bytes"], found["flash_bytes"]
    print(
        f"on {found['board']}: arena {ram['arena']} B ({ram['arena_without_input']} B without input),",
        end=" ",
    )
    print(f"weights {flash['weights']} B, code about {flash['code']} B, {found['macs']} MACs,", end=" ")
    waited = found["cycles_with_flash"]
    with_flash = "" if waited is None else f" ({waited} with its flash)"
    print(
        "cycles not predicted" if found["cycles"] is None else f"about {found['cycles']} cycles{with_flash}"
    )
    if "tflm_bytes" in found:
        theirs = found["tflm_bytes"]
        print(
            f"in TensorFlow Lite Micro: arena {theirs['arena']} B ({theirs['head']} B of it activations), "
            f"storage {theirs['storage']} B without the runtime"
        )
    return 0


def _report(options: argparse.Namespace) -> int:
    from lilliput import flow

    path = flow.report(options.run, options.output)
    if options.json:
        _print_json({"report": str(path)})
    else:
        print(path)
    return 0


def _boards(options: argparse.Namespace) -> int:
    from lilliput.cli.tables import plain_table, whole
    from lilliput.targets import boards

    found = boards()
    if options.json:
        _print_json([board.to_dict() for board in found])
        return 0
    rows = [
        (
            board.name,
            board.title,
            board.core.name,
            f"{board.clock_hz / 1e6:g} MHz",
            f"{board.flash_bytes // 1024} KiB",
            f"{board.ram_bytes // 1024} KiB",
            whole(board.flash_wait_states),
        )
        for board in found
    ]
    _print(plain_table("", ("board", "title", "core", "clock", "flash", "RAM", "waits"), rows))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from lilliput.cli.tables import plain_table
    from lilliput.doctor import examine, healthy

    findings = examine()
    if options.json:
        _print_json([asdict(finding) for finding in findings])
    else:
        rows = [(found.name, found.state, found.detail, found.hint) for found in findings]
        _print(plain_table("", ("what", "state", "found", "what to do"), rows))
    return 0 if healthy(findings) else 1


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": _demo,
    "search": _search,
    "run": _run,
    "front": _front,
    "compile": _compile,
    "measure": _measure,
    "export": _export,
    "info": _info,
    "report": _report,
    "boards": _boards,
    "doctor": _doctor,
}


def _progress() -> Any:
    from rich.console import Console

    from lilliput.cli.progress import ProgressBar

    return ProgressBar(Console(stderr=True))


def _how_to_go_on(options: argparse.Namespace) -> str:
    if options.verb not in ("search", "run", "demo"):
        return "Nothing was left half-written."
    words = ["lilliput", options.verb, *([] if options.verb == "demo" else [str(options.config)])]
    words += ["-o", str(options.output), "--resume"]
    if options.verb != "run" and options.workers is not None:
        words += ["--workers", str(options.workers)]
    kept = "steps" if options.verb == "run" else "trials"
    return f"Finished {kept} are kept; go on with:\n  {shlex.join(words)}"


def _print(table: Any) -> None:
    from rich.console import Console

    # A pipe gets all columns on one line, whatever the width of the terminal is.
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))
