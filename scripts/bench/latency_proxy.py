#!/usr/bin/env python3
"""Passes an IMAP connection in clear on, each direction later by half a round trip, and counts what goes by.

    latency_proxy.py TARGET_PORT ROUND_TRIP_MS

Prints its port. When standard input ends it prints what came after the last sign-in, its answer, LOGOUT and the
opening of Sent apart: round trips (the client spoke after it had been answered) and bytes in both directions.
"""
import asyncio
import json
import sys

CHUNK = 256 * 1024
# A sender is never ahead of its receiver by more than this.
QUEUE = 64


class Counter:
    def __init__(self):
        self.signed_in = False
        self.waiting_for_sign_in = False
        self.counts = False
        self.server_spoke = True
        self.round_trips = 0
        self.bytes = 0

    def from_client(self, data):
        if b" LOGIN " in data or b" AUTHENTICATE " in data:
            self.__init__()
            self.waiting_for_sign_in = True
        elif self.signed_in:
            self.counts = b" LOGOUT" not in data and b'"Sent"' not in data
            if self.counts:
                self.round_trips += self.server_spoke
                self.bytes += len(data)
        self.server_spoke = False

    def from_server(self, data):
        if self.waiting_for_sign_in:
            self.waiting_for_sign_in = False
            self.signed_in = True
        elif self.counts:
            self.bytes += len(data)
        self.server_spoke = True


async def read(reader, queue, count):
    while data := await reader.read(CHUNK):
        count(data)
        await queue.put((asyncio.get_running_loop().time(), data))
    await queue.put((asyncio.get_running_loop().time(), b""))


async def write(writer, queue, delay):
    while True:
        at, data = await queue.get()
        left = at + delay - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.close()


async def main(target, delay):
    counter = Counter()

    async def serve(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        up, down = asyncio.Queue(QUEUE), asyncio.Queue(QUEUE)
        await asyncio.gather(
            read(reader, up, counter.from_client),
            write(far_writer, up, delay),
            read(far_reader, down, counter.from_server),
            write(writer, down, delay),
            return_exceptions=True,
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=4 * CHUNK)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps({"round_trips": counter.round_trips, "bytes": counter.bytes}), flush=True)


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 2000))
