"""What programs that reckon in floats, as spreadsheets do, keep of whole numbers."""

FLOATS_ARE_WHOLE = 2**53
"""From here on a float stands for several whole numbers."""
