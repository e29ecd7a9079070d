"""The Index, X-ray and Drift pages: an index over time, in front of everybody."""
