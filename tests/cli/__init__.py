"""Commands as people and scripts call them, mostly as processes of their own."""
