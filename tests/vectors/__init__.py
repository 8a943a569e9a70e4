"""Tests of the vectors room."""
