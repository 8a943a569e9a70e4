"""Answers as data; nothing here prints."""
