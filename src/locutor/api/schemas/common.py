"""Pieces that several nouns share."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from locutor.api.errors import ErrorBody, OpenAIError
from locutor.options import described_options

Id: TypeAlias = Annotated[str, Path(min_length=1, max_length=120, description="An id or a name.")]
Language: TypeAlias = Annotated[
    str, Field(max_length=40, description="A tag of GET /languages.", examples=["en", "pt-BR"])
]
Text: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1),
    Field(
        description="What to say. A script where it has tags: [voice:NAME] until the next one, [pause:1.5s].",
        examples=["Good morning!"],
    ),
]
Responses: TypeAlias = dict[int | str, dict[str, Any]]

EVENT: dict[str, Any] = {
    "schema": {
        "type": "object",
        "description": "One event; data is JSON.",
        "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
    }
}
_MEANINGS = {
    400: "A header, option or body that cannot be what was meant; the sentence says what is allowed.",
    401: "No API key, or one that is unknown, revoked or over.",
    403: "The key lacks the scope, or a page of another site asks.",
    404: "There is no such thing.",
    408: "It was not done within the timeout; ask again.",
    409: "The thing is in a state that forbids this.",
    410: "It was there, and its time is over.",
    413: "The body is too large.",
    415: "A body of a type that is not taken.",
    416: "A Range beyond the file.",
    421: "The service is not called by this name.",
    422: "The body does not have the form shown, or the text or the recording cannot be used.",
    425: "Not yet: the job has not ended.",
    429: "Too many requests, or a full queue; Retry-After says when to come again.",
    500: "A fault of the service; its log knows the request id.",
    503: "It cannot be done now: a model, a worker or the memory is missing.",
    504: "The time for the request was over before it was done.",
    507: "The disk refused.",
}
EVERYWHERE = (400, 401, 403, 413, 421, 422, 429, 500)
SPEAKING = (404, 409, 503, 504, 507)


def refusals(*statuses: int, openai: bool = False) -> Responses:
    """OpenAPI entries of the error statuses an operation has, with those that any may have."""
    model = OpenAIError if openai else ErrorBody
    return {status: {"model": model, "description": _MEANINGS[status]} for status in sorted({*EVERYWHERE, *statuses})}


def leads_to(parameters: dict[str, str], *operations: str) -> dict[str, Any]:
    """OpenAPI links of an answer: path parameter -> field of the answer, for each of these operationIds."""
    fields = {parameter: f"$response.body#/{field}" for parameter, field in parameters.items()}
    return {"links": {name: {"operationId": name, "parameters": fields} for name in operations}}


def option(name: str) -> Any:
    """A field for one of the options of a synthesis, None when left out, with its range and what it does."""
    described = described_options()[name]
    return Field(default=None, ge=described.low, le=described.high, description=f"{described.help}.")


def iso(at: float | None) -> datetime | None:
    """A Unix time in seconds as a moment in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


class Message(BaseModel):
    """What was done, in words."""

    message: str
