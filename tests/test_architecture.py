"""The walls of the house: who may import what, what no module may do, what every module must say."""

import ast
import inspect
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from bot.callbacks.actions import Action
from bot.callbacks.codec import CODES
from bot.chat.actions import ACTIONS
from bot.chat.commands import HANDLERS
from bot.messages.commands import COMMANDS

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for folder in ("bot", "storage") for path in (ROOT / folder).rglob("*.py") if path.is_file()
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MODULES = [path for path in SOURCES if "versions" not in path.parts and path.name != "env.py"]

# May import python-telegram-bot: the Bot API client, the chat handlers, and the wiring.
MAY_IMPORT_TELEGRAM = (
    "bot/telegram/", "bot/chat/", "bot/delivery/messenger.py", "bot/service.py", "bot/wiring.py",
    "bot/update_receiver.py", "bot/cli/console.py", "bot/cli/run.py",
    "bot/cli/check.py", "bot/cli/init.py",
)  # fmt: skip
WALLS = {
    "telegram": MAY_IMPORT_TELEGRAM,
    "jinja2": ("bot/web/",),
    "aiohttp": ("bot/web/", "bot/telegram/", "bot/ops/", "bot/crawler/", "bot/cli/run.py", "bot/service.py"),
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/",),
    "aiosqlite": ("storage/",),
    "asyncpg": ("storage/",),
    "apscheduler": ("bot/maintenance.py", "bot/crawler/schedule.py"),
    "watchfiles": ("bot/intake/dump_folder.py",),
    "click": ("bot/cli/",),
    "bot": ("bot/",),
}
FORBIDDEN_NAMES = frozenset(
    {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "core"}
)

PURE_MODULES = (
    "rate_limit/scheduler", "delivery/retry_policy", "delivery/circuit_breaker",
    "intake/matcher", "intake/merge", "intake/derive", "intake/year_inference", "titles",
)  # fmt: skip
LONGEST = 500  # lines; most files have 80 to 250

CHINESE = re.compile("[\\u3400-\\u9fff]")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> frozenset[str]:
    """The top-level packages that are imported anywhere in the file."""
    return frozenset(_imported(tree_of(path)))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", WALLS)
def test_a_package_is_imported_only_where_it_may_be(package: str) -> None:
    trespassing = [
        name_of(path)
        for path in SOURCES
        if package in imported(path) and not name_of(path).startswith(WALLS[package])
    ]
    assert trespassing == []


def test_pure_modules_know_no_io() -> None:
    """What decides takes values and returns values."""
    pure = [
        *(ROOT / "bot" / name for name in ("messages", "render", "latex", "callbacks")),
        ROOT / "bot" / "intake" / "formats",
    ]
    files = [path for folder in pure for path in folder.rglob("*.py")]
    files += [ROOT / "bot" / f"{name}.py" for name in PURE_MODULES]
    forbidden = {"asyncio", "aiohttp", "telegram", "sqlalchemy", "socket", "subprocess", "time", "threading"}
    found = {name_of(path): sorted(forbidden & imported(path)) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_only_the_settings_read_the_environment() -> None:
    reading = [
        name_of(path)
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}
    ]
    assert set(reading) <= {"bot/settings.py", "bot/ops/memory.py"}  # the latter PYTHONOPTIMIZE alone


def test_names_of_files_say_something() -> None:
    named = [name_of(path) for path in [*SOURCES, *TESTS] if path.stem.casefold() in FORBIDDEN_NAMES]
    assert named == []


def test_files_stay_small() -> None:
    long = {
        name_of(path): lines
        for path in [*SOURCES, *TESTS]
        if "versions" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_every_module_says_what_it_owns() -> None:
    silent = [
        name_of(path)
        for path in SOURCES
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree_of(path))
    ]
    assert silent == []


