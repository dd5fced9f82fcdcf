"""Messages between the process that schedules and a worker: pickles with their length before them, on pipes. No torch.

Answers begin with a token that the worker was given and carry the number of their question, since measured code may write into
any descriptor, and may fork.
"""

from __future__ import annotations

import os
import pickle
import selectors
import struct
import time
from typing import IO, Any

TOKEN_BYTES = 16
SAYS = "says"
"""In place of the outcome of a question: what a worker does meanwhile, in words. Its answer is still to come."""
LARGEST = 1 << 28
"""Bytes of an answer, at most: more was never sent by a worker."""


class Garbled(Exception):
    """What came is no answer."""


def send(stream: IO[bytes], message: Any, token: bytes = b"") -> None:
    """One message."""
    data = pickle.dumps(message)
    frame = memoryview(token + struct.pack("!Q", len(data)) + data)
    while frame:  # a stream without a buffer may take a part
        frame = frame[stream.write(frame) or 0 :]
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """One message without a token. Raises EOFError where the other side is gone."""
    (length,) = struct.unpack("!Q", _exactly(stream, 8))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


class Answers:
    """What a worker answers, read as it comes."""

    def __init__(self, stream: IO[bytes], token: bytes) -> None:
        self.stream, self.token = stream, token
        self.held = b""

    def next(self, seconds: float) -> Any:
        """The next answer. Raises TimeoutError where it is not whole in time (ask again), EOFError, Garbled."""
        end = time.monotonic() + seconds
        head = TOKEN_BYTES + 8
        self._hold(head, end)
        (length,) = struct.unpack("!Q", self.held[TOKEN_BYTES:head])
        if length > LARGEST:
            raise Garbled
        self._hold(head + length, end)
        data, self.held = self.held[head : head + length], self.held[head + length :]
        try:
            return pickle.loads(data)
        except Exception as fault:  # whatever bytes that are no pickle raise
            raise Garbled from fault

    def _hold(self, length: int, end: float) -> None:
        """Read on until so much is there, which begins with the token."""
        while len(self.held) < length or not self.held.startswith(self.token):
            if not self.token.startswith(self.held[:TOKEN_BYTES]):
                raise Garbled  # at once: what claims a length of its own would be waited for
            self._await(end)
            more = os.read(self.stream.fileno(), 1 << 16)
            if not more:
                raise EOFError
            self.held += more

    def _await(self, end: float) -> None:
        """Wait until something comes. Only where the system can wait for pipes; elsewhere reading waits, without an end."""
        if os.name != "posix":
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self.stream, selectors.EVENT_READ)
            if not selector.select(max(end - time.monotonic(), 0.0)):
                raise TimeoutError
