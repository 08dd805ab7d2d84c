"""The native half of the SDK (`native/`), as the bridge and the stubs of `hashlib` see it."""

from asyncio import Future
from collections.abc import Buffer
from typing import Any, Literal, final

@final
class Call:
    """One call, of HTTP or of a WebSocket; the state behind `receive` and `send`. Made by the `Bridge` only."""

    @property
    def request_id(self) -> str:
        """The host's name for the request: 16 hexadecimal digits."""
    def take(self) -> dict[str, Any] | None:
        """The next event, or None when the caller has to wait: nothing is there, or others were first."""
    def line_up(self) -> Future[None]:
        """A place behind those who wait in `receive`: a future of the running loop, woken with `set_result(None)`."""
    def take_in_line(self, future: Any) -> dict[str, Any] | None:
        """The event for which `future` was woken; its place is given up unless None is returned."""
    def leave(self, future: Any) -> None:
        """`future` does not wait any more. It had consumed nothing."""
    def say(self, event: object) -> bool:
        """Says an event of `send`, wholly or not at all. True if the caller has to wait for bytes to leave."""
    def wait_sent(self) -> Future[None]:
        """A future of the running loop that is woken when enough bytes have left, or nobody is listening any more."""
    def is_full(self) -> bool:
        """True while a `send` has to wait; raises `ClientDisconnected` if it would wait in vain."""
    def ended(self, task: Any) -> None:
        """The done callback of the app's task."""

@final
class Bridge:
    """The loop's `turn`: hands over what was said, waits, starts and feeds the calls. One per instance."""

    def __new__(cls, parts: dict[str, Any]) -> Bridge:
        """`parts`: app, loop, waits, receive, send, awaiting, on_startup, on_shutdown, call_variable, disconnected,
        describe."""
    def turn(self, until: int | None = None) -> None:
        """`until`: a deadline on `time.monotonic_ns`; None for none, one that has passed to poll."""
    def use_state(self, state: dict[str, Any] | None) -> None:
        """What start-up has left in `scope["state"]`; each call gets a shallow copy."""

def enter(call: Call | None) -> None:
    """Who speaks from here on: what it prints has the request id of that call, and a trap is its own."""

def startup(kind: Literal["complete", "unsupported", "failed"] | str, text: str) -> None:
    """Answers the start-up. The text goes to the log."""

def shutdown(failed: str | None) -> None:
    """Answers the shutdown; with a text it has failed."""

def flush() -> None:
    """Hands over what was said, without waiting."""

def renew_heap() -> None:
    """What is made from here on lies in memory of its own, not in holes of the snapshot. At the end of the build."""

def pbkdf2_hmac(hash_name: str, password: Buffer, salt: Buffer, iterations: int, dklen: int | None = None) -> bytes:
    """As in `hashlib`, for SHA-1 and SHA-2."""

def scrypt(password: Buffer, salt: Buffer, n: int, r: int, p: int, dklen: int) -> bytes:
    """What `hashlib.scrypt` computes; how much memory is too much is the caller's to say."""
