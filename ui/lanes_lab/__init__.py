"""The two-lanes page's parts."""
