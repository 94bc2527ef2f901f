"""Sources of problems: the built-in families and problem files."""
