"""Sources of problems, a module each (`sources` lists them), and programs given for problems."""
