"""The memory shared with one emulator process, with the layout of lockstep/lockstep.h, and its semaphores."""

from __future__ import annotations

import ctypes
import mmap
import os
import time

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x4C4F434B  # "LOCK"
VERSION = 8

CONTROL_BYTES = 4096
LARGEST = (768, 1024)  # height and width of a picture and of an observation
PICTURE_BYTES = OBSERVATION_BYTES = LARGEST[0] * LARGEST[1] * 3
PICTURE_OFFSET = CONTROL_BYTES
OBSERVATION_OFFSET = PICTURE_OFFSET + PICTURE_BYTES
CONTROLLERS = 4
SAMPLES = 1 << 22  # controller words in the movie, and in the history: 19 hours at 60 per second
MOVIE_OFFSET = OBSERVATION_OFFSET + OBSERVATION_BYTES
HISTORY_OFFSET = MOVIE_OFFSET + 4 * SAMPLES
SAVES_OFFSET = HISTORY_OFFSET + 4 * SAMPLES
PAKS, PAKS_BYTES = 0x29000, 0x20000  # in the saves
RSP_BYTES = 0x1000
SAVES_BYTES = PAKS + PAKS_BYTES + RSP_BYTES
PAKS_OFFSET = SAVES_OFFSET + SAVES_BYTES
RDRAM_OFFSET = PAKS_OFFSET + PAKS_BYTES
RDRAM_BYTES = 8 << 20
FILE_BYTES = RDRAM_OFFSET + RDRAM_BYTES + 4096

START, STEP, PICTURE, SAVE, LOAD, STOP = range(6)
FORMAT_NONE, FORMAT_GRAY, FORMAT_RGB = 0, 1, 3

Semaphore = ctypes.c_uint64 * 4  # sem_t on 64-bit Linux: 32 bytes, aligned to 8


class Control(ctypes.Structure):
    """struct lockstep_control, field by field."""

    _fields_ = (
        ("magic", ctypes.c_uint32),
        ("version", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),
        ("rdram_offset", ctypes.c_uint32),
        ("go", Semaphore),
        ("done", Semaphore),
        ("request", ctypes.c_uint32),
        ("command", ctypes.c_uint32),
        ("vis", ctypes.c_uint32),
        ("buttons", ctypes.c_uint32 * CONTROLLERS),
        ("present", ctypes.c_uint32),
        ("with_pak", ctypes.c_uint32),
        ("clock", ctypes.c_uint32),
        ("vis_per_second", ctypes.c_uint32),
        ("draws_rdp_lists", ctypes.c_uint32),
        ("movie_length", ctypes.c_uint32),
        ("observation_format", ctypes.c_uint32),
        ("observation_height", ctypes.c_uint32),
        ("observation_width", ctypes.c_uint32),
        ("observation_crop", ctypes.c_uint32 * 4),
        ("path", ctypes.c_char * 512),
        ("answered", ctypes.c_uint32),
        ("vi_count", ctypes.c_uint32),
        ("controller_reads", ctypes.c_uint32),
        ("reads", ctypes.c_uint32 * CONTROLLERS),
        ("movie_position", ctypes.c_uint32),
        ("display_lists", ctypes.c_uint32),
        ("drawn_lists", ctypes.c_uint32),
        ("rdp_lists", ctypes.c_uint32),
        ("unknown_tasks", ctypes.c_uint32),
        ("interpreted_tasks", ctypes.c_uint32),
        ("picture_height", ctypes.c_uint32),
        ("picture_width", ctypes.c_uint32),
        ("state_failed", ctypes.c_uint32),
        ("state_vi_count", ctypes.c_uint32),
        ("state_controller_reads", ctypes.c_uint32),
        ("state_reads", ctypes.c_uint32 * CONTROLLERS),
    )


class Timespec(ctypes.Structure):
    """struct timespec."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_libc = ctypes.CDLL(None, use_errno=True)
sem_clockwait, sem_post, sem_trywait = _libc.sem_clockwait, _libc.sem_post, _libc.sem_trywait
CLOCK_MONOTONIC = ctypes.c_int(time.CLOCK_MONOTONIC)


class SharedMemory:
    """An anonymous memory file. It needs no cleanup after a crash, and does not depend on free space in /dev/shm."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("n64gym")
        os.ftruncate(self.fd, FILE_BYTES)
        self._map = mmap.mmap(self.fd, FILE_BYTES)
        self.control = Control.from_buffer(self._map)
        self.control.magic = MAGIC
        self.control.version = VERSION
        self.control.bytes = ctypes.sizeof(Control)
        for semaphore in (self.control.go, self.control.done):
            if _libc.sem_init(ctypes.byref(semaphore), 1, 0) != 0:
                raise OSError(ctypes.get_errno(), "cannot create a semaphore (sem_init)")
        self._interrupted = False  # whether a `go` or `done` of an earlier request may be left
        self._own = Semaphore()  # for `fence`
        _libc.sem_init(ctypes.byref(self._own), 0, 0)
        self._go = ctypes.byref(self.control.go)
        self._done = ctypes.byref(self.control.done)
        self._until = Timespec()
        self._until_reference = ctypes.byref(self._until)

    def array(self, offset: int, shape: tuple[int, ...], dtype: str = "u1") -> NDArray:
        """Return a view (no copy) of the shared memory from byte `offset` on."""
        return np.ndarray(shape, dtype=dtype, buffer=self._map, offset=offset)

    def send(self, command: int) -> None:
        """Send a request to the emulator. Write the request's other fields first."""
        self.control.command = command
        if self._interrupted:
            self.fence()
        self.control.request += 1
        sem_post(self._go)

    def send_again(self) -> None:
        """Post an open request again, in case an interrupt cut off `send`. The emulator ignores a second post."""
        sem_post(self._go)

    @property
    def is_open(self) -> bool:
        """Whether a request is unanswered."""
        return self.control.request != self.control.answered

    def wait(self, timeout: float) -> bool:
        """Wait until the open request is answered. Return False after `timeout` seconds."""
        end = time.monotonic() + timeout
        self._until.seconds = int(end)
        self._until.nanoseconds = int(end % 1 * 1e9)
        while True:
            # A signal ends the wait early (EINTR). Python then runs the handler, and the wait continues unless that
            # raises.
            if sem_clockwait(self._done, CLOCK_MONOTONIC, self._until_reference) == 0:
                if not self.is_open:  # `done` may belong to an earlier request whose wait was interrupted
                    if self._interrupted:
                        self.fence()
                    return True
            elif time.monotonic() >= end:
                return False

    def drain(self) -> None:
        """Reset the semaphores after `send_again` and interrupted waits. Call it only while no request is open."""
        self._interrupted = True
        self.fence()
        for semaphore in (self._go, self._done):
            while sem_trywait(semaphore) == 0:
                pass

    def fence(self) -> None:
        """A memory barrier: no load or store moves across this call. lockstep.h says where it is needed.

        Python has no barrier. sem_post is a store-release, and the sem_trywait that takes it is a load-acquire. On
        arm64 no access moves across these two (Arm Architecture Reference Manual, "barrier-ordered-before"). On x86-64
        each of them is a full barrier.
        """
        own = ctypes.byref(self._own)
        sem_post(own)
        sem_trywait(own)

    def close(self) -> None:
        """Close the file. Views of it stay valid until they are deleted."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
