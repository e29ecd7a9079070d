"""What the similarity page shows: pairs, tokens, maps, guesses, and the files to take along."""
