#!/bin/sh
# Makes the project's virtual environment, .venv, and says what the machine lacks.
#
#   tools/environment.sh run    what `lilliput` needs
#   tools/environment.sh dev    the same, and the tools for tests and lint
#   tools/environment.sh bench  the same, and the programs that benchmarks compare with
#
# Does nothing when the environment is up to date.  PYTHON=... and CC=... choose other programs.  Needs no root.
set -eu
cd "$(dirname "$0")/.."

profile=${1:-run}
venv=.venv

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
}

# Without the compiler of embedded developers, pip's zig takes its place.
extras=
[ "$profile" = dev ] && extras=dev
[ "$profile" = bench ] && extras=dev,bench
if ! command -v arm-none-eabi-gcc >/dev/null 2>&1; then
    extras="${extras:+$extras,}zig"
fi

python=$(find_python)
missing=
if [ -z "$python" ]; then
    found="there is no python3"
    if command -v python3 >/dev/null 2>&1; then
        found="python3 is $(python3 --version 2>&1)"
    fi
    missing="$missing
  Python 3.11 or newer ($found)
      Debian, Ubuntu: apt install python3 python3-venv    Fedora: dnf install python3    macOS: brew install python
      or name one:    make PYTHON=/path/to/python3.12 demo"
fi
compiler=${CC:-cc}
if ! command -v "${compiler%% *}" >/dev/null 2>&1; then
    missing="$missing
  a C compiler called '$compiler' (accuracy is measured with the generated C on this machine)
      Debian, Ubuntu: apt install gcc libc6-dev    Fedora: dnf install gcc    macOS: xcode-select --install
      or name one:    make CC=clang demo"
fi
if [ -n "$missing" ]; then
    echo "This machine lacks:$missing" >&2
    exit 1
fi

# The stamp holds everything that the installed set depends on, so that a change of any of it installs again.
wanted=$(
    echo "$extras"
    "$python" --version
    cat pyproject.toml constraints.txt
)
for stamp in "$venv/.installed-$profile" "$venv/.installed-dev"; do
    if [ -x "$venv/bin/python" ] && [ -f "$stamp" ]; then
        # What is installed for development is enough to run.
        [ "$(cat "$stamp")" != "$wanted" ] || exit 0
        [ "$profile" != run ] || [ "$(sed '1s/^dev,\{0,1\}//' "$stamp")" != "$wanted" ] || exit 0
    fi
done

if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "environment: making $venv with $("$python" --version) ($python)" >&2
    rm -rf "$venv"
    if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
        # Debian keeps ensurepip in a package of its own; a pip outside can stand in for it.
        rm -rf "$venv"
        if ! { "$python" -m venv --without-pip "$venv" &&
            "$python" -m pip --python "$venv/bin/python" install --quiet pip; } >/dev/null 2>&1; then
            rm -rf "$venv"
            echo "This machine lacks:
  the venv module of $python, or a pip to stand in for it
      Debian, Ubuntu: apt install python3-venv
      or name another Python: make PYTHON=/path/to/python3.12 demo" >&2
            exit 1
        fi
    fi
fi

echo "environment: installing lilliput${extras:+[$extras]} into $venv (PyTorch is large; a few minutes)" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".${extras:+[$extras]}"
printf '%s\n' "$wanted" >"$venv/.installed-$profile"
