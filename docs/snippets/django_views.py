"""Django views that read the codes of an uploaded picture or PDF."""

import functools

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

import qrcascade

LIMITS = qrcascade.Limits(max_bytes=10_000_000, max_pixels=25_000_000)


@functools.cache
def cascade() -> qrcascade.Cascade:
    """Return the process's cascade, made at its first upload, after the server has forked."""
    made = qrcascade.Cascade.preset("light", isolation="process", limits=LIMITS)
    # Outside any timeout: starting a process takes longer than reading most pictures.
    made.warm()
    return made


@require_POST
def read(request: HttpRequest) -> JsonResponse:
    """Answer with what is read in the form's file "picture"."""
    picture = request.FILES.get("picture")
    if picture is None:
        return JsonResponse({"error": "send a picture as the file 'picture'"}, status=400)
    try:
        result = cascade().read(picture, timeout=10.0)
    except qrcascade.ImageError as error:
        return JsonResponse({"error": str(error)}, status=422)
    return JsonResponse(result.to_dict())


@require_POST
def read_document(request: HttpRequest) -> JsonResponse:
    """Answer with what is read on each page of the form's file "document", a PDF or a picture."""
    document = request.FILES.get("document")
    if document is None:
        return JsonResponse({"error": "send a document as the file 'document'"}, status=400)
    try:
        pages = qrcascade.read_document(document, cascade=cascade(), max_pages=10, timeout=10.0)
        return JsonResponse({"pages": [page.to_dict() for page in pages]})
    except qrcascade.ImageError as error:
        return JsonResponse({"error": str(error)}, status=422)


urlpatterns = [path("read", read), path("read-document", read_document)]
