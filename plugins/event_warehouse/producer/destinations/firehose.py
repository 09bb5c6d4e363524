"""An Amazon Data Firehose delivery stream: each event is one record and one line.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qs

from botocore import exceptions  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]

from event_warehouse.producer.destinations import Receipt, Unavailable

# For these codes the service says "try again"; all others are about names, keys and
# permissions. No record is to blame: `track` accepts none that a stream would refuse.
PASSING = frozenset(
    {
        "InternalFailure",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "LimitExceededException",
    }
)


class Firehose:
    """One delivery stream, through boto3's core, with its usual credentials.

    Not through boto3 itself, which can't be imported while a process is exiting.
    """

    def __init__(self, destination: SplitResult, *, timeout: float) -> None:
        options = parse_qs(destination.query)
        self._stream = destination.netloc
        try:
            self._client: Any = Session().create_client(
                "firehose",
                region_name=options.get("region", [None])[0],
                endpoint_url=options.get("endpoint_url", [None])[0],
                config=Config(
                    connect_timeout=timeout,
                    read_timeout=timeout,
                    retries={"total_max_attempts": 1},
                ),
            )
        except (exceptions.BotoCoreError, ValueError) as error:
            problem = f"{destination.netloc}: {_kind(error)}"
            raise Unavailable(problem, needs_person=True) from error

    def send(self, events: Sequence[bytes]) -> Receipt:
        """Send the events; those that failed individually are to be sent again."""
        try:
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._stream,
                Records=[{"Data": event} for event in events],
            )
        except exceptions.ClientError as error:
            raise self._unavailable(error) from error
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise Unavailable(f"{self._stream}: {_kind(error)}") from error
        except exceptions.BotoCoreError as error:
            problem = f"{self._stream}: {_kind(error)}"
            raise Unavailable(problem, needs_person=True) from error
        return _read(answer)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _unavailable(self, error: exceptions.ClientError) -> Unavailable:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        is_passing = code in PASSING or status >= 500 or status == 429
        return Unavailable(f"{self._stream}: {code}", needs_person=not is_passing)


def _read(answer: dict[str, Any]) -> Receipt:
    if not answer.get("FailedPutCount"):
        return Receipt()
    failed = [
        (place, entry["ErrorCode"])
        for place, entry in enumerate(answer["RequestResponses"])
        if entry.get("ErrorCode")
    ]
    return Receipt(again=[place for place, _ in failed], problem=failed[0][1])


def _kind(error: Exception) -> str:
    """Only the type: the message may hold parts of the request."""
    return type(error).__name__
