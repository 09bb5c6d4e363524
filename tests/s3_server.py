"""A server on loopback that speaks S3, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class S3Server:
    """A server that is up."""

    port: int
    _commands: IO[str]
    _answers: IO[str]

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def fill(self, bucket: str, keys: Iterable[str], content: str = "x") -> None:
        """Make a bucket with small objects, far faster than by a request each."""
        command = {"bucket": bucket, "keys": list(keys), "content": content}
        self._commands.write(json.dumps(command) + "\n")
        self._commands.flush()
        assert self._answers.readline() == "filled\n"


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server without buckets, up until the block's end."""
    command = [sys.executable, str(Path(__file__))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield S3Server(
                int(process.stdout.readline()), process.stdin, process.stdout
            )
        finally:
            process.stdin.close()


def serve() -> None:
    """Serve until standard input ends; what it says is to be filled in."""
    import logging

    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    backend = s3_backends[ACCOUNT]["aws"]
    for line in sys.stdin:
        command = json.loads(line)
        if command["bucket"] not in backend.buckets:
            backend.create_bucket(command["bucket"], "us-east-1")
        for key in command["keys"]:
            backend.put_object(command["bucket"], key, command["content"].encode())
        print("filled", flush=True)
    server.stop()


if __name__ == "__main__":
    serve()
