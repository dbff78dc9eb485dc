"""Text on disk → character ids: sources, cleaning, vocabulary, minibatches."""
