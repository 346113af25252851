"""Coverage-guided fuzzing of everything that reads foreign bytes; `make fuzz` calls it.

    python -m tests.fuzz.run SECONDS [TARGET ...]

Inputs that reach new code are kept in .fuzz/ and used again the next time.  An input that makes a target
fail is left in .fuzz/failures/: it belongs into tests/regression, with its test.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parents[2] / ".fuzz"
FAILURES = CORPUS / "failures"
MOST_MEGABYTES = 1500
MOST_SECONDS_OF_ONE_INPUT = 20
LONGEST_INPUT_BYTES = 1 << 14
SHARES = {"tflite": 4, "network": 2}
"""How much of the time a target gets where others get 1: models come from anywhere, configurations do not."""


def main(arguments: list[str]) -> int:
    """Fuzzes the targets one after the other, each for its share of the time; 0 if none failed."""
    if importlib.util.find_spec("atheris") is None:
        print("nothing fuzzed: the package atheris is not installed (it has wheels for Linux on x86-64)")
        return 0
    seconds, names = int(arguments[0]), arguments[1:]
    from tests.fuzz.seeds import SEEDS

    names = names or list(SEEDS)
    FAILURES.mkdir(parents=True, exist_ok=True)
    shares = {name: SHARES.get(name, 1) for name in names}
    failed = []
    for name in names:
        share = str(seconds * shares[name] // sum(shares.values()))
        folder = CORPUS / name
        folder.mkdir(exist_ok=True)
        for number, seed in enumerate(SEEDS[name]()):
            (folder / f"seed{number}").write_bytes(seed)
        print(f"fuzzing {name} for {share} s", flush=True)
        command = [sys.executable, "-m", "tests.fuzz.run", "--target", name, share]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    for name in failed:
        print(f"{name} failed: the inputs lie in {FAILURES}")
    return 1 if failed else 0


def fuzz(name: str, seconds: str) -> None:
    """Fuzzes one target; never returns."""
    import atheris

    with atheris.instrument_imports(include=["lilliput"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS

    options = [
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={MOST_MEGABYTES}",
        f"-timeout={MOST_SECONDS_OF_ONE_INPUT}",
        f"-max_len={LONGEST_INPUT_BYTES}",
        f"-artifact_prefix={FAILURES}/{name}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--target"]:
        fuzz(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
