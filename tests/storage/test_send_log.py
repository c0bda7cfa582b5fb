"""The file of begun requests: what a death leaves is read, what another boot left is not believed."""

from pathlib import Path

import pytest

from storage import send_log
from storage.model import DeliveryId
from storage.send_log import SendLog, SendLogSnapshot

ONE, TWO, THREE = DeliveryId(1), DeliveryId(2), DeliveryId(3)

pytestmark = pytest.mark.skipif(not send_log.BOOT.exists(), reason="this system has no boot id")


def test_the_next_process_reads_what_was_begun(tmp_path: Path) -> None:
    log = SendLog(tmp_path / "db.begun")
    log.reset()
    log.record_start(ONE, "a")
    log.record_start(TWO, "b")
    assert SendLog(tmp_path / "db.begun").read() == SendLogSnapshot(frozenset({(ONE, "a"), (TWO, "b")}))


def test_the_next_process_reads_what_was_answered(tmp_path: Path) -> None:
    log = SendLog(tmp_path / "db.begun")
    log.reset()
    for each in (ONE, TWO, THREE):
        log.record_start(each, "t")
    log.record_sent(THREE, "t", None)
    log.record_sent(ONE, "t", 70)
    left = SendLog(tmp_path / "db.begun").read()
    assert left == SendLogSnapshot(
        frozenset({(ONE, "t"), (TWO, "t"), (THREE, "t")}), {(ONE, "t"): 70, (THREE, "t"): None}
    )


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert SendLog(tmp_path / "db.begun").read() is None


@pytest.mark.parametrize("content", ["", "another boot\n1 a\n", "\udcff"])
def test_lines_of_another_boot_are_not_believed(content: str, tmp_path: Path) -> None:
    """The machine may have lost its power, and with it the last lines."""
    file = tmp_path / "db.begun"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert SendLog(file).read() is None


def test_a_large_file_keeps_only_what_is_open(tmp_path: Path) -> None:
    log = SendLog(tmp_path / "db.begun", large=100)
    for number in range(100):
        log.record_start(DeliveryId(number), "t")
        if number:
            log.ended([(DeliveryId(number), "t")])
    found = log.read()
    assert found is not None
    assert (DeliveryId(0), "t") in found.begun
    assert len(found.begun) < 30


def test_a_file_written_anew_keeps_the_answers(tmp_path: Path) -> None:
    log = SendLog(tmp_path / "db.begun", large=0)
    log.record_start(ONE, "t")
    log.record_sent(ONE, "t", 70)
    log.record_start(TWO, "t")
    assert log.read() == SendLogSnapshot(frozenset({(ONE, "t"), (TWO, "t")}), {(ONE, "t"): 70})


def test_the_end_of_an_earlier_claim_leaves_the_later_one_open(tmp_path: Path) -> None:
    log = SendLog(tmp_path / "db.begun", large=0)
    log.record_start(ONE, "first")
    log.record_start(ONE, "second")
    log.ended([(ONE, "first")])
    log.record_start(TWO, "t")  # rewrites the file
    assert log.read() == SendLogSnapshot(frozenset({(ONE, "second"), (TWO, "t")}))


def test_starting_over_forgets(tmp_path: Path) -> None:
    log = SendLog(tmp_path / "db.begun")
    log.record_start(ONE, "a")
    log.reset()
    assert log.read() == SendLogSnapshot()
