"""The pictures: what is drawn, where labels go, and that files are whole and always the same."""
