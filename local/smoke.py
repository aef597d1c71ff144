"""Imports every built handler where nothing but function, layer and Lambda's runtime is found.

So a dependency that the bundle does not carry fails here and not in Lambda.
"""

import subprocess
import sys
from pathlib import Path

from local.cloudformation import read_template
from local.runtime import BUILT, OF_LAMBDA, PYTHON, functions_of

IMPORT = "import sys, importlib; importlib.import_module(sys.argv[1]).lambda_handler"


def main() -> int:
    template = read_template(BUILT / "template.yaml")
    functions = functions_of(template)
    failed = [name for name, each in functions.items() if not _imports(each)]
    alone = _of_one_processor(BUILT / "Layer" / "python")
    sys.stdout.write(f"{len(functions) - len(failed)} of {len(functions)} handlers import\n")
    if failed or alone:
        sys.stderr.write(f"not importable: {failed}, built for one processor: {alone}\n")
    return bool(failed or alone)


def _imports(function: dict[str, str]) -> bool:
    folder = BUILT / function["CodeUri"]
    path = f"{folder}:{BUILT / 'Layer' / 'python'}:{OF_LAMBDA}"
    module = function["Handler"].rpartition(".")[0]
    # -S hides the interpreter's own packages, -B leaves the build as it is.
    command = [str(PYTHON), "-S", "-B", "-c", IMPORT, module]
    return subprocess.run(command, cwd="/", env={"PYTHONPATH": path}).returncode == 0


def _of_one_processor(layer: Path) -> list[str]:
    """Compiled files that lack their twin for the other of x86_64 and arm64."""
    found = {str(path.relative_to(layer)) for path in layer.rglob("*.so")}
    twins = {name: name.replace("-x86_64-", "-aarch64-") for name in found}
    back = {name: name.replace("-aarch64-", "-x86_64-") for name in found}
    return sorted(name for name in found if {twins[name], back[name]} - found)


if __name__ == "__main__":
    sys.exit(main())
