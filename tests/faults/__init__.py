"""Tests that break processes, disks, checkpoints and files. ``python -m pytest tests/faults --long`` does it all."""
