"""What the tests of several rooms need: a corpus, processes, runs to compare with."""
