"""Files → blocks of text: what lies in the inbox, which bytes of it were trained, and how to read the rest."""
