"""What the commands of `skeldpo` do that need no run: one module a command."""
