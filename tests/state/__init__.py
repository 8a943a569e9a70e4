"""The state, its tree, its readers, its migrations."""
