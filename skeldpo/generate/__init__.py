"""Problem -> Candidate: the actor that asks a vLLM engine, and the engines."""
