"""The commands, by what they are for: parse, call, print. Each imports what it uses when it runs."""
