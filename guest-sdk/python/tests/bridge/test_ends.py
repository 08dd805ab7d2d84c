"""`receive` and `send` as an app uses them, on a call that is played."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from wasgi.bridge.ends import receive, send
from wasgi.bridge.errors import ClientDisconnected

Event = dict[str, Any]


class PlayedCall:
    """The native `Call`, as far as the two functions use it: the same rules, in Python."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.line: deque[asyncio.Future[None]] = deque()
        self.senders: list[asyncio.Future[None]] = []
        self.said: list[Event] = []
        self.full = False
        self.gone = False

    def happen(self, event: Event) -> None:
        self.events.append(event)
        self._wake()

    def _wake(self) -> None:
        if self.events and self.line and not self.line[0].done():
            self.line[0].set_result(None)

    def take(self) -> Event | None:
        return self.events.popleft() if self.events and not self.line else None

    def line_up(self) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self.line.append(future)
        return future

    def take_in_line(self, future: asyncio.Future[None]) -> Event | None:
        if not self.events or self.line[0] is not future:
            return None
        self.line.popleft()
        event = self.events.popleft()
        self._wake()
        return event

    def leave(self, future: asyncio.Future[None]) -> None:
        self.line.remove(future)
        self._wake()

    def say(self, event: Event) -> bool:
        self.said.append(event)
        return self.full

    def wait_sent(self) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self.senders.append(future)
        return future

    def is_full(self) -> bool:
        if self.gone:
            raise ClientDisconnected("the client is gone")
        return self.full

    def drain(self) -> None:
        waiting, self.senders = self.senders, []
        for future in waiting:
            future.set_result(None)


def run(test: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(test(PlayedCall()), 5)

    asyncio.run(main())


def test_what_is_there_is_received_without_suspending_g09() -> None:
    call: Any = PlayedCall()
    call.happen({"type": "one"})
    coroutine = receive(call)
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    assert stopped.value.value == {"type": "one"}


def test_a_cancelled_receive_loses_nothing_g09() -> None:
    async def test(call: Any) -> None:
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receive(call), 0.0001)
        waiting = asyncio.create_task(receive(call))
        await asyncio.sleep(0)
        call.happen({"type": "only"})
        waiting.cancel()  # between the wake-up and the step that would take it
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await receive(call) == {"type": "only"}
        assert not call.line

    run(test)


def test_several_receives_are_served_in_order_a16() -> None:
    async def test(call: Any) -> None:
        tasks = [asyncio.create_task(receive(call)) for _ in range(3)]
        await asyncio.sleep(0)
        call.happen({"n": 0})
        late = asyncio.create_task(receive(call))
        for n in range(1, 4):
            call.happen({"n": n})
        assert [(await task)["n"] for task in [*tasks, late]] == [0, 1, 2, 3]

    run(test)


def test_one_that_leaves_the_line_passes_its_turn_on() -> None:
    async def test(call: Any) -> None:
        first, second = (asyncio.create_task(receive(call)) for _ in range(2))
        await asyncio.sleep(0)
        call.happen({"n": 0})
        first.cancel()
        assert await second == {"n": 0}

    run(test)


def test_a_send_waits_for_room_a11() -> None:
    async def test(call: Any) -> None:
        await send(call, {"n": 0})
        call.full = True
        sending = asyncio.create_task(send(call, {"n": 1}))
        await asyncio.sleep(0)
        assert not sending.done()
        call.drain()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not sending.done()  # woken, and still no room
        call.full = False
        call.drain()
        await sending
        assert [event["n"] for event in call.said] == [0, 1]

    run(test)


def test_a_send_that_waits_in_vain_raises_d01() -> None:
    async def test(call: Any) -> None:
        call.full = True
        sending = asyncio.create_task(send(call, {}))
        await asyncio.sleep(0)
        call.gone = True
        call.drain()
        with pytest.raises(ClientDisconnected):
            await sending

    run(test)
