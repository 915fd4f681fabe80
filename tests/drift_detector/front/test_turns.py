"""The order of turns."""

import asyncio

from drift_detector.front.turns import Turns


async def order_of(callers: str, *, number: int) -> str:
    """The callers in the order of their turns, while one turn after the other ends."""
    turns, order, may_end = Turns(number), list[str](), asyncio.Semaphore(0)

    async def take(caller: str) -> None:
        async with turns.turn(caller):
            order.append(caller)
            await may_end.acquire()

    tasks = [asyncio.create_task(take(caller)) for caller in callers]
    for _ in tasks:
        await asyncio.sleep(0)
        may_end.release()
    await asyncio.gather(*tasks)
    return "".join(order)


def test_turns__of_a_caller_with_many__come_in_rotation() -> None:
    # `a` has the first at once; then each that waits has one, and so on.
    assert asyncio.run(order_of("aaaabbc", number=1)) == "aabcaba"


def test_turns__of_one_caller__are_at_most_half() -> None:
    async def begun() -> int:
        turns, never = Turns(4), asyncio.Event()
        order: list[int] = []

        async def take(number: int) -> None:
            async with turns.turn("a"):
                order.append(number)
                await never.wait()

        tasks = [asyncio.create_task(take(number)) for number in range(4)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(order)

    assert asyncio.run(begun()) == 2


def test_turn__given_up_while_it_waits__goes_to_the_next() -> None:
    async def order() -> list[str]:
        turns, seen, may_end = Turns(1), list[str](), asyncio.Event()

        async def take(caller: str) -> None:
            async with turns.turn(caller):
                seen.append(caller)
                await may_end.wait()

        first, second, third = (asyncio.create_task(take(caller)) for caller in "abc")
        await asyncio.sleep(0)
        second.cancel()
        may_end.set()
        await asyncio.gather(first, second, third, return_exceptions=True)
        return seen

    assert asyncio.run(order()) == ["a", "c"]
