"""verify: the zoo proves itself, and says so when it does not."""

from __future__ import annotations

import pytest

from profiler.errors import ProfilerError, UnknownName
from profiler.network.registry import names
from profiler.records.agreement import Agreement, Difference
from profiler.records.published import Figure, Verified
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.study import verify as module
from profiler.study.published import figures
from profiler.study.verify import verify

PLANTED = Figure("vgg16", "", "1", "224", "", "macs", "15.5", "G", "A paper (0000.00000)", "Table 1", "equal", "")


def test_the_zoo_is_as_published() -> None:
    found = verify(engine="closed")
    assert found.failures == 0
    assert found.models == tuple(names())
    assert len(found.checks) == len(figures())


def test_a_witness_is_asked_at_the_native_input() -> None:
    found = verify("mobilenet_v1", engine="fvcore,torch")
    assert [(a.engine.split()[0], a.macs, a.agrees) for a in found.agreements] == [
        ("fvcore", 568_740_352, True),
        ("torch", 568_740_352, True),
    ]


@pytest.mark.parametrize(
    ("figure", "differs"),
    [
        (PLANTED, False),
        (PLANTED._replace(printed="15.6"), True),
        (PLANTED._replace(printed="15.6", verdict="erratum", reason="a digit off, for the sake of the test"), False),
        (PLANTED._replace(verdict="erratum", reason="listed as an erratum, and yet it agrees"), True),
        (PLANTED._replace(printed="14.0", verdict="open", reason="nobody knows how it came about; ours is 15.47"), False),
    ],
)
def test_what_is_not_as_listed_is_a_failure(figure: Figure, differs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "figures", lambda: (figure,))
    found = verify("vgg16", engine="closed")
    assert found.failures == differs
    text = written(registry.answer(found, View(summary=False)), "table")
    assert ("DIFFERS vgg16 224, macs: printed" in text) == differs


def test_a_witness_that_disagrees_is_a_failure() -> None:
    disagreement = Agreement("vgg16", "fvcore 0.1.5", 1, 2, (), (Difference("body.0.conv0", 3, 4),))
    found = Verified(("vgg16",), (), (disagreement,), {"vgg16": (1, 2)})
    assert found.failures == 1
    assert "DIFFERS vgg16, body.0.conv0: fvcore 0.1.5 counts 4" in written(registry.answer(found), "table")


TABLE_6 = """\
MobileNets Table 6
model         of             top1   macs    ours  weights   ours
────────────────────────────────────────────────────────────────
mobilenet_v1  224          70.6 %  569 M  568.74    4.2 M  4.209
mobilenet_v1  α 0.75, 224  68.4 %  325 M  325.40    2.6 M  2.568
mobilenet_v1  α 0.5, 224   63.7 %  149 M  149.50    1.3 M  1.320
mobilenet_v1  α 0.25, 224  50.6 %   41 M   41.03    0.5 M  0.464
"""


def test_a_table_as_printed_with_ours_beside_it() -> None:
    assert written(registry.answer(verify(table="mobilenets table 6"), View(table="x")), "table") == TABLE_6
    text = written(registry.answer(verify(table="MobileNets Table 2"), View(table="x")), "table")
    assert "1.19 %  1.9056 !" in text
    assert "the share is 1.91 %; the printed column sums to 99.29 %." in text


def test_every_table_can_be_asked_for() -> None:
    for name in {figure.name for figure in figures()}:
        found = verify(table=name)
        assert {check.figure.name.lower() for check in found.checks} == {name.lower()}
        assert written(registry.answer(found, View(table=name)), "table")


def test_mistakes() -> None:
    with pytest.raises(UnknownName, match="unknown published table 'MobileNets Table 66'; did you mean MobileNets Table 6"):
        verify(table="MobileNets Table 66")
    with pytest.raises(ProfilerError, match="table 'table' may be one of several"):
        verify(table="table")
    with pytest.raises(UnknownName, match="unknown network 'vgg17'"):
        verify("vgg17")
    with pytest.raises(
        ProfilerError, match=r"model 'vgg16@alpha=1': verify uses the points of the published figures; write vgg16"
    ):
        verify("vgg16@alpha=1")
