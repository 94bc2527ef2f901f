"""Questions that were answered with skeldpo, each by `python -m studies.NAME`; docs/RESULTS.md.

Benchmarks measure the product; a study uses it, as any user could, to find something out.
"""
