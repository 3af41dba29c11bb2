"""An SMTP sink for the benchmarks: Postfix's smtp-sink where it is installed, else one of ours, in a process of its own."""

import asyncio
import contextlib
import multiprocessing
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

GREETING = b"220 sink.test ESMTP\r\n"
EHLO = b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250 8BITMIME\r\n"
DOT = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """Takes everything, looks at nothing; `delay` seconds before each reply stand for a relay far away."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._buffer = bytearray()
        self._is_in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete, all replies of a packet together (RFC 2920)."""
        buffer = self._buffer
        buffer += data
        replies = []
        while buffer:
            if self._is_in_data:
                end = buffer.find(DOT, max(0, len(buffer) - len(data) - len(DOT)))
                if end < 0:
                    break
                del buffer[: end + len(DOT)]
                self._is_in_data = False
                replies.append(b"250 2.0.0 Ok\r\n")
                continue
            end = buffer.find(b"\r\n")
            if end < 0:
                break
            verb = bytes(buffer[:4]).upper()
            del buffer[: end + 2]
            if verb == b"DATA":
                self._is_in_data = True
                replies.append(b"354 go ahead\r\n")
            elif verb == b"EHLO":
                replies.append(EHLO)
            elif verb == b"QUIT":
                replies.append(b"221 bye\r\n")
            else:
                replies.append(b"250 2.1.0 Ok\r\n")
        if replies:
            self._answer(b"".join(replies))

    def _answer(self, replies: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, replies)
        else:
            self._transport.write(replies)


def _serve(port: int, delay: float, certificate: Path | None) -> None:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(delay), "127.0.0.1", port, ssl=context)
        await server.serve_forever()

    asyncio.run(run())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _attempt in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"no sink on port {port}")


@contextlib.contextmanager
def own_sink(*, delay: float = 0, certificate: Path | None = None) -> Iterator[int]:
    """Run our sink; give its port."""
    port = _free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port, delay, certificate), daemon=True)
    process.start()
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.join()


@contextlib.contextmanager
def best_sink() -> Iterator[tuple[int, str]]:
    """Run Postfix's smtp-sink, else ours; give its port and its name."""
    program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    if program is None:
        with own_sink() as port:
            yield port, "our own sink (install Debian's postfix for smtp-sink)"
        return
    port = _free_port()
    process = subprocess.Popen([program, "-u", "nobody", "-m", "1000", f"127.0.0.1:{port}", "1000"])
    try:
        _wait_for(port)
        yield port, "Postfix smtp-sink"
    finally:
        process.terminate()
        process.wait()
