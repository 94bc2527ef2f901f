"""What running a top-level statement of a program may bind or change. Pure.

Errs on the side of too much: a statement that may change what a function needs is kept with it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from skeldpo.languages.python.aliases import (
    Sources,
    alias_sources,
    returned_names,
    shared_with,
    value_names,
    with_sources,
)
from skeldpo.languages.python.statements import BLOCKS, FUNCTIONS, Statement, flat

_READ_ONLY = frozenset(
    {"print", "len", "sum", "sorted", "min", "max", "str", "repr", "list", "tuple", "dict", "set",
     "frozenset", "int", "float", "bool", "range", "enumerate", "zip", "any", "all", "type",
     "isinstance", "issubclass", "abs", "round", "reversed", "map", "filter", "hash", "id"}
)  # fmt: skip
"""Builtins that change none of their arguments."""
_COPY = _READ_ONLY - {"min", "max"}
_SETTINGS = frozenset(
    {"sys", "threading", "decimal", "gc", "warnings", "locale", "resource", "signal",
     "os", "numpy", "mpmath", "sympy", "faulthandler", "builtins", "multiprocessing", "re",
     "contextlib", "asyncio"}
)  # fmt: skip
"""Modules with settings of the whole process: calls for their effect alone are kept."""
_DISPLAYS = (ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.Dict, ast.DictComp)
_SHOWN = frozenset({"exit", "_exit", "stdout", "stderr", "stdin", "system", "abort", "version"})
"""Of these modules, what a program ends, reads or writes with."""


class Changes:
    """The changes of one program's statements.

    Calls of its own functions and classes are followed, but not of `entry`: to call it is to use
    it, not to set it up.
    """

    def __init__(self, statements: Sequence[Statement], entry: str) -> None:
        self._entry = entry
        self._owners: dict[str, list[Statement]] = {}
        self._modules: dict[str, str] = {}
        self._starred: set[str] = set()
        self._classes: set[str] = set()
        self._lists_subclasses = False
        self._used_by: dict[str, set[str]] = {}
        self._for_effect: set[ast.expr] = set()
        bound = frozenset().union(*(s.bound | s.stored_inside for s in statements))
        outside = [s.node for s in statements if not isinstance(s.node, (*FUNCTIONS, ast.ClassDef))]
        kinds = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)
        others = [s.bound for s in statements if isinstance(s.node, kinds)]
        others += [s.stored_inside for s in statements]
        values = value_names(outside).difference(*others)
        self._known = {*bound, *dir(builtins)}
        self._values = values | frozenset(dir(builtins)) - bound
        self._sources = alias_sources(outside, entry)
        for name, shared in [*self._sources.items()]:
            self._sources.setdefault(f"{name}()", set()).update(f"{other}()" for other in shared)
        for statement in statements:
            node = statement.node
            for name in statement.bound:
                self._used_by.setdefault(name, set()).update(statement.loaded)
            for name in _defined(node):
                self._owners.setdefault(name, []).append(statement)
            for inner in ast.walk(node):
                if isinstance(inner, FUNCTIONS) and inner.name != entry:
                    given = self._sources.setdefault(f"{inner.name}()", set())
                    given |= _given_by(inner, statement, entry)
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    found = _modules(inner)
                    self._starred |= {found.pop("*", "")}
                    self._modules |= found
                elif isinstance(inner, ast.ClassDef):
                    self._classes.add(inner.name)
                elif isinstance(inner, ast.arg):
                    self._known.add(inner.arg)
                elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    self._known.add(inner.id)
                elif isinstance(inner, ast.Expr):
                    self._for_effect.update(_for_effect(inner.value))
                elif isinstance(inner, ast.Attribute):
                    self._lists_subclasses |= inner.attr == "__subclasses__"
        self._told_classes: dict[str, set[str]] = {}
        self._told_classes = self._classes_told()

    def of(self, statement: Statement) -> frozenset[str]:
        """Names that it binds or may change when it runs."""
        changed = set(statement.bound)
        if not isinstance(statement.node, (*FUNCTIONS, ast.ClassDef)):
            changed |= statement.stored_inside  # `:=` in a comprehension
        for node in flat([statement.node]):
            changed |= self._registered_by(node)
        for part in run_at_once(statement.node):
            changed |= self._changed_in(part, self._sources)
        for owner in self._called(statement):
            inside = self._changed_in(owner.node, alias_sources([owner.node], self._entry))
            known = {name for name in inside if name.removesuffix("()") in owner.loaded}
            changed |= self._spread(known, self._sources)
            changed |= owner.stored_inside
        return frozenset(changed)

    def _called(self, statement: Statement) -> Iterator[Statement]:
        """The definitions of its own that a statement may run, by whatever name."""
        called = [name for part in run_at_once(statement.node) for name in _names_in(part)]
        seen = {self._entry}
        while called:
            name = called.pop()
            if name in seen:
                continue
            seen.add(name)
            called += self._sources.get(name, ())
            called += self._classes & self._used_by.get(name, set())  # `box.fill()`
            for owner in self._owners.get(name, ()):
                yield owner
                called += _names_in(owner.node)

    def is_setting(self, statement: Statement) -> bool:
        """Whether it is run for its effect on the whole process, as `sys.setrecursionlimit` is, and
        not to try the entry point, as `numpy.testing.assert_equal(f(1), 2)` is."""
        nodes = [statement.node]
        if isinstance(statement.node, ast.If | ast.Try | ast.With):
            nodes += flat(nodes)
        if any(map(self._sets, nodes)):
            return True
        if not isinstance(statement.node, ast.Expr) or self._tries(statement.node):
            return False
        called = {_chain(call.func)[0] for call in _for_effect(statement.node.value)}
        inside = (node for owner in self._called(statement) for node in ast.walk(owner.node))
        return not called.isdisjoint(self._owners) and any(
            self._sets(node) for node in inside if isinstance(node, ast.stmt)
        )

    def _registered_by(self, node: ast.stmt) -> set[str]:
        """What a definition enters itself in: the object of a decorator, as in `@f.register`, and
        the bases of a class that hear of their subclasses."""
        found: set[str] = set()
        for decorator in getattr(node, "decorator_list", ()):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            name, *attributes = _chain(called)
            if attributes and name not in self._modules:
                found.add(name)
        if isinstance(node, ast.ClassDef):
            bases = [*node.bases, *(keyword.value for keyword in node.keywords)]
            names = {_chain(base)[0] for base in bases}
            found |= {name for name in names if node.keywords or self._hears(name)}
        return found - {""}

    def _hears(self, name: str) -> bool:
        """Whether a class is told of its subclasses, or is made by another class than `type`."""
        return self._lists_subclasses or any(
            (isinstance(node, FUNCTIONS) and node.name == "__init_subclass__")
            or (isinstance(node, ast.ClassDef) and bool(node.keywords))
            for owner in self._owners.get(name, ())
            for node in ast.walk(owner.node)
        )

    def _sets(self, node: ast.stmt) -> bool:
        match node:
            case ast.Expr(value=value) | ast.Assign(targets=[ast.Name(id="_")], value=value):
                chains = [_chain(call.func) for call in _for_effect(value)]
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target]):
                chains = [_names_in(target)]
            case _:
                return False
        is_of_made = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
        for names in filter(None, chains):
            modules = self._modules_of(names[0])
            for maker in self._used_by.get(names[0], ()) if is_of_made else ():
                modules = modules | self._modules_of(maker)  # `context.prec = 9`
            is_seed = "random" in modules and not {"seed", "setstate"}.isdisjoint(names)
            if is_seed or (modules & _SETTINGS and _SHOWN.isdisjoint(names)):
                return not self._tries(node)
        return False

    def _modules_of(self, name: str) -> AbstractSet[str]:
        """The module that a name is, or is of: of a name that nothing binds, any that is imported
        with a star."""
        if name in self._modules:
            return {self._modules[name]}
        return frozenset() if name in self._known else self._starred

    def _tries(self, node: ast.AST) -> bool:
        """Whether a part looks up the entry point, or what was made with it."""
        return self._entry in with_sources(_names_in(node), self._used_by)

    def _spread(self, changed: set[str], sources: Sources) -> set[str]:
        """The names and those that they may be other names of, but functions and modules; nothing
        changes what is Python's own, such as the `int` of `map(int, words)`, or a number."""
        changed = changed - self._values
        shared = with_sources(changed, sources) - changed - self._values
        shared = {n for n in shared if n not in self._owners}  # but what they hold, as `f.memo`
        return changed | {n.removesuffix(".") for n in shared} - self._modules.keys() - self._values

    def _changed_in(self, tree: ast.AST, sources: Sources) -> set[str]:
        """Roots of what is stored to, called a method of, or handed to a call, and what they are
        other names of by `sources`."""
        changed: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case (
                    ast.Attribute(ctx=ast.Store() | ast.Del())
                    | ast.Subscript(ctx=ast.Store() | ast.Del())
                ):
                    changed |= {_chain(node)[0], *self._shared_by(node)}
                case ast.AugAssign(target=ast.Name(id=name), value=value) if isinstance(
                    value, _DISPLAYS
                ):
                    changed.add(name)
                case ast.Call():
                    changed |= self._changed_by_call(node, sources)
        return self._spread(changed - {""}, sources)

    def _changed_by_call(self, call: ast.Call, sources: Sources) -> set[str]:
        name, *attributes = _chain(call.func)
        changed = set(self._told_classes.get(attributes[-1], ())) if attributes else set()
        if name and name == self._entry and len(attributes) < 2:
            return changed
        changed |= self._shared_by(call.func)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            made = call.func.value.func  # `Solution().method(data)`
            if isinstance(made, ast.Name) and made.id == self._entry:
                return changed
        # `Solution.method()` and `module.function()` change no name, `Solution.table.append()` does
        of_module = name in self._modules
        if len(attributes) >= (2 if name in self._owners or of_module else 1) and (
            not of_module or (call in self._for_effect and not self._tries(call))
        ):
            changed.add(name)
        if not attributes and name in sources:
            changed.add(name)  # `add(3)` for `add = primes.append`
        if attributes or name not in _READ_ONLY:
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            chains = [_chain(argument) for argument in given]
            # what a module holds, as `np.int64` and `string.digits`, nobody changes
            names = {chain[0] for chain in chains if chain[0] not in self._modules or not chain[1:]}
            is_setter = name in ("setattr", "delattr")
            changed |= {given for given in names if is_setter or given not in self._owners}
        elif name in ("map", "filter") and call.args:
            called, *method = _chain(call.args[0])
            if called in sources or (method and called not in self._modules):
                changed.add(called)
        return changed

    def _shared_by(self, node: ast.AST) -> set[str]:
        """What a chain shares that begins with no name, as `(rows() or table)[0] = 1`; what
        functions of modules give is new, and so is `sorted(table)`, but not its entries."""
        match node:
            case ast.Attribute(value=ast.Call(func=ast.Name(id=name))) if name in _COPY:
                return set()
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        if isinstance(node, ast.Name):
            return set()
        return {n for n in shared_with(node, self._entry) if n[-1] != "."} - self._modules.keys()

    def _classes_told(self) -> dict[str, set[str]]:
        """Methods that change the class that they are called on -> the names of the classes."""
        found: dict[str, set[str]] = {}
        classes = {
            owner.node.name: owner.node
            for owners in self._owners.values()
            for owner in owners
            if isinstance(owner.node, ast.ClassDef)
        }
        for name, node in classes.items():
            for method in node.body:
                if isinstance(method, FUNCTIONS) and _is_class_method(method):
                    changed = self._changed_in(method, alias_sources([method], self._entry))
                    if changed & {argument.arg for argument in method.args.args[:1]}:
                        found.setdefault(method.name, set()).add(name)
        return found


