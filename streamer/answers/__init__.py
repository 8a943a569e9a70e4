"""Answers about a model and a folder of checkpoints, as data: for terminals, pages and scripts."""
