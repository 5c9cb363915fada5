"""Pages and charts for people, from the same data and caches as the API's answers.

Put here: what a person looks at in a browser, and what a page loads. Do not put here: what programs call
(`pyzn_api/routes/`).
"""

from fastapi import FastAPI

from pyzn_site import addresses, compare, days, errors, home, picture, project, readme, search, static, wheels

TOPICS = (home, search, project, readme, wheels, compare, days)


def install(app: FastAPI) -> None:
    """Add the charts and pages to `app`, after all its other routes: where a path could be both, those win."""
    for topic in (picture, *TOPICS, static, addresses):
        app.include_router(topic.router)
    app.state.error_page = errors.for_pages({topic.PATH for topic in TOPICS})
