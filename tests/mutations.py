"""Small faults put into the code one by one, to see whether a test notices.

``python -m tests.mutations [--cache DIR]`` runs the quick tests once with coverage,
draws mutations of ``_core``, ``_training`` and ``_learners``, and runs for each the
tests that reach its line, the quickest first. The exit status is 1 when fewer than 92 %
are noticed, or one that is not is not explained in ``EXPLAINED``. Not a test itself: it
takes minutes, and needs what ``tests/integrations`` need.
"""

import argparse
import ast
import copy
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ROOMS = ("_core", "_training", "_learners")
SUITE = [f"tests/{room.strip('_')}" for room in (*ROOMS, "_curation", "_io", "_views")]
SUITE += ["tests/integrations", "tests/test_golden.py"]
SEED, MINIMUM = 0, 0.92
# Of one mutation: tests of so many seconds at most, and what they may take on a machine
# that is busy before they count as hanging.
MOST_SECONDS, MOST_TESTS, PATIENCE = 60.0, 200, 5

# By function, line and mutated line, so that they last when code moves: why nobody can
# notice. One whose line is gone has to leave.
EXPLAINED = {
    "_of_lightgbm: if (estimator.best_iteration_ or 0) > 0: -> if "
    "((estimator.best_iteration_ and 0)) > 0:": "the LightGBM of the tests counts no "
    "rounds behind the best one; the line is for one that does",
    "in_row_blocks: return np.concatenate([call(block) for _, block in row_blocks(X, "
    "1, block_rows(X))]) -> return np.concatenate([call(block) for _, block in "
    "row_blocks(X, (2), block_rows(X))])": "speed: how many rows one call is given",
    ": CHUNK_ROWS = 2 ** 14 -> CHUNK_ROWS = 2 ** (15)": "memory: how many rows are "
    "hashed at once, to the same checksum",
    "blocks: size = max(1, size) -> size = max((2), size)": "memory: of more rows than "
    "fit, two are looked at at once instead of one",
    "pooled: logs = [np.log(np.maximum(proba, DOUBT, dtype=np.float64)) for proba in "
    "probas] -> logs = [np.log((np.maximum(DOUBT, proba, dtype=np.float64))) for proba "
    "in probas]": "the larger of two numbers is the same in either order",
}

SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.MatMult: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Mutation(NamedTuple):
    """One line of a file of one statement a line, and what becomes of it."""

    file: str
    function: str
    old: str
    new: str
    line: int
    asked: range  # lines whose tests are asked; empty: of what is done at import

    @property
    def key(self):
        return f"{self.function}: {self.old.strip()} -> {self.new.strip()}"


def changed(node, **fields):
    new = copy.copy(node)
    vars(new).update(fields)
    return new


def is_text(node):
    return isinstance(node, ast.JoinedStr) or isinstance(
        getattr(node, "value", None), str
    )


def replacements(node):
    """Pairs of nodes: one of the code, and what a slip of the pen makes of it."""
    names = ast.Name | ast.Attribute
    match node:
        case ast.BinOp(left=left, right=right) if is_text(left) or is_text(right):
            pass
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op):
            yield node, changed(node, op=SWAPS[type(op)]())
        case ast.Compare(ops=[op]):
            yield node, changed(node, ops=[SWAPS[type(op)]()])
        case ast.UnaryOp(operand=operand):
            yield node, operand
        case ast.Constant(value=bool(value)):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield node, ast.Constant(value + 1)
        case ast.Constant(value=float(value)):
            yield node, ast.Constant(2 * value or 1.0)
        case ast.Call(args=[one, two, *rest]):
            if isinstance(one, names) and isinstance(two, names):
                yield node, changed(node, args=[two, one, *rest])
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if isinstance(test, names | ast.Call):
                yield test, ast.UnaryOp(ast.Not(), test)
    match node:
        case (
            ast.Raise() | ast.Break() | ast.Continue() | ast.AugAssign()
            | ast.Expr(value=ast.Call())
            | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
        ):  # fmt: skip
            yield node, ast.Pass()


