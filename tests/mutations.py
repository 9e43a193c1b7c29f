"""Small faults put into the code one by one, to see whether a test notices.

``python -m tests.mutations [--seed 0] [-n 60] [--only FILE:LINE]`` runs the quick tests
once with coverage, draws mutations of ``_core``, ``_training`` and ``_learners``, and
runs for each the tests that reach its line, in a copy of the working tree. The exit
status is 1 when fewer than 92 % are noticed, or when one that is not is not explained
in ``EXPLAINED``. Not a test itself: it takes minutes, see CONTRIBUTING.
"""

import argparse
import ast
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ROOMS = ("_core", "_training", "_learners")
SUITE = ("tests/core", "tests/learners", "tests/training", "tests/curation", "tests/io")
SUITE += ("tests/integrations",)
MINIMUM = 0.92
# Of each round; the next is run only if nothing was noticed in this one.
MOST_TESTS, MOST_SECONDS, MOST_ROUNDS = 40, 60.0, 5

# (file, line without indentation, mutation): why no test can or need notice it.
EXPLAINED = {
    (
        "sklearn_datamaps/_core/recorder.py",
        "self._spare = None",
        "dropped assignment",
    ): "equivalent: until commit or rollback only a checkpoint would overwrite it",
    (
        "sklearn_datamaps/_core/registry.py",
        "@dataclass(slots=True)",
        "True -> False",
    ): "pure speed and memory",
    (
        "sklearn_datamaps/_training/record.py",
        "dynamics.release()",
        "dropped call",
    ): "memory alone: one more copy of the record is kept",
    (
        "sklearn_datamaps/_core/atomic.py",
        "unfinished.unlink(missing_ok=True)",
        "True -> False",
    ): "only which of two errors is raised when a file cannot even be opened",
    (
        "sklearn_datamaps/_learners/threads.py",
        "torch.set_num_threads(number)",
        "dropped call",
    ): "pure speed: how many threads torch uses in a process of its own",
}

SWAPS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.And: "or",
    ast.Or: "and",
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "/",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.BitXor: "&",
}
OPERATOR = re.compile(
    rb"\b(?:is\s+not|not\s+in|is|in|and|or)\b|\*\*|//|[<>=!]=|[-+*/%&|^<>]"
)
COMMENT = re.compile(rb"#[^\n]*")


class Mutation(NamedTuple):
    """Bytes ``start`` to ``end`` of a file become ``text``."""

    file: str
    line: int
    start: int
    end: int
    text: bytes
    what: str
    source: str  # its line, without indentation
    reach: tuple[int, int]  # lines whose tests are asked
    at_import: bool

    @property
    def key(self):
        return self.file, self.source, self.what


