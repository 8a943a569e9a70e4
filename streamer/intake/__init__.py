"""Files → blocks of text: which files are in the inbox, which of their bytes were trained, how to read the rest."""