def _given_by(
    function: ast.FunctionDef | ast.AsyncFunctionDef, statement: Statement, entry: str
) -> set[str]:
    """The module's names whose objects a call of a function in a statement may give."""
    found = returned_names(function, entry)
    known = {name for name in found if not name.isidentifier() or name in statement.loaded}
    told = isinstance(statement.node, ast.ClassDef) and _is_class_method(function)
    if told and found & {argument.arg for argument in function.args.args[:1]}:
        known.add(f"{next(iter(statement.bound))}.")
    return known


def run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a statement that run when it does: not the bodies of functions."""
    if isinstance(node, FUNCTIONS):
        yield from node.decorator_list
        yield from node.args.defaults
        yield from (default for default in node.args.kw_defaults if default)
    elif isinstance(node, ast.ClassDef):
        yield from [*node.decorator_list, *node.bases, *node.keywords]
        for item in node.body:
            yield from run_at_once(item)
    elif isinstance(node, BLOCKS):
        for child in ast.iter_child_nodes(node):
            yield from run_at_once(child)
    else:
        yield node


def _defined(node: ast.stmt) -> Iterator[str]:
    """Names of what runs when it is called: of functions and classes, of lambdas."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef, *BLOCKS)):
        for inner in ast.walk(node):
            if isinstance(inner, (*FUNCTIONS, ast.ClassDef)):
                yield inner.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _for_effect(value: ast.expr) -> Iterator[ast.Call]:
    """Calls whose value nobody takes, as in `hasattr(a, "b") and a.b()` that stands alone."""
    match value:
        case ast.Call():
            yield value
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from _for_effect(part)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_for_effect(body), *_for_effect(orelse))


def _is_class_method(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "classmethod" for n in method.decorator_list)


def _names_in(tree: ast.AST) -> list[str]:
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _chain(node: ast.AST) -> list[str]:
    """`a.b[0].c` as a, b, "", c; its first is "" if it does not begin with a name."""
    names = []
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        names += [node.attr] if isinstance(node, ast.Attribute) else []
        names += [""] if isinstance(node, ast.Subscript) else []
        if isinstance(node, ast.Call):
            return ["", *reversed(names)]
        node = node.value
    return [node.id if isinstance(node, ast.Name) else "", *reversed(names)]


def _modules(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Imported name -> the module that it is, or is of."""
    if isinstance(node, ast.Import):
        return {
            (alias.asname or alias.name).partition(".")[0]: alias.name.partition(".")[0]
            for alias in node.names
        }
    module = (node.module or "").partition(".")[0]
    return {alias.asname or alias.name: module for alias in node.names}
