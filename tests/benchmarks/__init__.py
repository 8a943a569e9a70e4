"""Speed, not correctness: ``python -m pytest tests/benchmarks``; not part of the tests."""
