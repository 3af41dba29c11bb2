"""From an open socket to a relay that takes messages: banner, EHLO, STARTTLS, login."""

import asyncio
import ssl
from collections import deque
from functools import lru_cache
from gettext import gettext as _
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from sends.errors import MalformedReply, RelayRefused, RelayUnavailable
from sends.transports import auth
from sends.transports.capabilities import Capabilities
from sends.transports.commands import OutgoingMessage, envelope
from sends.transports.events import Phase
from sends.transports.reply import Reply, ReplyReader
from sends.transports.settings import RelaySettings, Security
from sends.transports.tokens import TokenSource, TokenUnavailable

_HELO_INSTEAD = {500, 502}  # RFC 5321 4.1.4: the relay does not know EHLO


class Dialogue(asyncio.Protocol):
    """One command, one reply: the protocol of a connection until it takes messages."""

    def __init__(self, settings: RelaySettings) -> None:
        self.settings = settings
        self.phase = Phase.CONNECT
        self.transport: asyncio.Transport
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._failure: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Keep the replies until they are asked for."""
        try:
            self._replies.extend(self._reader.feed(data))
        except MalformedReply as error:
            self._failure = str(error)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the one who waits for a reply."""
        self._failure = self._failure or str(exc or _("the relay closed the connection"))
        self._wake()

    async def read(self, phase: Phase) -> Reply:
        """Return the next reply; raise RelayUnavailable where none comes, or a 4yz does."""
        self.phase = phase
        seconds = self.settings.timeouts.of(phase)
        try:
            async with asyncio.timeout(seconds):
                while not self._replies:
                    if self._failure is not None:
                        raise self.unavailable(self._failure)
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError as error:
            raise self.unavailable(_("no answer within {seconds} s").format(seconds=seconds)) from error
        reply = self._replies.popleft()
        if reply.code // 100 == 4:
            raise self.unavailable(str(reply), reply)
        return reply

    async def ask(self, phase: Phase, line: bytes) -> Reply:
        """Write one command line and return its reply."""
        self.transport.write(line + b"\r\n")
        return await self.read(phase)

    async def secure(self) -> None:
        """Turn the connection into TLS, and forget what was said before (RFC 3207 4.2)."""
        context = self.tls_context()
        self._reader.discard()
        self._replies.clear()
        transport = await asyncio.get_running_loop().start_tls(
            self.transport,
            self,
            context,
            server_hostname=self.settings.host,
            ssl_handshake_timeout=self.settings.timeouts.other,
            ssl_shutdown_timeout=self.settings.timeouts.quit,
        )
        if transport is None:
            raise self.unavailable(_("the relay closed the connection"))
        self.transport = transport

    def end(self) -> None:
        """Be done with it; raise RelayUnavailable where the relay hung up or said something unasked."""
        if self._replies:
            raise self.unavailable(str(self._replies[0]), self._replies[0])
        if self._failure is not None:
            raise self.unavailable(self._failure)

    def unreachable(self, cause: str) -> RelayUnavailable:
        """Return the error for a relay that does not even open its port."""
        message = _("Nothing answers at {relay} ({cause}); check host, port and network, or try again later")
        return RelayUnavailable(message.format(relay=self.settings, cause=cause), phase=self.phase)

    def unavailable(self, cause: str, reply: Reply | None = None) -> RelayUnavailable:
        """Return the error for a relay that may do better later."""
        message = _("The relay {relay} is not ready ({phase}: {cause}); try again later").format(
            relay=self.settings, phase=self.phase, cause=cause
        )
        return RelayUnavailable(message, phase=self.phase, reply=reply)

    def refused(self, message: str, reply: Reply | None = None, **values: object) -> RelayRefused:
        """Return the error for settings that the relay does not take; `message` may name {relay} and {reply}."""
        return RelayRefused(message.format(relay=self.settings, reply=reply, **values), phase=self.phase, reply=reply)

    def tls_context(self) -> ssl.SSLContext:
        """Return how to speak TLS with this relay."""
        try:
            return _tls_context(self.settings.ca_file, verify=self.settings.verify)
        except OSError as error:
            raise self.refused(
                _("{file} holds no certificates ({cause}); correct ca_file"), file=self.settings.ca_file, cause=error
            ) from error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def greet(dialogue: Dialogue) -> Capabilities:
    """Bring an open connection to where it takes messages, and return what the relay offers there.

    Raise RelayUnavailable where trying again may help, RelayRefused where a setting must change first.
    """
    settings = dialogue.settings
    banner = await dialogue.read(Phase.BANNER)
    if not banner.is_positive:
        raise dialogue.refused(
            _("The relay {relay} takes no mail from this machine ({reply}); ask its operator to allow it"), banner
        )
    offered = await _hello(dialogue)
    if settings.security is Security.STARTTLS:
        await _start_tls(dialogue, offered)
        offered = await _hello(dialogue)
    if settings.username:
        await _log_in(dialogue, offered)
    return offered


