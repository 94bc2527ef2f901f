"""HTML pages: one template, one style and one way to show a program for all of them.

A page is one file without scripts or anything from elsewhere, and fits a window of 400 pixels. What
is in it was written by models: every text is escaped, and the page forbids scripts.
"""

from skeldpo.pages.code import Sections, program
from skeldpo.pages.render import Table, render

__all__ = ["Sections", "Table", "program", "render"]
