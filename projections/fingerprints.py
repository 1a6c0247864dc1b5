"""Fingerprints of the code that decodes and folds: other code may say something else."""

import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib import import_module
from types import CodeType
from typing import Any, Final, NamedTuple

_PACKAGE: Final = "projections"


class Fingerprints(NamedTuple):
    """What made a generation: the code that derives `facts`, and the code that folds `rows`."""

    facts: str
    rows: str


@cache
def fingerprints() -> Fingerprints:
    """Return the fingerprints of this program."""
    return Fingerprints(of_module("projections.derive"), of_module("projections.readmodels"))


@cache
def of_module(name: str) -> str:
    """Return the fingerprint of a module and of all that it uses of this package.

    It is made from what the modules compile to, so comments, docstrings and layout do not count.
    Another version of Python has another fingerprint of the same code.
    """
    import_module(name)
    codes = sorted(_with_all_that_it_uses(name).items())
    return _digest("\n".join(f"{module} {_spelled(code)}" for module, code in codes))


def of_source(source: str) -> str:
    """Return the fingerprint of some code by itself."""
    return _digest(_spelled(compile(source, "", "exec")))


def _digest(said: str) -> str:
    return sha256(f"{sys.version_info[:2]} {said}".encode()).hexdigest()[:16]


def _with_all_that_it_uses(name: str) -> dict[str, CodeType]:
    found: dict[str, CodeType] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in found and module.partition(".")[0] == _PACKAGE:
            found[module] = _code(module)
            # What it imports stands among its names: `from a.b import c` as a.b and as c.
            names = found[module].co_names
            packages = [each for each in names if each in sys.modules]
            waiting += packages
            waiting += [
                f"{each}.{part}"
                for each in packages
                for part in names
                if f"{each}.{part}" in sys.modules
            ]
    return found


def _code(module: str) -> CodeType:
    spec = sys.modules[module].__spec__
    assert spec is not None  # noqa: S101 - it was imported
    code: CodeType = spec.loader.get_code(module)  # type: ignore[union-attr]
    return code


def _spelled(code: CodeType) -> str:
    """Spell all that a piece of code does."""
    constants = [_constant(each) for each in _without_docstring(code)]
    names = code.co_names, code.co_varnames, code.co_freevars
    takes = code.co_argcount, code.co_kwonlyargcount, code.co_flags
    return repr((code.co_code, code.co_exceptiontable, *names, *takes, constants))


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _spelled(value)
    if isinstance(value, frozenset):  # it has no order of its own
        return repr(sorted(map(repr, value)))
    return repr(value)


def _without_docstring(code: CodeType) -> Iterator[Any]:
    """Give the constants but for a docstring: a function's comes first, a class says its name."""
    constants = list(code.co_consts)
    if "__doc__" in code.co_names:
        documented = (each for each in constants if each != code.co_qualname)
        constants.remove(next(each for each in documented if isinstance(each, str)))
    elif constants and isinstance(constants[0], str) and code.co_name != "<lambda>":
        constants[0] = None
    yield from constants