def children(node, function):
    """What is looked at of a node: no text, message, type or assertion."""
    match node:
        case ast.FunctionDef(args=args, body=body, decorator_list=decorators):
            if any("overload" in ast.unparse(one) for one in decorators):
                return []
            return [*args.defaults, *filter(None, args.kw_defaults), *body]
        case ast.ClassDef(body=body):
            return body
        case ast.AnnAssign(value=value):
            return [value] if value else []
        case ast.Assign(targets=[ast.Name(id=name)]) if not function:
            is_type = name == "__all__" or re.fullmatch("([A-Z][a-z0-9]+)+", name)
            return [] if is_type else [node.value]
        case ast.Call(func=func, args=args):
            called = ast.unparse(func)
            if called.endswith(("warn", "warn_caller", "Error", "Warning", "cast")):
                return []
            if called in ("isinstance", "issubclass", "TypeVar"):
                return args[:1]
        case ast.Raise() | ast.Assert() | ast.JoinedStr():
            return []
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return []
    return ast.iter_child_nodes(node)


def mutations_of(file, source):
    """All mutations of a file in which every statement begins one line."""
    lines = source.splitlines()

    def visit(node, function, asked):
        simple = isinstance(node, ast.stmt) and not isinstance(node, Definition)
        if simple and asked is not None:
            asked = range(node.lineno, node.lineno + 1)
        for old, new in replacements(node):
            before = lines[old.lineno - 1].encode()
            text = ast.unparse(new)
            text = text if isinstance(new, ast.stmt) else f"({text})"
            after = before[: old.col_offset] + text.encode()
            after += before[old.end_col_offset :]
            what = (file, function, before.decode(), after.decode(), old.lineno)
            if old.lineno == old.end_lineno and text != f"({ast.unparse(old)})":
                yield Mutation(*what, asked or range(0))
        if isinstance(node, Definition):
            function = f"{function}.{node.name}".strip(".")
        if isinstance(node, ast.FunctionDef):
            asked = range(node.body[0].lineno, node.end_lineno + 1)
        for child in children(node, function):
            yield from visit(child, function, asked)

    yield from visit(ast.parse(source), "", None)


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def draw(mutations, n):
    """Mutations of different lines, in an order that no other code has a part in."""
    of_line = {}
    for m in sorted(mutations, key=lambda m: digest(SEED, m.key)):
        of_line.setdefault((m.function, m.old), m)
    return list(of_line.values())[:n]


