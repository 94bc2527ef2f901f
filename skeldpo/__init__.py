"""Preference training that makes code LLMs write faster programs, on Ray."""

__version__ = "0.1.0"
