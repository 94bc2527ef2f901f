"""What a program earns, from verdicts and times that were measured.

levels      which programs differ in speed at all, by the exact test (pure)
group       rewards of a problem's candidates (pure)
advantages  rewards relative to the group's (pure)
"""
