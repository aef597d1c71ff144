"""The house rules, as assertions."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.config import Settings
from local.cloudformation import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "layers" / "fieldlink" / "fieldlink"
ADAPTERS = sorted((HOUSE / "adapters").glob("[!_]*.py"))
FUNCTIONS = sorted((ROOT / "functions").glob("*.py"))
LOCAL = sorted((ROOT / "local").rglob("*.py"))
TEMPLATE = read_template(ROOT / "template.yaml")

# Modules of the house that are no rules: each may reach what the others may not.
NO_RULES = {
    "__init__": "says what kinds of module there are",
    "alarms": "what is logged for the alarms to count",
    "at_once": "the loop of the door on the queues that may hold very much",
    "closing": "what both loops end with",
    "config": "the one place that reads the environment",
    "observability": "the one logger and the one set of metrics",
    "wiring": "introduces adapters to rules",
    "worker": "the loop of the doors on queues",
}
ROOMS = sorted(path.parent for path in HOUSE.glob("*/__init__.py"))
RULES = sorted(
    path
    for path in HOUSE.rglob("*.py")
    if path.parent.name != "adapters" and path.stem not in NO_RULES
)

OUTSIDE = {
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "fieldlink.adapters",
    "fieldlink.config",
    "fieldlink.observability",
    "fieldlink.wiring",
    "fieldlink.worker",
    "http.client",
    "logging",
    "os",
    "random",
    "requests",
    "secrets",
    "socket",
    "subprocess",
    "time",
    "urllib.request",
    "urllib3",
}
EXCEPTIONS = {
    ("pages", "aws_lambda_powertools"): "it makes the resolver's own answers to a browser",
}
SHARED = {
    "errors",
    "ids",
    "models",
    "ports",
    "practice",
    "records",
}  # what adapters may know of the house
VENDORS = {
    "aws": {"botocore", "urllib3"},
    "aws_answers": {"urllib3"},
    "hypertrack_rest": {"requests"},
    "salesforce_examination": {"requests"},
    "salesforce_oauth": {"cryptography", "jwt", "requests"},
    "salesforce_looks": {"pydantic_core"},
    "salesforce_rest": {"pydantic_core", "requests"},
}
TO_TYPE_ONLY = {("aws", "fieldlink.config")}  # AwsAccess, which is handed in

MOST_LINES_OF_A_FUNCTION = 30
MOST_LINES_OF_A_MODULE = 200
LONG_FUNCTIONS = {
    ("salesforce_soql_work", "view_queries"): "the text of five queries",
}
LONGER = {
    "models.py": 620,  # nouns only
    "records.py": 755,  # likewise
    "hypertrack.py": 230,
    "ledger.py": 210,  # its rows, and the chain over them
    "console.py": 400,  # a route, or an action, each
    "ports.py": 510,  # Protocols only
    "transitions.py": 220,  # one table
    "wiring.py": 330,  # introductions only
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path, *, types: bool = True) -> set[str]:
    """The modules that a file imports; `types`: also those that are there for mypy alone."""
    return {each for node in _nodes(tree(path), types=types) for each in _imported(node)}


OF_PROCESSORS = {"os.getpid", "os.sched_getaffinity", "os.sched_setaffinity"}


def takes_all_of(module: str, path: Path) -> bool:
    """Whether a file imports a module itself, and not only some names of it."""
    plain = (each for each in ast.walk(tree(path)) if isinstance(each, ast.Import))
    return any(alias.name == module for each in plain for alias in each.names)


def _nodes(node: ast.AST, *, types: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if types or not for_types:
            yield child
            yield from _nodes(child, types=types)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "no relative imports"
        module = node.module or ""
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def reaches(module: str, of: set[str]) -> set[str]:
    """Which of these modules a module is, or lies in."""
    return {each for each in of if module == each or module.startswith(f"{each}.")}


def of_house(path: Path) -> set[str]:
    """The modules of the house that a file imports."""
    known = {each.stem for each in [*HOUSE.glob("*.py"), *ROOMS]}
    parts = [each.split(".") for each in imports(path) if each.startswith("fieldlink.")]
    return {part[1] for part in parts if part[1] in known}


# ── rooms ─────────────────────────────────────────────────────────────────────


def test_every_room_of_the_house_says_what_it_is_for_and_is_in_the_plan() -> None:
    plan = ast.get_docstring(tree(HOUSE / "__init__.py")) or ""

    for room in ROOMS:
        words = ast.get_docstring(tree(room / "__init__.py"))
        assert words, room
        assert f"{room.name}/" in plan, room


def test_a_module_is_found_by_its_name_alone() -> None:
    names = [path.stem for path in HOUSE.rglob("*.py") if path.stem != "__init__"]

    assert sorted(names) == sorted(set(names))


# ── direction ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", RULES, ids=name)
def test_rules_know_nothing_of_the_outside(path: Path) -> None:
    outside = {found for each in imports(path) for found in reaches(each, OUTSIDE)}

    assert {each for each in outside if (path.stem, each) not in EXCEPTIONS} == set()


def test_every_exception_is_still_needed() -> None:
    for module, outside in EXCEPTIONS:
        [path] = HOUSE.rglob(f"{module}.py")
        found = {each for each in imports(path) if reaches(each, {outside})}
        assert found, (module, outside)


@pytest.mark.parametrize("path", RULES, ids=name)
def test_rules_are_handed_the_time_and_never_take_it(path: Path) -> None:
    taken = {
        ast.unparse(node.func)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"datetime.now", "datetime.utcnow", "date.today"}
    }

    assert taken == set()


@pytest.mark.parametrize("path", ADAPTERS, ids=name)
def test_an_adapter_knows_the_shared_words_its_neighbours_and_one_vendor(path: Path) -> None:
    known = of_house(path) - SHARED - {"adapters"}
    vendors = {each.partition(".")[0] for each in imports(path)} - set(sys.stdlib_module_names)

    assert {each for each in known if (path.stem, f"fieldlink.{each}") not in TO_TYPE_ONLY} == (
        set()
    )
    assert vendors - {"fieldlink", "pydantic"} <= VENDORS.get(path.stem, set())


@pytest.mark.parametrize("path", ADAPTERS, ids=name)
def test_an_adapter_never_reads_the_environment(path: Path) -> None:
    assert not [each for each in imports(path, types=False) if reaches(each, {"os"})]
    assert not [each for each in imports(path, types=False) if "config" in each]


@pytest.mark.parametrize("path", FUNCTIONS, ids=name)
def test_doors_know_rules_and_wiring_and_no_vendor(path: Path) -> None:
    forbidden = {"boto3", "botocore", "fieldlink.adapters", "os", "requests", "urllib3"}

    assert not {found for each in imports(path) for found in reaches(each, forbidden)}


@pytest.mark.parametrize("path", [*RULES, *ADAPTERS], ids=name)
def test_the_house_does_not_know_its_doors(path: Path) -> None:
    assert not {
        found for each in imports(path) for found in reaches(each, {"functions", "local"})
    }


@pytest.mark.parametrize("path", LOCAL, ids=name)
def test_what_runs_at_a_desk_shares_nothing_with_the_bundle(path: Path) -> None:
    ours = {
        found for each in imports(path) for found in reaches(each, {"fieldlink", "functions"})
    }

    assert ours <= {"functions"} if path.name == "bench.py" else ours == set()


def test_the_environment_is_read_in_one_place() -> None:
    readers = [
        path.stem
        for path in [*HOUSE.rglob("*.py"), *FUNCTIONS]
        if {each for each in imports(path) if each.startswith("os.")} - OF_PROCESSORS
        or takes_all_of("os", path)
    ]

    assert readers == ["config"]


# ── code and template ─────────────────────────────────────────────────────────


def functions_of_the_template() -> dict[str, dict[str, Any]]:
    return {
        name: each["Properties"]
        for name, each in TEMPLATE["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function"
    }


def test_every_function_of_the_template_is_a_file_and_every_file_a_function() -> None:
    files = {"".join(part.title() for part in path.stem.split("_")) for path in FUNCTIONS}

    assert set(functions_of_the_template()) == files


def test_a_functions_handler_is_in_the_file_that_is_called_as_it() -> None:
    for logical, properties in functions_of_the_template().items():
        stem = properties["Handler"].removesuffix(".lambda_handler")
        assert "".join(part.title() for part in stem.split("_")) == logical


def test_every_door_has_a_handler() -> None:
    for path in FUNCTIONS:
        defined = {node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)}
        assert "lambda_handler" in defined, path


def test_settings_and_template_name_the_same_variables() -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]

    assert {field.upper() for field in Settings._fields} == set(variables)


def test_no_function_has_variables_of_its_own() -> None:
    assert not [each for each in functions_of_the_template().values() if "Environment" in each]


# ── what a door costs ─────────────────────────────────────────────────────────


def test_the_webhook_door_starts_without_pydantic_powertools_and_boto3() -> None:
    script = "import sys, receive_webhook; print('\\n'.join(sys.modules))"
    environment = {"PYTHONPATH": f"{ROOT / 'functions'}:{HOUSE.parent}"}
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    loaded = {module.partition(".")[0] for module in ended.stdout.split()}
    assert "fieldlink" in loaded
    assert not loaded & {"pydantic", "aws_lambda_powertools", "boto3", "requests", "jinja2"}


# ── size ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [*sorted(HOUSE.rglob("*.py")), *FUNCTIONS], ids=name)
def test_no_module_and_no_function_grows_out_of_sight(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    }

    assert lines <= LONGER.get(path.name, MOST_LINES_OF_A_MODULE)
    assert {each for each in long if (path.stem, each) not in LONG_FUNCTIONS} == set()


@pytest.mark.parametrize("path", [*sorted(HOUSE.rglob("*.py")), *FUNCTIONS, *LOCAL], ids=name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)), path
