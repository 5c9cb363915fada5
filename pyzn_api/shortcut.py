"""The short way to a route's function, for requests that leave the framework nothing to validate.

Most requests are a path without a query: then each parameter is a text of the path or has its default, as FastAPI
would pass it. Its layers between the middleware and the function take longer than the function.
"""

import re
from collections.abc import Sequence
from inspect import Parameter, signature

from fastapi import Request, Response
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from pyzn_api.errors import response_to


class Shortcut:
    """Direct call of a route's function where there is no query and no validation; all else is the framework's."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._framework = app
        numbered = {f"_{number}": route for number, route in enumerate(iter_route_contexts(routes))}
        # In their order, since the first one that matches answers.
        self._pattern = re.compile("|".join(f"(?P<{name}>{_path(route)})" for name, route in numbered.items()))
        self.routes = {name: route for name, route in numbered.items() if _needs_no_framework(route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        route = endpoint = None
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            found = self._pattern.fullmatch(scope["path"])
            route = self.routes.get(found.lastgroup or "") if found else None
            endpoint = route.endpoint if route else None
        if not route or not endpoint or not found:
            await self._framework(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive, send)
        names = (parameter.name for parameter in route.dependant.path_params)
        values = [value for value in found.groups() if value is not None][1:]
        try:
            response: Response = await endpoint(request, **dict(zip(names, values, strict=True)))
        except Exception as error:  # noqa: BLE001 - every error has an answer, as behind the framework; response_to logs it
            response = await response_to(request, error)
        await response(scope, receive, send)


def _path(route: RouteContext) -> str:
    """Return the pattern of the route's path, its groups without names."""
    return re.sub(r"\?P<\w+>", "", route.path_regex.pattern.removeprefix("^").removesuffix("$"))


def _needs_no_framework(route: RouteContext) -> bool:
    """Return whether the route's function takes the request, texts of the path, and what has a default."""
    needs, path = route.dependant, [each.name for each in route.dependant.path_params]
    converted = (each for each in needs.path_params if each.field_info.annotation is not str)
    validated = (needs.dependencies, needs.header_params, needs.cookie_params, needs.body_params, *converted)
    if route.endpoint is None or any(validated):
        return False
    request, *parameters = signature(route.endpoint).parameters.values()
    return (
        request.name == needs.request_param_name
        and len(path) == len(route.param_convertors)
        and all(each.default is not Parameter.empty for each in parameters if each.name not in path)
    )
