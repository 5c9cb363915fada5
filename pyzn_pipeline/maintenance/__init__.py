"""Maintenance of the tables: packing settled days, and retiring old months."""