def pytest(tree, *args, limit=None):
    """Run pytest on a copy; the exit status (None: out of time) and the output."""
    env = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"COVERAGE_FILE": str(tree / "coverage"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(
        command, cwd=tree, env=env, start_new_session=True, **pipes
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and what it has started
            return None, process.communicate()[0]
    return process.returncode, output


def tested_tree(cache, n_jobs):
    """Copy of the working tree, one statement a line, in which all tests have run."""
    tree = cache / "new"
    shutil.rmtree(tree, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
    for name in ("sklearn_datamaps", "tests", "docs"):
        shutil.copytree(ROOT / name, tree / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tree)
    (tree / "tests" / Path(__file__).name).unlink()
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    known = cache / digest([(str(f), f.read_bytes()) for f in files])[:16]
    if (known / "log").exists():
        return known
    shutil.rmtree(known, ignore_errors=True)
    tree = tree.rename(known)
    for room in ROOMS:
        for path in (tree / "sklearn_datamaps" / room).glob("*.py"):
            path.write_text(ast.unparse(ast.parse(path.read_bytes())), encoding="utf-8")
    print("quick tests, to learn who reaches which line", flush=True)
    options = ("--cov", "--cov-context=test", "--cov-report=", "--durations=0", "-vv")
    status, output = pytest(tree, "-n", str(n_jobs), *options, *SUITE)
    if status:
        sys.exit(f"the tests fail without any mutation:\n{output[-5000:]}")
    (tree / "log").write_text(output, encoding="utf-8")
    return tree


def who_reaches(tree, files):
    """Tests by file and line, and what each of them costs in seconds."""
    import coverage  # not where doctests of old versions are looked for

    data = coverage.CoverageData(str(tree / "coverage"))
    data.read()
    reach = {}
    for file in files:
        reach[file] = defaultdict(set)
        for line, contexts in data.contexts_by_lineno(str(tree / file)).items():
            reach[file][line] = {c.rpartition("|")[0] for c in contexts} - {""}
    seconds: Counter[str] = Counter()
    pattern = r"^([\d.]+)s (?:setup|call|teardown) +(.+?) *$"
    log = (tree / "log").read_text(encoding="utf-8")
    for cost, test in re.findall(pattern, log, flags=re.M):
        seconds[test] += float(cost)
    return reach, seconds


def tests_of(mutation, sources, reach, seconds):
    """Tests that reach a mutation: one of each function first, of its room, cheap."""
    at = {mutation.file: mutation.asked}
    if not mutation.asked:  # a constant: who uses it, or else anybody of the file
        word = re.compile(rf"\b{re.split(r'[ :.(]', mutation.old.strip())[0]}\b")
        for file, source in sources.items():
            lines = enumerate(source.splitlines(), start=1)
            at[file] = [i for i, line in lines if word.search(line)]
        if not any(reach[file][line] for file in at for line in at[file]):
            at = {mutation.file: list(reach[mutation.file])}
    names = {test for file in at for i in at[file] for test in reach[file][i]}
    room = f"tests/{Path(mutation.file).parent.name.strip('_')}/"
    seen: Counter[str] = Counter()
    ranked = []
    for test in sorted(names, key=lambda test: (seconds[test], test)):
        function = test.partition("[")[0]
        ranked.append((seen[function], room not in test, len(ranked), test))
        seen[function] += 1
    chosen, cost = [], 0.0
    for *_, test in sorted(ranked)[:MOST_TESTS]:
        if chosen and cost + seconds[test] > MOST_SECONDS:
            continue
        chosen.append(test)
        cost += seconds[test]
    return chosen, cost


def try_out(mutation, tree, tests, cost):
    """Who noticed the mutation (nothing: nobody), and after how many seconds."""
    begun = time.monotonic()
    if not tests:
        return "", 0.0
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder).resolve() / "tree"
        shutil.copytree(tree, copied, ignore=shutil.ignore_patterns("coverage", "log"))
        path = copied / mutation.file
        lines = path.read_text(encoding="utf-8").splitlines()
        lines[mutation.line - 1] = mutation.new
        path.write_text("\n".join(lines), encoding="utf-8")
        limit = 60 + PATIENCE * cost
        status, output = pytest(copied, "-q", "-x", "-n", "0", *tests, limit=limit)
    if status == 0:
        return "", time.monotonic() - begun
    who = re.search(r"^(?:FAILED|ERROR) (\S+)", output, flags=re.M)
    said = who[1] if who else f"status {status}: {output.strip()[-200:]}"
    return "out of time" if status is None else said, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=60, help="how many mutations")
    parser.add_argument("-j", type=int, default=2, help="how many at a time")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="those that say this")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    args = parser.parse_args()

    cache = args.cache.resolve() / "sklearn-datamaps-mutations"
    paths = [p for r in ROOMS for p in (ROOT / "sklearn_datamaps" / r).glob("*.py")]
    sources = {
        str(path.relative_to(ROOT)): ast.unparse(ast.parse(path.read_bytes()))
        for path in sorted(paths)
    }
    found = [m for file, source in sources.items() for m in mutations_of(file, source)]
    if gone := EXPLAINED.keys() - {m.key for m in found}:
        sys.exit(f"explained, but no longer there: {sorted(gone)}")
    drawn = draw(found, args.n)
    if args.only:
        drawn = [m for m in found if any(text in m.key for text in args.only)]

    tree = tested_tree(cache, args.j)
    reach, seconds = who_reaches(tree, sources)

    def verdict(mutation):
        return try_out(mutation, tree, *tests_of(mutation, sources, reach, seconds))

    survivors = []
    with ThreadPoolExecutor(args.j) as pool:
        verdicts = pool.map(verdict, drawn)
        for m, (killer, took) in zip(drawn, verdicts, strict=True):
            said = f"killed by {killer}" if killer else "SURVIVED"
            print(f"{m.file}  {m.key}\n    {said} ({took:.0f} s)", flush=True)
            survivors += [] if killer else [m]

    share = 1 - len(survivors) / max(len(drawn), 1)
    print(f"\n{share:.1%} of {len(drawn)} killed, {MINIMUM:.0%} wanted")
    for m in survivors:
        why = EXPLAINED.get(
            m.key, "NOT EXPLAINED: add a test, or say why there is none"
        )
        print(f"{m.file}  {m.key}\n    {why}")
    return int(share < MINIMUM or any(m.key not in EXPLAINED for m in survivors))


if __name__ == "__main__":
    sys.exit(main())
