"""The client of PyPI's `websockets`, which nobody here wrote, talks to `websocket_as_asked`. `client.py HOST:PORT`."""

import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

SERVER = f"ws://{sys.argv[1]}"
PATIENCE = 30.0


def echo(compression: str | None) -> None:
    """Everything comes back as it was, whole or in frames."""
    offered = [Subprotocol("other"), Subprotocol("chat")]
    with connect(f"{SERVER}/echo", subprotocols=offered, compression=compression) as client:
        assert client.subprotocol == "other"
        names = [extension.name for extension in client.protocol.extensions]
        assert names == (["permessage-deflate"] if compression else [])
        texts = ["hello", "", "🙂" * 200_000]
        for said in [*texts, b"", bytes(range(256)) * 400, bytes(1 << 19)]:
            client.send(said)
            assert client.recv(PATIENCE) == said
        client.send(iter(["one, ", "two, ", "three"]))
        assert client.recv(PATIENCE) == "one, two, three"
        assert client.ping().wait(PATIENCE)
        client.close(4000, "that is all")
        assert client.close_code == 4000


def end(client: ClientConnection) -> tuple[int | None, str]:
    """The code and the reason with which it is closed."""
    try:
        while True:
            client.recv(PATIENCE)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return closed.rcvd.code, closed.rcvd.reason


def closes(steps: str) -> tuple[int | None, str]:
    """How it ends when the app does this."""
    with connect(f"{SERVER}/play?{steps}") as client:
        return end(client)


def refused(steps: str) -> tuple[int, bytes]:
    """The response to a handshake that fails."""
    try:
        connect(f"{SERVER}/play?{steps}")
    except InvalidStatus as status:
        return status.response.status_code, bytes(status.response.body or b"")
    raise AssertionError("it was let in")


echo(None)
print("plain", flush=True)
echo("deflate")
print("compressed", flush=True)
assert closes("accept&close=4001:bye") == (4001, "bye")
assert closes("accept") == (1000, "")
assert closes("accept&raise=why") == (1011, "")
print("closed", flush=True)
assert refused("close=1000:")[0] == 403
assert refused("deny=401&last=not%20you") == (401, b"not you")
print("refused", flush=True)
