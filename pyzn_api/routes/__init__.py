"""One module a topic; each has a `router` of module-level functions, which app.py puts together.

A route's function finds the parts of its application by `state(request)`, see state.py.
"""
