"""The shape of the code: imports go down only, what must have one owner has one, and nothing is left lying."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from rooms import errors
from rooms.models import Delta, Generation

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "rooms"

# Top first: a module imports from the layers below its own. A package counts as one module.
LAYERS = (
    {"management", "apps"},
    {"drill"},
    {"process"},
    {"urls", "routing", "middleware"},
    {"consumers", "views", "api", "admin", "templatetags", "accounts"},
    {"worker"},
    {"generation"},
    {"actions"},
    {"delivery", "export", "search", "checks"},
    {"log", "lease", "broadcast", "providers", "access", "spending", "below", "arrival", "origin", "rendering", "flow"},
    {"passwords", "bill"},
    {"addresses"},
    {"database", "front", "limits"},
    {"models", "converters"},
    {"frames", "fold", "tallies", "indexed"},
    {"speakers"},
    {"errors", "requests", "seldom", "text", "version", "words"},
)
PURE = {"frames", "fold", "errors", "requests", "seldom", "speakers", "text", "version", "words"}

# What is imported -> the only module of rooms/ that may.
OWNED_IMPORTS = {
    "openai": "providers",
    "httpx2": "providers",
    "markdown_it": "rendering",
    "mdit_py_plugins": "rendering",
    "pygments": "rendering",
    "math_core": "rendering",
    "nh3": "rendering",
    "django.utils.safestring.mark_safe": "rendering",  # HTML is made there and nowhere else
    "channels.layers": "broadcast",
    "redis": "broadcast",
    "channels.consumer": "consumers",
    "channels.generic": "consumers",
}

CLIENT_IMPORTS = {("drill", "httpx2")}  # a client from outside, with an HTTP client of its own

FRAME_TYPES = {
    "welcome",
    "snapshot",
    "deltas",
    "synced",
    "receipt",
    "rendered",
    "rendered_part",
    "presence",
    "error",
    "bye",
}
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def layer_of(module: str) -> int:
    """Its depth; -1 where it has none."""
    return next((depth for depth, layer in enumerate(LAYERS) if module in layer), -1)


def files() -> Iterator[tuple[str, Path]]:
    """(module, file) of everything in rooms/ that is written by hand."""
    for path in sorted(ROOMS.rglob("*.py")):
        module = path.relative_to(ROOMS).parts[0].removesuffix(".py")
        if module not in ("migrations", "__init__"):
            yield module, path


def tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(absolute dotted name, line) of every import, wherever in the file it stands."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def constant(node: ast.AST | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def starts_with(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


# -- layers ----------------------------------------------------------------------------------------------------------


def test_every_module_has_a_layer() -> None:
    assert {module for module, _ in files() if layer_of(module) < 0} == set()


def test_imports_go_down_only() -> None:
    faults = []
    for module, path in files():
        for name, line in imports(path):
            if starts_with(name, "rooms"):
                imported = name.split(".")[1]
                if imported not in (module, "migrations") and layer_of(imported) <= layer_of(module):
                    faults.append(f"{where(path, line)}: {module} imports {imported}")
    assert faults == []


def test_pure_modules_know_no_framework() -> None:
    foreign = ("django", "channels", "asyncio", "threading", "socket", "environ")
    faults = [
        f"{where(path, line)}: {name}"
        for module, path in files()
        if module in PURE
        for name, line in imports(path)
        if any(starts_with(name, prefix) for prefix in foreign)
    ]
    assert faults == []


def test_the_app_does_not_know_its_project() -> None:
    assert [where(p, line) for _, p in files() for name, line in imports(p) if starts_with(name, "chatlab")] == []


# -- owners ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "owner"), OWNED_IMPORTS.items())
def test_is_imported_by_its_owner_only(name: str, owner: str) -> None:
    faults = [
        where(path, line)
        for module, path in files()
        if module != owner and (module, name) not in CLIENT_IMPORTS
        for imported, line in imports(path)
        if starts_with(imported, name)
    ]
    assert faults == []


def test_the_drill_knows_only_what_every_client_knows() -> None:
    """What checks the product from outside may share with it only what the wire defines."""
    faults = [
        f"{where(path, line)}: {name}"
        for module, path in files()
        if module == "drill"
        for name, line in imports(path)
        if (starts_with(name, "rooms") and name.split(".")[1] not in ("drill", *PURE))
        or any(starts_with(name, foreign) for foreign in ("django", "channels", "pytest", "tests"))
    ]
    assert faults == []


def test_rows_of_delta_are_created_in_log_only() -> None:
    creates = re.compile(
        r"\bDelta\("
        r"|\bDelta\.objects\.(a?create|a?bulk_create|a?get_or_create|a?update_or_create|a?update|a?bulk_update)\("
        r"|INSERT\s+INTO",
        re.IGNORECASE,
    )
    faults = []
    for module, path in files():
        if module == "log":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if creates.search(line) and not line.startswith("class Delta("):
                faults.append(where(path, number))
    assert faults == []


def test_wire_keys_are_written_in_frames_only() -> None:
    """No frame is put together elsewhere: neither as a dict nor as text. (A provider has a wire of its own.)"""
    faults = []
    for module, path in files():
        if module in ("frames", "providers"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Dict):
                entries = {constant(key): constant(value) for key, value in zip(node.keys, node.values, strict=True)}
                written = entries.get("type") in FRAME_TYPES
            else:
                written = '"type":' in str(constant(node))
            if written:
                faults.append(where(path, node.lineno))
    assert faults == []


# -- nothing left lying ----------------------------------------------------------------------------------------------


def test_nothing_prints() -> None:
    faults = [
        where(path, node.lineno)
        for folder in ("rooms", "chatlab")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "breakpoint")
    ]
    assert faults == []


def test_no_stray_reminders() -> None:
    reminder = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    endings = {".py", ".js", ".css", ".html", ".md", ".toml", ".txt"}
    faults = []
    for folder in ("rooms", "chatlab", "static", "templates", "tests", "bench", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in endings and path.is_file():
                lines = enumerate(path.read_text("utf-8").splitlines(), 1)
                faults += [where(path, number) for number, line in lines if reminder.search(line)]
    assert faults == []


def test_a_file_has_one_subject_and_a_function_fits_a_screen() -> None:
    faults = []
    for _, path in files():
        length = len(path.read_text("utf-8").splitlines())
        if length > LONGEST_FILE:
            faults.append(f"{path.relative_to(ROOT)}: {length} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    faults.append(f"{where(path, node.lineno)}: {node.name} has {length} lines")
    assert faults == []


@pytest.mark.django_db
def test_migrations_are_complete(capsys: pytest.CaptureFixture) -> None:
    call_command("makemigrations", check_changes=True, dry_run=True)
    assert "No changes detected" in capsys.readouterr().out


# -- documents -------------------------------------------------------------------------------------------------------


def test_every_setting_is_in_the_example() -> None:
    reads = re.compile(r"""\b(?:env\.\w+|one_of|positive|rate|networks)\(\s*"([A-Z_]+)\"""")
    read = set(reads.findall((ROOT / "chatlab" / "settings.py").read_text("utf-8"))) - {"OPEN_AI_API_KEY"}
    assert read == set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))


def test_the_protocol_document_names_every_code() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    closes = {str(value) for name, value in vars(errors.Close).items() if name.isupper()}
    words = codes | closes | FRAME_TYPES | set(Delta.Kind.values) | set(Generation.Status.values)
    assert {word for word in words if f"`{word}`" not in text} == set()


@pytest.mark.parametrize("document", ["README.md", "docs/faults.md"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / document).read_text("utf-8")))
    written = {
        node.name
        for path in (ROOT / "tests").glob("test_*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named - written == set()
    assert len(named) >= 4
