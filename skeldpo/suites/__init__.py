"""`skeldpo evaluate` and `compare`: programs or policies on suites, as reports."""
