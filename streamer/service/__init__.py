"""The long-running process: it reads files in blocks, trains the model and saves it, until it is told to stop."""
