"""Sends one message outside any campaign, such as a test send, and tells what the relay said."""

import asyncio

from sends.errors import RelayUnavailable
from sends.transports import (
    Accepted,
    BodyWanted,
    Closed,
    Connection,
    Event,
    Lost,
    OutgoingMessage,
    Phase,
    Refused,
    RelaySettings,
    Reply,
    connect,
)


async def send_one(relay: RelaySettings, message: OutgoingMessage) -> tuple[bool, Reply]:
    """Send one message on a connection of its own; give whether the relay took it, and its reply.

    Raises RelayUnavailable, RelayRefused or InvalidMessage when it does not come to a reply.
    """
    answered: asyncio.Future[tuple[bool, Reply]] = asyncio.get_running_loop().create_future()

    def receive(connection: Connection, event: Event) -> None:
        match event:
            case BodyWanted(key=key):
                connection.permit(key)
            case Accepted(reply=reply):
                answered.set_result((True, reply))
            case Refused(reply=reply):
                answered.set_result((False, reply))
            case Lost(error=error, phase=phase):
                answered.set_exception(RelayUnavailable(error, phase=phase))
            case Closed(error=error) if not answered.done():
                answered.set_exception(RelayUnavailable(error or "the relay closed the connection", phase=Phase.CLOSED))

    connection = await connect(relay, receive)
    connection.offer(message)
    try:
        return await answered
    finally:
        await connection.close()
