"""What the search page shows: lanes side by side, marked words, filters, saved queries, files."""
