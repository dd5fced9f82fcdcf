"""Messages of a worker: framed, in time, and nothing of what the measured code writes between them."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Iterator
from typing import IO

import pytest

from profiler.measure.channel import LARGEST, Answers, Garbled, receive, send

TOKEN = b"0123456789abcdef"
Ends = tuple[Answers, IO[bytes]]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """What reads answers, and the stream that they are written to."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as there, os.fdopen(writing, "wb") as here:
        yield Answers(there, TOKEN), here


def framed(message: object) -> bytes:
    data = pickle.dumps(message)
    return TOKEN + struct.pack("!Q", len(data)) + data


def test_answers_come_one_after_another(ends: Ends) -> None:
    answers, stream = ends
    for number in range(3):
        send(stream, (number, "done", "x" * number), TOKEN)
    assert [answers.next(0.0) for _ in range(3)] == [(number, "done", "x" * number) for number in range(3)]


def test_a_question_is_read_whole_or_not_at_all() -> None:
    stream = io.BytesIO()
    send(stream, ("prepare", 1))
    whole = stream.getvalue()
    assert receive(io.BytesIO(whole)) == ("prepare", 1)
    for length in (0, 7, 8, len(whole) - 1):
        with pytest.raises(EOFError):
            receive(io.BytesIO(whole[:length]))


def test_an_answer_that_does_not_come_and_one_that_is_cut_off(ends: Ends) -> None:
    answers, stream = ends
    with pytest.raises(TimeoutError):
        answers.next(0.0)
    whole = framed("late")
    stream.write(whole[:30])
    stream.flush()
    with pytest.raises(TimeoutError):
        answers.next(0.0)  # a part is no answer, and is not waited for without an end
    stream.write(whole[30:])
    stream.flush()
    assert answers.next(0.0) == "late"
    stream.write(whole[:30])
    stream.close()
    with pytest.raises(EOFError):
        answers.next(0.0)


@pytest.mark.parametrize(
    "junk",
    [
        b"x",
        b"noise" * 1000,
        b"\x00" * 8,
        struct.pack("!Q", 2**60),
        TOKEN[:8] + b"noise",
        TOKEN + struct.pack("!Q", LARGEST + 1),
        TOKEN + struct.pack("!Q", 5) + b"noise",
        TOKEN + struct.pack("!Q", 0),
    ],
)
def test_what_is_no_answer_is_refused_at_once(ends: Ends, junk: bytes) -> None:
    """Nothing of the size that it claims is waited for, or taken from memory."""
    answers, stream = ends
    stream.write(junk)
    stream.write(framed("answer"))
    stream.flush()
    with pytest.raises(Garbled):
        answers.next(0.0)
