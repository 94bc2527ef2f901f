"""Which answers to a problem are right. Nothing here runs a program."""
