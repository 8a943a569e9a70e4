"""The trainer and the schedule of blocks."""
