"""The short way to a route's function, for requests that leave the framework nothing to validate.

Most requests are a path without a query: then each parameter is a text of the path or has its default, as FastAPI
would pass it. Its layers between the middleware and the function take longer than the function.
"""

import re
from collections.abc import Sequence
from inspect import Parameter, signature
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from pyzn_api.errors import response_to


class _Direct(NamedTuple):
    """A route that can be called directly."""

    path: str  # what metrics and the log call it
    endpoint: Any
    parameters: tuple[str, ...]  # of the path
    wants_request: bool


class Direct:
    """Calls the function of a route itself if there is no query and no validation; all else is the framework's."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._framework = app
        self._routes: dict[int, _Direct] = {}  # by the number of its group in the pattern
        self._pattern = self._read(routes)

    def _read(self, routes: Sequence[BaseRoute]) -> re.Pattern[str]:
        """One pattern of all routes in their order, since the first one that matches answers."""
        patterns: list[str] = []
        group = 1
        for route in iter_route_contexts(routes):
            pattern = re.sub(r"\(\?P<\w+>", "(", route.path_regex.pattern.removeprefix("^").removesuffix("$"))
            patterns.append(f"({pattern})")
            if direct := _direct(route):
                self._routes[group] = direct
            group += 1 + len(route.dependant.path_params)
        return re.compile("|".join(patterns))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        route = None
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            found = self._pattern.fullmatch(scope["path"])
            route = found and self._routes.get(found.lastindex or 0)
        if not route or not found:
            await self._framework(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive, send)
        start = found.lastindex or 0
        parameters = dict(zip(route.parameters, found.groups()[start:], strict=False))
        if route.wants_request:
            parameters["request"] = request
        try:
            response: Response = await route.endpoint(**parameters)
        except Exception as error:  # noqa: BLE001 - the outermost place, as the framework's is; it is logged
            response = await response_to(request, error)
        await response(scope, receive, send)


def _direct(route: RouteContext) -> _Direct | None:
    """How to call the route's function without a query, unless that takes more than texts of the path and defaults."""
    needs, path, endpoint = route.dependant, route.path, route.endpoint
    taken = (needs.dependencies, needs.header_params, needs.cookie_params, needs.body_params)
    if path is None or endpoint is None or any(taken):
        return None
    parameters = signature(endpoint).parameters
    texts = tuple(each.name for each in needs.path_params if each.field_info.annotation is str)
    others = parameters.keys() - {*texts, "request"}
    if any(parameters[name].default is Parameter.empty for name in others):
        return None
    return _Direct(path, endpoint, texts, "request" in parameters)