class Finder(ast.NodeVisitor):
    """All mutations of a file; never of texts, types, assertions or messages."""

    def __init__(self, file, source):
        self.file, self.source, self.found = file, source, []
        lines = source.splitlines(keepends=True)
        self.lines = [line.decode().strip() for line in lines]
        self.starts = [0, *itertools.accumulate(map(len, lines))]
        self.depth, self.reach = 0, (1, 1)
        self.visit(ast.parse(source))

    def span(self, node):
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node):
        return self.source[slice(*self.span(node))]

    def add(self, node, start, end, text, what):
        line = self.source.count(b"\n", 0, start) + 1
        source = self.lines[line - 1]
        here = (self.file, line, start, end, text, what, source)
        self.found.append(Mutation(*here, self.reach, self.depth == 0))

    def between(self, node, left, right, op):
        """Another operator in the place between two operands."""
        if type(op) not in SWAPS:
            return
        start, end = self.span(left)[1], self.span(right)[0]
        gap = COMMENT.sub(lambda m: b" " * len(m[0]), self.source[start:end])
        old = OPERATOR.search(gap)
        new = SWAPS[type(op)]
        what = f"{old[0].decode()} -> {new}"
        self.add(node, start + old.start(), start + old.end(), new.encode(), what)

    def drop(self, node, what):
        start, end = self.span(node)
        text = b"pass" + b"\n" * (node.end_lineno - node.lineno)
        self.add(node, start, end, text, f"dropped {what}")

    def visit(self, node):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) else node.end_lineno
            self.reach = node.lineno, max(last, node.lineno)
        super().visit(node)

    def skip(self, node):
        pass

    visit_Assert = visit_JoinedStr = skip  # noqa: N815 (ast.NodeVisitor)

    def visit_function(self, node):
        if any("overload" in ast.unparse(d) for d in node.decorator_list):
            return
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self.depth += 1
        for child in node.body:
            self.visit(child)
        self.depth -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = visit_function  # noqa: N815 (ast.NodeVisitor)

    def visit_Lambda(self, node):
        self.visit(node.body)

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    def visit_AnnAssign(self, node):
        if node.value is not None and "TypeAlias" not in ast.unparse(node.annotation):
            self.visit(node.value)

    def visit_Assign(self, node):
        target = node.targets[0]
        name = getattr(target, "id", "")
        alias = re.fullmatch(r"([A-Z][a-z0-9]+)+", name) and self.depth == 0
        if name in ("__all__", "__slots__") or alias:
            return
        if isinstance(target, ast.Attribute | ast.Subscript) and self.depth:
            self.drop(node, "assignment")
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        self.drop(node, "assignment")
        if type(node.op) in SWAPS:
            self.between(node, node.target, node.value, node.op)
        self.generic_visit(node)

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Call):
            self.drop(node, "call")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Raise(self, node):
        self.drop(node, "raise")

    def visit_Break(self, node):
        self.drop(node, "break")

    def visit_Continue(self, node):
        self.drop(node, "continue")

    def visit_Call(self, node):
        called = ast.unparse(node.func)
        if called.endswith(("warn", "Error", "Warning", "cast", "TypeVar")):
            return None
        if called in ("isinstance", "issubclass"):
            return self.visit(node.args[0])
        if len(node.args) > 1:
            a, b = node.args[:2]
            plain = {type(a), type(b)} <= {ast.Name, ast.Attribute}
            if plain and self.text(a) != self.text(b):
                start, end = self.span(a)[0], self.span(b)[1]
                gap = self.source[self.span(a)[1] : self.span(b)[0]]
                text = self.text(b) + gap + self.text(a)
                self.add(node, start, end, text, "swapped arguments")
        return self.generic_visit(node)

    def visit_Compare(self, node):
        operands = (node.left, *node.comparators)
        for left, right, op in zip(operands, operands[1:], node.ops, strict=False):
            self.between(node, left, right, op)
        self.generic_visit(node)

    def visit_BinOp(self, node):
        strings = (node.left, node.right)
        if not any(
            isinstance(n, ast.JoinedStr)
            or (isinstance(n, ast.Constant) and isinstance(n.value, str))
            for n in strings
        ):
            self.between(node, node.left, node.right, node.op)
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        self.between(node, *node.values[:2], node.op)
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        sign = {ast.Not: "not", ast.USub: "-", ast.Invert: "~"}.get(type(node.op))
        if sign:
            start = self.span(node)[0]
            self.add(node, start, start + len(sign), b"", f"dropped {sign}")
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            new = str(not value)
        elif isinstance(value, int):
            new = str(value + 1)
        elif isinstance(value, float):
            new = str(2 * value or 1.0)
        else:
            return
        self.add(node, *self.span(node), new.encode(), f"{value} -> {new}")


