"""The parts of the page that compares exact with approximate search."""