async def try_sender(dialogue: Dialogue, offered: Capabilities, sender: str) -> None:
    """Begin a message from `sender` and take it back: some relays want a login, or another sender, only there."""
    mail, _rcpt = envelope(OutgoingMessage(0, sender, sender, ()), offered)
    reply = await dialogue.ask(Phase.MAIL, mail.rstrip())
    if not reply.is_positive:
        raise dialogue.refused(
            _(
                "The relay {relay} takes no mail from {sender} ({reply}); "
                "set username and password, or a sender that is yours there"
            ),
            reply,
            sender=sender,
        )
    await dialogue.ask(Phase.MAIL, b"RSET")


@lru_cache(maxsize=8)
def _tls_context(ca_file: Path | None, *, verify: bool) -> ssl.SSLContext:
    """Return the TLS settings: the machine's certificate authorities unless `ca_file` names others."""
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _hello(dialogue: Dialogue) -> Capabilities:
    name = dialogue.settings.helo_name or _address_literal(dialogue.transport)
    reply = await dialogue.ask(Phase.EHLO, f"EHLO {name}".encode("ascii"))
    offered = Capabilities.of(reply)
    if reply.code in _HELO_INSTEAD:
        offered = Capabilities()
        reply = await dialogue.ask(Phase.EHLO, f"HELO {name}".encode("ascii"))
    if not reply.is_positive:
        raise dialogue.refused(
            _("The relay {relay} does not take our name ({reply}); set helo_name to this machine's full name"), reply
        )
    return offered


def _address_literal(transport: asyncio.Transport) -> str:
    """Return our own address as EHLO wants it where no name is set (RFC 5321 4.1.3)."""
    address = ip_address(str(transport.get_extra_info("sockname")[0]).partition("%")[0])
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


async def _start_tls(dialogue: Dialogue, offered: Capabilities) -> None:
    dialogue.phase = Phase.STARTTLS
    reply = await dialogue.ask(Phase.STARTTLS, b"STARTTLS") if offered.starttls else None
    if reply is None or not reply.is_positive:
        raise dialogue.refused(
            _(
                "The relay {relay} offers no STARTTLS, so nothing was sent; "
                "set security to tls (port 465), or to none for a relay of your own network"
            ),
            reply,
        )
    await dialogue.secure()


async def _log_in(dialogue: Dialogue, offered: Capabilities) -> None:
    settings = dialogue.settings
    dialogue.phase = Phase.AUTH
    if settings.security is Security.NONE and not (settings.is_loopback or settings.allow_plaintext_login):
        raise dialogue.refused(
            _("A login at {relay} would cross the network in the clear, so none was sent; set security to starttls")
        )
    mechanism = auth.choose(settings.auth, offered.auth)
    if mechanism is None:
        raise dialogue.refused(
            _("The relay {relay} does not offer the login that is set (it offers: {offered}); change auth"),
            offered=" ".join(sorted(offered.auth)) or _("none"),
        )
    password = settings.password or "" if settings.tokens is None else await _token(dialogue, settings.tokens)
    for line in auth.lines(mechanism, settings.username or "", password):
        reply = await dialogue.ask(Phase.AUTH, line)
        if not reply.is_intermediate:
            break
    if not reply.is_positive:
        if settings.tokens is not None and settings.tokens.discard(password):
            raise dialogue.unavailable(_("the token has run out: {reply}").format(reply=reply), reply)
        raise dialogue.refused(
            _(
                "The relay {relay} refuses the login of {user} ({reply}); check username and password, "
                "and whether it wants an app password or auth = xoauth2"
            ),
            reply,
            user=settings.username,
        )


async def _token(dialogue: Dialogue, tokens: TokenSource) -> str:
    """Fetch a token in a thread of its own: a command may take seconds, in which the other connections go on."""
    try:
        return await asyncio.to_thread(tokens.get)
    except TokenUnavailable as error:
        raise dialogue.unavailable(str(error)) from error
