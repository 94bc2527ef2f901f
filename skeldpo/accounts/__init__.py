"""What became of a pipeline's problems, actors and cores, while it runs and after it."""
