"""The command line's verbs, one module each: `add_arguments(parser)` declares them, `run(arguments)` does the work.

Modules here import the SDK inside `run`, so that `sewer-edge --help` is quick.
"""
