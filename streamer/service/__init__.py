"""The long-running process: files become blocks, train the model, and are saved, until it is told to stop."""
