"""Preference training that makes code LLMs write faster programs, on Ray.

What a program of yours may import is in `skeldpo.api` (docs/API.md).
"""

__version__ = "0.1.0"
