"""The checksums of bench_kernels computed a second way: plain Python and its library, the same random numbers.

`ORACLES[kernel](iterations)` is what the kernel prints. lz has none: it decompresses and compares by itself.
"""

import hashlib
import struct
from math import sqrt

MASK = (1 << 64) - 1


class Chance:
    """The kernels' random numbers (xorshift64)."""

    def __init__(self):
        self.state = 88172645463325252

    def __call__(self):
        self.state ^= self.state << 13 & MASK
        self.state ^= self.state >> 7
        self.state ^= self.state << 17 & MASK
        return self.state

    def fraction(self):
        return (self() >> 40) / (1 << 24)


def chained(values):
    checksum = 0
    for value in values:
        checksum = (checksum * 31 + value) & MASK
    return checksum


def bits(number):
    return struct.unpack("<Q", struct.pack("<d", number))[0]


def sieve(iterations):
    limit = 1 << 22
    prime = bytearray([0, 0]) + bytearray([1]) * (limit - 2)
    for n in range(2, 1 << 11):
        if prime[n]:
            prime[n * n :: n] = bytes(len(range(n * n, limit, n)))
    found = [n for n in range(limit) if prime[n]]
    return chained([len(found), sum(found)] * iterations)


def sha(iterations):
    chance = Chance()
    message = bytes(chance() >> 32 & 255 for _ in range(64 * 1024))
    for _ in range(iterations):
        message = hashlib.sha256(message).digest() + message[32:]
    return int.from_bytes(message[:8], "big")


def matrix(iterations):
    size, chance = 96, Chance()
    a, b, c, d = ([[0] * size for _ in range(size)] for _ in range(4))
    for i in range(size):
        for j in range(size):
            a[i][j], b[i][j] = chance.fraction(), chance.fraction()
            c[i][j], d[i][j] = chance() & 0xFFFFFFFF, chance() & 0xFFFFFFFF
    checksum = 0
    for n in range(iterations):
        trace = 0.0
        for i in range(size):
            dot = 0.0
            for k in range(size):
                dot += a[i][k] * b[k][i]
            trace += dot / size
            whole = sum(c[i][k] * d[k][size - 1 - i] for k in range(size)) & 0xFFFFFFFF
            checksum = (checksum * 31 + whole) & MASK
        checksum = (checksum * 31 + bits(trace)) & MASK
        a[n % size][0] = trace
        c[n % size][0] ^= checksum & 0xFFFFFFFF
    return checksum


def sort(iterations):
    chance, sampled = Chance(), []
    for _ in range(iterations):
        keys = sorted(chance() for _ in range(128 * 1024))
        for i in range(0, len(keys), 1024):
            sampled += keys[i : i + 2]
    return chained(sampled)


def spelled(number):
    number = (number * 2654435761 + 1) & MASK
    letters = ""
    while number:
        number, letter = divmod(number, 26)
        letters += chr(ord("a") + letter)
    return letters


def hash_table(iterations):
    chance, results = Chance(), []
    for _ in range(iterations):
        counts = {}
        for _ in range(64 * 1024):
            key = spelled(chance() % 50000)
            counts[key] = counts.get(key, 0) + 1
        results += [len(counts), sum(counts.get(spelled(chance() % 100000), 0) for _ in range(64 * 1024))]
    return chained(results)


def text(size, chance):
    words = [spelled(i)[: 2 + chance() % 8] for i in range(1024)]
    written = []
    used = 0
    while used < size - 1:
        random = chance()
        word = words[random % 1024 * (random >> 32 & 1023) // 1024][: size - 2 - used]
        written.append(word + ("\n" if random >> 60 == 0 else " "))
        used += len(written[-1])
    return "".join(written)


def string(iterations):
    original, results = text(256 * 1024, Chance()) + "\0", []
    for n in range(iterations):
        turned = (original[n:] + original[:n])[:-1]
        lines = turned.replace("\0", " ").upper().split("\n")
        count = ordered = 0
        for line in lines:
            before = ""
            for word in line.split():
                common = min(len(word), len(before))
                ordered += before[:common] <= word[:common]
                count, before = count + 1, word
        results += [count, ordered, max(map(len, lines))]
    return chained(results)


def nbody(iterations):
    chance = Chance()
    place = [[chance.fraction() for _ in range(4)] for _ in range(1024)]
    speed = [[0.0] * 3 for _ in place]
    for body in place:
        body[3] /= len(place)
    for _ in range(iterations):
        for i, ((x, y, z, mass), mine) in enumerate(zip(place, speed, strict=True)):
            vx, vy, vz = mine
            for (bx, by, bz, other), its in zip(place[i + 1 :], speed[i + 1 :], strict=True):
                dx, dy, dz = x - bx, y - by, z - bz
                square = dx * dx + dy * dy + dz * dz + 0.0001
                pull = 0.001 / (square * sqrt(square))
                vx -= dx * other * pull
                vy -= dy * other * pull
                vz -= dz * other * pull
                its[0] += dx * mass * pull
                its[1] += dy * mass * pull
                its[2] += dz * mass * pull
            mine[:] = vx, vy, vz
        for body, velocity in zip(place, speed, strict=True):
            for axis in range(3):
                body[axis] += 0.001 * velocity[axis]
    return chained(bits(body[0]) for body in place)


ORACLES = {
    "sieve": sieve, "sha": sha, "matrix": matrix, "sort": sort, "hash": hash_table, "string": string, "nbody": nbody,
}  # fmt: skip
