"""A run's folder -> its report: figures and tables, in the terminal and as one page."""
