"""What is asked of a model and of a folder of checkpoints, answered as data: for terminals, pages and scripts alike."""
