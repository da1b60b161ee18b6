"""Micro-benchmarks of single calls with pytest-benchmark; not part of the test suite."""