def code_lines(source):
    """Number of lines that have code: no comment, no docstring, nothing."""
    nodes = ast.walk(ast.parse(source))
    kinds = ast.expr | ast.stmt
    text = (ast.Constant,)
    return len(
        {n.lineno for n in nodes if isinstance(n, kinds) and not isinstance(n, text)}
    )


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def draw(sources, n, seed):
    """Mutations of different lines, as many of a file as it has code of the whole.

    The order is that of a seeded hash of what a mutation is, not of where it stands: a
    change elsewhere draws no others, and explanations last.
    """
    sizes = {file: code_lines(source) for file, source in sources.items()}
    shares = {file: n * size / sum(sizes.values()) for file, size in sizes.items()}
    wanted = {file: int(share) for file, share in shares.items()}
    by_rest = sorted(shares, key=lambda file: wanted[file] - shares[file])
    for file in by_rest[: n - sum(wanted.values())]:
        wanted[file] += 1
    drawn = []
    for file, source in sources.items():
        found = sorted(Finder(file, source).found, key=lambda m: digest(seed, m.key))
        lines: dict[str, Mutation] = {}
        for mutation in found:
            lines.setdefault(mutation.source, mutation)
        order = sorted(lines.values(), key=lambda m: digest(seed, file, m.source))
        drawn += sorted(order[: wanted[file]], key=lambda m: m.line)
    return drawn


