"""VNC's password: its file, its encryption, and the command that prints it."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from a3c64.config import BadInputError
from a3c64.vnc import password
from a3c64.vnc.des import encrypt
from a3c64.vnc.login import response

# Key, block, result: NIST SP 800-17, table 4. Together they use every entry of every S-box.
KNOWN = """
7CA110454A1A6E57 01A1D6D039776742 690F5B0D9A26939B
0131D9619DC1376E 5CD54CA83DEF57DA 7A389D10354BD271
07A1133E4A0B2686 0248D43806F67172 868EBB51CAB4599A
3849674C2602319E 51454B582DDF440A 7178876E01F19B2A
04B915BA43FEB5B6 42FD443059577FA2 AF37FB421F8C4095
0113B970FD34F2CE 059B5E0851CF143A 86A560F10EC6D85B
0170F175468FB5E6 0756D8E0774761D2 0CD3DA020021DC09
43297FAD38E373FE 762514B829BF486A EA676B2CB7DB2B7A
07A7137045DA2A16 3BDD119049372802 DFD64A815CAF1A0F
04689104C2FD3B2F 26955F6835AF609A 5C513C9C4886C088
37D06BB516CB7546 164D5E404F275232 0A2AEEAE3FF4AB77
1F08260D1AC2465E 6B056E18759F5CCA EF1BF03E5DFA575A
584023641ABA6176 004BD6EF09176062 88BF0DB6D70DEE56
025816164629B007 480D39006EE762F2 A1F9915541020B56
49793EBC79B3258F 437540C8698F3CFA 6FBF1CAFCFFD0556
4FB05E1515AB73A7 072D43A077075292 2F22E49BAB7CA1AC
49E95D6D4CA229BF 02FE55778117F12A 5A6B612CC26CCE4A
018310DC409B26D6 1D9D5C5018F728C2 5F4C038ED12B2E41
1C587F1C13924FEF 305532286D6F295A 63FAC0D034D9F793
"""


@pytest.mark.parametrize(("key", "block", "result"), [line.split() for line in KNOWN.split("\n") if line])
def test_a_block_is_encrypted_as_published(key, block, result):
    assert encrypt(bytes.fromhex(key), bytes.fromhex(block)).hex().upper() == result


def test_a_response_depends_on_the_first_eight_characters():
    challenge = bytes(range(16))
    assert response("secret78", challenge) == response("secret789", challenge)
    assert response("secret78", challenge) != response("secret79", challenge)
    assert response("secret", challenge) == response("secret\0\0", challenge)
    assert len(response("", challenge)) == 16


def test_a_new_password_is_random_and_its_owners_alone(tmp_path):
    made = [password.obtain(tmp_path / run / "keys" / "vnc") for run in ("one", "two")]
    assert len(set(made)) == 2
    for run, text in zip(("one", "two"), made, strict=True):
        file = tmp_path / run / "keys" / "vnc"
        assert len(text) == password.LENGTH
        assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
        assert password.obtain(file) == password.read(file) == text


def test_processes_that_start_together_get_the_same_password(tmp_path):
    found, begin = [], threading.Barrier(8)

    def obtain():
        begin.wait()
        found.append(password.obtain(tmp_path / "keys" / "vnc"))

    threads = [threading.Thread(target=obtain) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert os.listdir(tmp_path / "keys") == ["vnc"]


@pytest.mark.parametrize("content", [b"own", b"8letters", b"own\n", b"own\r\n"])
def test_a_password_of_ones_own_is_one_line(tmp_path, content):
    (tmp_path / "vnc").write_bytes(content)
    assert password.obtain(tmp_path / "vnc") == content.decode().strip()


@pytest.mark.parametrize("content", [b"", b"\n", b"9 letters", b"ninechars", b"two\nlines\n", b"\xc3\xa4", b"a\0"])
def test_a_file_without_a_valid_password_is_refused_and_kept(tmp_path, content):
    (tmp_path / "vnc").write_bytes(content)
    for use in (password.obtain, password.read, password.check):
        with pytest.raises(BadInputError, match=f"vnc is invalid: found {len(content)} bytes, expected one line of 1"):
            use(tmp_path / "vnc")
    assert (tmp_path / "vnc").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "keys").touch()
    with pytest.raises(BadInputError, match=r"cannot be written: .*; copy keys/vnc from the server's run folder"):
        password.obtain(tmp_path / "keys" / "vnc")


def test_watch_prints_the_password(tmp_path):
    def watch(*flags):
        command = [sys.executable, "-m", "a3c64", "watch", "--show-password", *flags]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    text = password.obtain(tmp_path / "run" / "keys" / "vnc")
    (tmp_path / "own").write_text("own")
    assert watch("--run-dir", "run") == (0, f"{text}\n", "")
    assert watch("--vnc-password-file", "own") == (0, "own\n", "")
    code, out, error = watch()
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert "runs/default/keys/vnc cannot be read: No such file or directory; --run-dir names the run" in error
