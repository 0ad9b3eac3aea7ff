"""The routes below `/openidm`: one for each documented call, and one that takes whatever is left.

All of them end in the same translation; the documented ones exist so that OpenAPI tells about them.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.rest import openapi
from api.rest.catalogue import FAMILIES
from api.rest.crest import Crest
from api.rest.exchange import METHODS, PREFIX


async def answer(request: Request) -> Response:
    """Hand the request to the translation, which settles everything itself."""
    crest: Crest = request.app.state.crest
    return await crest.answer(request)


def build_router() -> APIRouter:
    """All routes of the REST interface."""
    router = APIRouter(prefix=PREFIX)
    number = 0
    for family in FAMILIES:
        for operation in family.operations:
            number += 1
            router.add_api_route(
                operation.path,
                answer,
                methods=[operation.method],
                tags=[family.name],
                summary=operation.summary,
                operation_id=openapi.operation_id(operation, number),
                status_code=operation.answers[0],
                responses=openapi.responses(operation),
                openapi_extra=openapi.details(operation),
                response_class=Response,
                response_model=None,
            )
    for path in ("", "/{path:path}"):
        router.add_api_route(
            path, answer, methods=list(METHODS), include_in_schema=False, response_model=None
        )
    return router