def test_no_import_has_a_side_effect(tmp_path: Path) -> None:
    """Importing everything prints nothing, starts no thread, no loop and no logging, and writes no file."""
    names = sorted(
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in MODULES
    )
    program = f"""
import importlib, logging, threading, sys
sys.path.insert(0, {str(ROOT)!r})
for name in {names!r}:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
assert not logging.getLogger().handlers
"""
    ran = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def _strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """The literals that are neither documentation nor said to the log or in an error."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        documented = ast.get_docstring(tree) is not None
        children = tree.body[1:] if documented else tree.body
    else:
        children = list(ast.iter_child_nodes(tree))  # type: ignore[arg-type]
    for child in children:
        if isinstance(child, ast.Raise) or _logs(child):
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        yield from _strings(child)


def _logs(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    )


def test_handlers_contain_no_sentence() -> None:
    """Only views hold sentences; the strings of bot/chat are words that people may type."""
    said = [
        (name_of(path), found.lineno, text)
        for path in sorted((ROOT / "bot" / "chat").glob("*.py"))
        for found in _strings(tree_of(path))
        if len((text := str(found.value)).split()) > 3 or (CHINESE.search(text) and len(text) > 3)
    ]
    # The names of formulas' commands, and the terminal, which answers in Telegram's own words.
    allowed = set[str]()
    assert [line for line in said if line[0] not in allowed] == []


def test_every_declared_command_is_answered() -> None:
    """The command table has a row for every declared command, and no other."""
    assert set(HANDLERS) == {command.name for command in COMMANDS}


def test_every_action_is_answered() -> None:
    """The action table has a row for every action, whose function takes that action."""
    assert set(ACTIONS) == set(CODES.values()) == {*get_args(Action)}
    for action, handler in ACTIONS.items():
        *_, argument = inspect.signature(handler.run).parameters.values()
        accepted = get_type_hints(handler.run)[argument.name]
        assert action is accepted or action in get_args(accepted), action


def test_a_start_loads_nothing_that_it_may_not_need() -> None:
    """Migrations, feeds, pictures and the other database are imported when they are needed: 3 s are few."""
    loads = "import sys, bot.cli, bot.cli.run; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, check=True, cwd=ROOT
    )
    late = {"alembic", "asyncpg", "feedparser", "matplotlib", "bot.preview", "bot.cli.archive"}
    assert late.isdisjoint(loaded.stdout.split())


def test_the_service_loads_late_what_an_idle_one_does_not_need() -> None:
    """The memory of an idle service: parsers, exports, migrations, PostgreSQL come with their first use."""
    loads = (
        "import sys, bot.ops.memory; bot.ops.memory.skip_httpx_command_line();"
        "import bot.cli.run, bot.chat.handlers; print(*sorted(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, check=True, cwd=ROOT
    )
    late = {"selectolax", "msgspec", "rapidfuzz", "opencc", "jinja2", "alembic", "pydantic"}
    late |= {"sqlalchemy.dialects.postgresql", "bot.export", "bot.web.server", "bot.preview", "pylatexenc"}
    late |= {"rich", "pygments"}
    assert late.isdisjoint(loaded.stdout.split())


def test_the_command_line_loads_nothing_heavy() -> None:
    """`--version`, `--help` and completion import none of the libraries that only the commands need."""
    loads = "import sys, bot.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, check=True, cwd=ROOT
    )
    heavy = {"sqlalchemy", "aiohttp", "msgspec", "telegram", "apscheduler", "babel", "bot.settings"}
    assert heavy.isdisjoint(loaded.stdout.split())


# Lowest first: a package imports its own layer and those below it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("storage",),
    (
        "bot.text_sanitizer", "bot.supervisor", "bot.caching", "bot.titles", "bot.site_profile",
        "bot.env_file",
    ),
    ("bot.callbacks",),
    ("bot.latex",),
    ("bot.render",),
    ("bot.messages",),
    ("bot.ops", "bot.telegram", "bot.leases", "bot.update_dedup", "bot.export"),
    ("bot.rate_limit",),
    ("bot.search",),
    ("bot.intake", "bot.crawler", "bot.archive_queries"),
    ("bot.settings",),
    ("bot.delivery",),
    ("bot.chat",),
    ("bot.web",),
    ("bot.health", "bot.error_alerts", "bot.maintenance"),
    ("bot.update_receiver", "bot.wiring", "bot.service"),
    ("bot.cli", "bot.preview", "bot.__main__"),
)  # fmt: skip


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def module_imports() -> dict[str, frozenset[str]]:
    """Return the modules of bot and storage that each of them imports."""
    modules = {module_of(path): path for path in MODULES}
    found: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [each if each in modules else node.module for each in whole]
            else:
                continue
            found[name] |= {target for target in targets if target in modules and target != name}
    return {name: frozenset(targets) for name, targets in found.items()}


def package_of(module: str) -> str | None:
    """Return the entry of LAYERS that holds `module`; the bare package `bot` has none."""
    names = [name for layer in LAYERS for name in layer]
    return next((name for name in names if module == name or module.startswith(name + ".")), None)


def test_layers_point_downward() -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    upward = sorted(
        f"{module} -> {target}"
        for module, targets in module_imports().items()
        for target in targets
        if (own := package_of(module)) and (other := package_of(target)) and level[own] < level[other]
    )
    assert [module for module in module_imports() if package_of(module) is None] == ["bot"]
    assert upward == []


def _cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one node."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        stack = [start]
        while stack:
            for target in graph.get(stack.pop(), set()) - seen:
                seen.add(target)
                stack.append(target)
        return seen

    reach = {node: reachable(node) for node in graph}
    cyclic = sorted(node for node in graph if node in reach[node])
    groups = {frozenset(other for other in cyclic if other in reach[n] and n in reach[other]) for n in cyclic}
    return sorted(sorted(group) for group in groups)


def test_no_modules_or_packages_import_each_other() -> None:
    modules = {name: set(targets) for name, targets in module_imports().items()}
    packages: dict[str, set[str]] = {}
    for module, targets in modules.items():
        own = package_of(module)
        if own is not None:
            others = {package_of(target) for target in targets}
            packages.setdefault(own, set()).update(each for each in others if each and each != own)
    assert _cycles(modules) == []
    assert _cycles(packages) == []


MANNERED = re.compile(r"\b(knows?|told|whoever|nobody|somebody|mend|dear|ado|beside|anew)\b", re.IGNORECASE)


def _prose(path: Path) -> Iterator[str]:
    """Yield the docstrings and comments of a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    with path.open("rb") as source:
        yield from (
            token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT
        )


def test_docstrings_and_comments_are_plain_technical_english() -> None:
    found = {
        name_of(path): sorted(words)
        for path in [*SOURCES, *TESTS]
        if (words := {word for text in _prose(path) for word in MANNERED.findall(text)})
    }
    assert found == {}


# The suffix is a noun's there: the thing has no shorter name in the field.
NOUNS = frozenset({"caching", "logging", "tagging", "wiring"})


def test_no_module_is_named_by_a_gerund() -> None:
    named = [name_of(path) for path in SOURCES if path.stem.endswith("ing") and path.stem not in NOUNS]
    assert named == []
