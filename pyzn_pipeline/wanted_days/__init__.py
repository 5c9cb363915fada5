"""Wanted days: who asked for which day, the attempts to read it, and the runs that are requested for it.

Belongs here: requests, from the moment they are made until the day is read or given up. Does not: reading a day.
"""
