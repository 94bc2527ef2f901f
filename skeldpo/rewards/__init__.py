"""What a program earns, from verdicts and times that were measured.

levels      which programs differ in speed at all, by the exact test (pure)
group       rewards of a problem's candidates (pure)
advantages  rewards relative to the group's (pure)
rows        the groups that the learner is taught from (pure)
measured    what the programs of a request earn, on a core that the caller holds
pool        requests on this machine's sandbox cores; the function for other trainers
service     the pool over HTTP; journal: its answers on disk
"""
