"""What a run's workers will need, from its configuration and the model's config.json alone, and
whether the nodes that are there have it.

`shape` counts a model, `worker`, `engine` say what each kind of worker needs and of what it is
made, `nodes` what there is, `check` compares them. Estimates: a test holds a training's measured
peak against them (`worker.BAND`). No weights are read.
"""
