"""What the benchmarks raise on purpose, by what the caller does next.

EdgeSdkError (edge_sdk.errors; InputError and OutputError are raised here too)
└── BenchmarkError
    ├── RecordError            a results file: measure again with this version, or give another file
    └── UnlikeConditionsError  two records that must not be put into one comparison
"""

from edge_sdk.errors import EdgeSdkError


class BenchmarkError(EdgeSdkError):
    """Something cannot be measured as asked."""


class RecordError(BenchmarkError):
    """A results file cannot be used."""


class UnlikeConditionsError(BenchmarkError):
    """Two records were made under conditions that differ; the message names them."""
