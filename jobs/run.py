"""`python -m jobs.run --config FILE`: all rounds of a configuration, as a Ray job's driver."""

from __future__ import annotations

import argparse
import sys

from skeldpo.cli import add_config_options, run_command, run_guarded


def main() -> int:
    """Parses the command line of the job and runs it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="jobs.run", description=__doc__)
    add_config_options(parser)
    options = parser.parse_args()
    return run_guarded(lambda display: run_command(options, display))


if __name__ == "__main__":
    sys.exit(main())
