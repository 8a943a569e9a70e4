"""The terminal: commands that parse, call and print; options, tables, log lines and the live line.

Each command imports what it uses when it runs, so that ``--help`` waits for nothing.
"""
