"""Which bytes of which file were trained: pure data, no file is touched here."""
