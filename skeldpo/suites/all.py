"""Every suite that the command line knows by its name."""

from __future__ import annotations

import importlib

from skeldpo.suites import (
    code_contests,
    effibench,
    enamel,
    evalperf,
    heldout,
    humaneval_plus,
    leetcode,
    mbpp_plus,
    mercury,
    problems,
)
from skeldpo.suites.contract import Suite

SUITES = (
    enamel.SUITE,
    mercury.SUITE,
    mbpp_plus.SUITE,
    humaneval_plus.SUITE,
    evalperf.SUITE,
    effibench.SUITE,
    leetcode.SUITE,
    code_contests.SUITE,
    problems.SUITE,
    heldout.SUITE,
)


def find_suite(name: str) -> Suite:
    """The suite of a name, or the SUITE of a module "package.module"; ValueError if there is none.

    A module of your own is imported: from the installed packages, or from $PYTHONPATH.
    """
    by_name = {suite.name: suite for suite in SUITES}
    if name in by_name:
        return by_name[name]
    known = f"known: {', '.join(by_name)}"
    try:
        suite = getattr(importlib.import_module(name), "SUITE", None)
    except (ImportError, TypeError, ValueError) as error:
        raise ValueError(
            f"no suite {name!r}; {known}; one of your own is named by its module, package.module, "
            f"which is installed or on $PYTHONPATH ({error})"
        ) from error
    if not isinstance(suite, Suite):
        raise ValueError(
            f"--suite {name}: expected a skeldpo.suites.contract.Suite as SUITE of that module, "
            f"found {type(suite).__name__}; {known}"
        )
    return suite