def copy_of_tree(to):
    """What tests need of the working tree, and its hash."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
    for name in ("sklearn_datamaps", "tests"):
        shutil.copytree(ROOT / name, to / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, to)
    script = Path(__file__).relative_to(ROOT)
    files = sorted(p.relative_to(to) for p in to.rglob("*") if p.is_file())
    return digest(*[(str(f), (to / f).read_bytes()) for f in files if f != script])


def pytest(tree, *args, limit=None):
    """Run pytest on a copy; the exit status (None: out of time) and the output."""
    # Compiled files could outlive a mutation of the same size in the same second.
    env = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"COVERAGE_FILE": str(tree / "coverage"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(
        command, cwd=tree, env=env, start_new_session=True, **kwargs
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]
    return process.returncode, output


def coverage_of(tree, files):
    """What each test costs in seconds, and which reach each line of the files."""
    options = ("--cov", "--cov-context=test", "--cov-report=", "--durations=0", "-vv")
    status, output = pytest(tree, *options, *SUITE)
    if status:
        sys.exit(f"the tests fail without any mutation:\n{output[-5000:]}")
    seconds: Counter[str] = Counter()
    for cost, test in re.findall(
        r"^([\d.]+)s (?:setup|call|teardown) +(.+?) *$", output, flags=re.M
    ):
        seconds[test] += float(cost)
    return dict(seconds), reached(tree / "coverage", tree, files)


def reached(path, tree, files):
    import coverage  # not where doctests of old versions are looked for

    data = coverage.CoverageData(str(path))
    data.read()
    names: dict[str, int] = {}
    lines = {}
    for file in files:
        by_line = data.contexts_by_lineno(str(tree / file))
        lines[file] = {
            str(line): sorted(
                {
                    names.setdefault(context.rpartition("|")[0], len(names))
                    for context in contexts
                    if "|" in context
                }
            )
            for line, contexts in by_line.items()
        }
    return {"tests": list(names), "lines": lines}


def tests_of(mutation, seconds, reach):
    """Tests that reach a mutation: one of each function first, of its room, cheap."""
    lines = reach["lines"][mutation.file]
    first, last = mutation.reach
    # What runs at import (a constant, a default) may matter to all tests of the file.
    asked = lines if mutation.at_import else map(str, range(first, last + 1))
    if mutation.at_import:
        name = mutation.source.partition(" ")[0]
        text = (ROOT / mutation.file).read_text(encoding="utf-8").splitlines()
        users = [str(i) for i, line in enumerate(text, 1) if name in line]
        asked = users if any(lines.get(line) for line in users) else lines
    names = {reach["tests"][i] for line in asked for i in lines.get(line, ())}
    seen: Counter[str] = Counter()
    ranked = []
    room = f"tests/{Path(mutation.file).parent.name.strip('_')}/"
    for test in sorted(names, key=lambda test: (seconds.get(test, 0.0), test)):
        function = test.partition("[")[0]
        ranked.append((seen[function], room not in test, len(ranked), test))
        seen[function] += 1
    rounds: list[tuple[list[str], float]] = [([], 0.0)]
    for *_, test in sorted(ranked):
        chosen, cost = rounds[-1]
        more = cost + seconds.get(test, 0.0)
        if chosen and (len(chosen) == MOST_TESTS or more > MOST_SECONDS):
            rounds.append(([test], seconds.get(test, 0.0)))
        else:
            rounds[-1] = ([*chosen, test], more)
    return rounds[:MOST_ROUNDS]


def try_out(mutation, tree, tests, cost):
    """Who noticed the mutation; nothing if nobody did."""
    if not tests:
        return "", "no test reaches it"
    path = tree / mutation.file
    source = path.read_bytes()
    path.write_bytes(source[: mutation.start] + mutation.text + source[mutation.end :])
    try:
        options = ("-q", "-x", "-n", "0", "-m", "")
        status, output = pytest(tree, *options, *tests, limit=60 + 5 * cost)
    finally:
        path.write_bytes(source)
    if status is None:
        return "out of time", ""
    if status == 0:
        return "", f"{len(tests)} tests passed"
    who = re.search(r"^(?:FAILED|ERROR) (\S+)", output, flags=re.M)
    return (who[1] if who else f"status {status}: {output.strip()[-200:]}"), ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-n", type=int, default=60, help="how many mutations")
    parser.add_argument("--only", metavar="FILE:LINE", help="all those of a line")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--list", action="store_true", help="only draw them")
    args = parser.parse_args()

    paths = (
        p for room in ROOMS for p in (ROOT / "sklearn_datamaps" / room).glob("*.py")
    )
    files = sorted(str(path.relative_to(ROOT)) for path in paths)
    sources = {file: (ROOT / file).read_bytes() for file in files}
    if args.only:
        file, _, line = args.only.rpartition(":")
        found = Finder(file, sources[file]).found
        mutations = [m for m in found if m.line == int(line)]
    else:
        mutations = draw(sources, args.n, args.seed)
    if args.list:
        for m in mutations:
            print(f"{m.file}:{m.line}  {m.what}  | {m.source}")
        return 0

    with tempfile.TemporaryDirectory() as work:
        trees = [Path(work) / name for name in "ab"]
        # Coverage tells a file's real path.
        trees = [tree.resolve() for tree in trees]
        tree_hash, _ = [copy_of_tree(tree) for tree in trees]
        cached = args.cache / f"sklearn-datamaps-mutations-{tree_hash[:16]}.json"
        if not cached.exists():
            print("quick tests, to learn who reaches which line", flush=True)
            cached.write_text(json.dumps(coverage_of(trees[0], files)))
        seconds, reach = json.loads(cached.read_text())

        free: SimpleQueue[Path] = SimpleQueue()
        for tree in trees:
            free.put(tree)

        def verdict(mutation):
            tree = free.get()
            try:
                begun = time.monotonic()
                for tests, cost in tests_of(mutation, seconds, reach):
                    noticed = try_out(mutation, tree, tests, cost)
                    if noticed[0]:
                        break
                return *noticed, time.monotonic() - begun
            finally:
                free.put(tree)

        survivors = []
        with ThreadPoolExecutor(len(trees)) as pool:
            for m, (killer, why, took) in zip(
                mutations, pool.map(verdict, mutations), strict=True
            ):
                said = f"killed by {killer}" if killer else f"SURVIVED: {why}"
                print(f"{m.file}:{m.line}  {m.what}  | {m.source}")
                print(f"    {said} ({took:.0f} s)")
                sys.stdout.flush()
                if not killer:
                    survivors.append(m)

    share = 1 - len(survivors) / max(len(mutations), 1)
    print(f"\n{share:.1%} of {len(mutations)} killed, {MINIMUM:.0%} wanted")
    for m in survivors:
        why = EXPLAINED.get(
            m.key, "NOT EXPLAINED: add a test, or say why there is none"
        )
        print(f"{m.file}:{m.line}  {m.what}  | {m.source}\n    {why}")
    return int(share < MINIMUM or any(m.key not in EXPLAINED for m in survivors))


if __name__ == "__main__":
    sys.exit(main())
