"""The Data Encryption Standard (FIPS 46-3), for VNC authentication only: one block of 64 bits.

OpenSSL 3 no longer offers DES by default, because its keys of 56 bits are too short to protect data.
"""

from collections.abc import Sequence

# The standard's tables, with its names. Each has the numbers of the bits to take; 1 = the highest bit.
IP = [first - 8 * k for first in (58, 60, 62, 64, 57, 59, 61, 63) for k in range(8)]
IP_INVERSE = [IP.index(bit) + 1 for bit in range(1, 65)]
E = [(4 * group + k - 1) % 32 + 1 for group in range(8) for k in range(6)]
P = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10]
P += [2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25]
PC_1 = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36]
PC_1 += [63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4]
PC_2 = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2]
PC_2 += [41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32]
SHIFTS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)  # of the key's halves before each round
S = (  # S1 to S8: four rows of 16 hexadecimal digits
    ("e4d12fb83a6c5907", "0f74e2d1a6cb9538", "41e8d62bfc973a50", "fc8249175b3ea06d"),
    ("f18e6b34972dc05a", "3d47f28ec01a69b5", "0e7ba4d158c6932f", "d8a13f42b67c05e9"),
    ("a09e63f51dc7b428", "d709346a285ecbf1", "d6498f30b12c5ae7", "1ad069874fe3b52c"),
    ("7de3069a1285bc4f", "d8b56f03472c1ae9", "a690cb7df13e5284", "3f06a1d8945bc72e"),
    ("2c417ab6853fd0e9", "eb2c47d150fa3986", "421bad78f9c5630e", "b8c71e2d6f09a453"),
    ("c1af92680d34e75b", "af427c9561de0b38", "9ef528c3704a1db6", "432c95fabe17608d"),
    ("4b2ef08d3c975a61", "d0b7491ae35c2f86", "14bdc37eaf680592", "6bd814a7950fe23c"),
    ("d2846fb1a93e50c7", "1fd8a374c56b0e92", "7b419ce206adf358", "21e74a8dfc90356b"),
)


def encrypt(key: bytes, block: bytes) -> bytes:
    """Return a block of 8 bytes, encrypted with a key of 8 bytes. The lowest bit of each byte of the key is ignored."""
    keys = _round_keys(int.from_bytes(key, "big"))
    both = _take(int.from_bytes(block, "big"), 64, IP)
    left, right = both >> 32, both & 0xFFFFFFFF
    for one in keys:
        left, right = right, left ^ _mixed(right, one)
    return _take(right << 32 | left, 64, IP_INVERSE).to_bytes(8, "big")


def _round_keys(key: int) -> list[int]:
    """Return the keys of the 16 rounds, 48 bits each."""
    halves = _take(key, 64, PC_1)
    left, right = halves >> 28, halves & 0xFFFFFFF
    keys = []
    for shift in SHIFTS:
        left, right = (((half << shift) | (half >> (28 - shift))) & 0xFFFFFFF for half in (left, right))
        keys.append(_take(left << 28 | right, 56, PC_2))
    return keys


def _mixed(half: int, key: int) -> int:
    """Return the standard's function f of 32 bits and a round's key."""
    bits, result = _take(half, 32, E) ^ key, 0
    for number, box in enumerate(S):
        six = bits >> (42 - 6 * number) & 0x3F
        row, column = six >> 4 & 2 | six & 1, six >> 1 & 0xF
        result = result << 4 | int(box[row][column], 16)
    return _take(result, 32, P)


def _take(value: int, size: int, table: Sequence[int]) -> int:
    """Return the bits of `value`, of `size` bits, that a table names."""
    result = 0
    for bit in table:
        result = result << 1 | value >> (size - bit) & 1
    return result
