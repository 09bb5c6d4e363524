"""Words S3's errors in one line that says what to do.

It reports only the kind of an error, as the text may repeat parts of the request.
"""

from typing import Any

from botocore import exceptions  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import (
    REPLACED,
    FileChanged,
    FileGone,
    Interrupted,
    SourceUnavailable,
)

S3_ERRORS = (exceptions.BotoCoreError, exceptions.ClientError, ResponseParserError)
"""Everything that a call of the client raises."""

BROKEN_BODY = (
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ConnectionError,
)
"""What reading a body raises when its connection breaks."""

_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.ProfileNotFound,
)
_UNREACHABLE = (exceptions.ConnectionError, exceptions.HTTPClientError)

CUT_OFF = "the answer was cut off"

_CREDENTIALS_ADVICE = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a "
    "role is given"
)
_WRONG_CREDENTIALS = {
    "InvalidAccessKeyId": "the access key is not known there",
    "InvalidClientTokenId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret key is not that of the access key",
    "ExpiredToken": "the credentials have expired",
    "InvalidToken": "the session token is not valid",
    "TokenRefreshRequired": "the session token has to be renewed",
}
"""What is wrong with the credentials, by S3's error code."""


def listing_error(error: Exception, uri: str, client: Any) -> Exception:
    """Why a prefix can't be listed; Interrupted if that may pass."""
    code = _code(error)
    if code == "AccessDenied":
        return SourceUnavailable(
            f"{uri} can't be listed: these credentials lack the permission "
            "s3:ListBucket on its bucket"
        )
    kind, problem = _problem(error, client)
    if kind is Interrupted:
        return Interrupted(f"can't be listed: {problem}")
    return kind(f"{uri} can't be listed: {problem}")


def reading_error(error: Exception, client: Any) -> Exception:
    """Why an object can't be read; Interrupted if that may pass."""
    match _code(error):
        case "PreconditionFailed" | "412" | "InvalidRange" | "416":
            return FileChanged(REPLACED)
        case "NoSuchKey" | "404":
            return FileGone()
        case "AccessDenied" | "403":
            return FileError(
                "can't be read: these credentials lack the permission s3:GetObject on "
                "it, or kms:Decrypt on its key"
            )
        case "InvalidObjectState":
            return FileError("is archived; restore it to a class that can be read")
    kind, problem = _problem(error, client)
    return kind(f"can't be read: {problem}")


def writing_problem(error: Exception, client: Any) -> str:
    """Why an object can't be written."""
    if _code(error) in {"AccessDenied", "403"}:
        return (
            "these credentials lack the permission s3:PutObject on it, or "
            "kms:GenerateDataKey on its key"
        )
    _, problem = _problem(error, client)
    return problem


def _problem(error: Exception, client: Any) -> tuple[type[Exception], str]:
    """The exception and reason for an error that isn't specific to one object."""
    code = _code(error)
    if isinstance(error, ResponseParserError):
        return Interrupted, CUT_OFF
    if isinstance(error, _NO_CREDENTIALS):
        problem = f"there are no AWS credentials; {_CREDENTIALS_ADVICE}"
        return SourceUnavailable, problem
    if isinstance(error, _UNREACHABLE):
        return SourceUnavailable, (
            f"{_host(client)} can't be reached ({type(error).__name__}); check the "
            "network, and AWS_ENDPOINT_URL if it is set"
        )
    if code == "NoSuchBucket":
        return SourceUnavailable, f"{_host(client)} has no such bucket"
    if code == "RequestTimeTooSkewed":
        return SourceUnavailable, "this machine's clock is wrong; set it"
    if code in _WRONG_CREDENTIALS:
        problem = f"{_WRONG_CREDENTIALS[code]}; {_CREDENTIALS_ADVICE}"
        return SourceUnavailable, problem
    return FileError, f"{_host(client)} answered {code or type(error).__name__}"


def _code(error: Exception) -> str:
    """S3's error code; empty if there was no response from S3."""
    if not isinstance(error, exceptions.ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def _host(client: Any) -> str:
    return str(client.meta.endpoint_url)
