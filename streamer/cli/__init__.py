"""The command line: commands, options, tables, log lines and the live line.

Each command imports what it needs when it runs, so that ``--help`` is fast.
"""
