"""Settings: each with its type, its bounds and its help; those of a model, those of a run, and files of them."""
