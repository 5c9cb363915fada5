"""Charts: what they show (chart.py, days.py, series.py), how (frame.py, bars.py, world.py), who draws (drawing.py)."""
