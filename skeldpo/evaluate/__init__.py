"""Scores of a policy: formulas (`metrics`) and the suites that use them."""
