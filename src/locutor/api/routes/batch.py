"""Many texts in one job."""

from collections.abc import Sequence
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from locutor.api.choices import named_model
from locutor.api.deps import Context, Served, allow
from locutor.api.errors import ApiError
from locutor.api.files import disposition
from locutor.api.routes.jobs import live_job
from locutor.api.schemas.batch import COLUMNS, BatchIn, BatchRow, read_csv
from locutor.api.schemas.common import Id, Responses, leads_to, refusals
from locutor.api.schemas.jobs import JobOut
from locutor.api.schemas.speech import Parameters
from locutor.auth.scopes import Scope
from locutor.errors import LocutorError, OptionError
from locutor.orders import SpeechOrder, place
from locutor.tasks import SYNTHESIZE_BATCH, check_length

router = APIRouter(prefix="/jobs", tags=["Jobs"], dependencies=[Depends(allow(Scope.SPEAK))])

_CSV = "text,voice_id,language\nGood morning!,default,en\nBom dia!,default,pt-BR\n"
_SHAPE = BatchIn.model_json_schema()
_SHAPE["properties"]["rows"]["items"] = BatchRow.model_json_schema()
_SHAPE.pop("$defs")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _SHAPE,
                "examples": {
                    "two": {"value": {"rows": [{"text": "Good morning!"}, {"text": "Bom dia!", "language": "pt-BR"}]}}
                },
            },
            "text/csv": {"schema": {"type": "string"}, "examples": {"two": {"value": _CSV}}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary", "description": "A CSV file."}},
                    "required": ["file"],
                }
            },
        },
    }
}


@router.post(
    "/batch",
    status_code=202,
    response_model=JobOut,
    responses={202: leads_to({"job_id": "id"}, "jobs_one", "jobs_archive", "jobs_delete"), **refusals(404, 415, 507)},
    openapi_extra=_BODY,
    summary="Queue many texts; the result is a ZIP",
)
async def batch(request: Request, served: Served) -> JobOut:
    """JSON, CSV, or a form with a CSV file. Rows that cannot be spoken are listed; the others are."""
    body = await _read(request)
    return await run_sync(_submit, served, body)


async def _read(request: Request) -> BatchIn:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return BatchIn.model_validate_json(await request.body())
        if kind == "text/csv":
            return BatchIn.model_validate({"rows": read_csv(await request.body())})
        if kind == "multipart/form-data":
            return BatchIn.model_validate({"rows": read_csv(await _file(request))})
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_context=False)]
        raise RequestValidationError(problems) from error
    raise ApiError(
        415, "TypeError", f"a batch is application/json, text/csv or a form with a file, not {kind or 'without a type'}"
    )


async def _file(request: Request) -> bytes:
    async with request.form(max_files=1, max_fields=10) as form:
        found = form.get("file")
        if not isinstance(found, UploadFile):
            raise OptionError(f"the form has no file; its CSV has columns of {', '.join(COLUMNS)}")
        return await found.read()


def _submit(served: Context, body: BatchIn) -> JobOut:
    orders = [_order(served, body, row) for row in body.rows]
    _check_one(served, orders)
    params = {"rows": [order.to_params() for order in orders]}
    return JobOut.of(served.stores.jobs.submit(SYNTHESIZE_BATCH, params, ttl_s=served.job_ttl_s))


def _order(served: Context, body: BatchIn, row: BatchRow) -> SpeechOrder:
    """What one row asks for; whether it can be done is seen when its turn comes."""
    return SpeechOrder(
        text=row.text,
        language=row.language or body.language or served.settings.lang,
        voice=row.voice_id or body.voice_id or served.settings.voice,
        model=named_model(served, row.model or body.model),
        profile=row.quality_profile_id or body.quality_profile_id,
        options=row.model_dump(include=set(Parameters.model_fields), exclude_none=True),
        normalize=body.normalize,
        format=body.format,
    )


def _check_one(served: Context, orders: Sequence[SpeechOrder]) -> None:
    """Raise OptionError, with the first row's reason, when no row can be done at all."""
    reasons = []
    for order in orders:
        try:
            check_length(order.text, served.settings.max_text_chars)
            place(served.stores, order, served.settings.model)
        except LocutorError as error:
            reasons.append(str(error))
        else:
            return
    raise OptionError(f"no row can be spoken; the first: {reasons[0]}")


_ZIP: Responses = {
    200: {"description": "A ZIP.", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/{job_id}/zip",
    response_class=FileResponse,
    responses=_ZIP | refusals(404, 409, 410, 425),
    summary="A batch's files",
)
def archive(job_id: Id, served: Served) -> FileResponse:
    """The audio of every row that was spoken, and manifest.json with every row's file, recipe or error."""
    job = live_job(served, job_id)
    if not job.status.is_final:
        raise ApiError(425, "NotReadyError", f"job {job_id} is {job.status}; wait for it")
    if "zip" not in job.outputs:
        raise ApiError(409, "NoArchiveError", f"job {job_id} is {job.status} and has no ZIP")
    name = disposition("attachment", f"batch_{job_id}.zip")
    path = served.stores.artefacts.path(job.outputs["zip"])
    return FileResponse(path, media_type="application/zip", headers={"Content-Disposition": name})
