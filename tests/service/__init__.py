"""The whole of it, from outside: real processes, files, signals and checkpoints."""
