"""Candidate -> Measurement: verdicts first, then repeated CPU times, one sandbox core an actor."""
