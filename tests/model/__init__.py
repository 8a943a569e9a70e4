"""Tests of the model room: the mathematics against something slower and dumber."""
