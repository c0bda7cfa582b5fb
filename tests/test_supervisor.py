"""Tasks that are kept: those that end by themselves are waited for, those that never do outlive them."""

import asyncio

from bot.supervisor import BackgroundTasks, Supervisor


async def test_what_never_ends_goes_on_until_the_others_have_ended() -> None:
    supervisor, stopping, order = Supervisor(), asyncio.Event(), []

    async def ends() -> None:
        await stopping.wait()
        await asyncio.sleep(0.05)
        assert supervisor.alive("endless")
        order.append("ends")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("endless")

    supervisor.start("endless", endless, endless=True)
    supervisor.start("ends", ends)
    await asyncio.sleep(0)
    stopping.set()
    async with asyncio.timeout(10):
        await supervisor.stop(5)
    assert order == ["ends", "endless"]


async def test_what_is_late_is_cut_off() -> None:
    supervisor = Supervisor()
    supervisor.start("late", lambda: asyncio.sleep(60))
    async with asyncio.timeout(10):
        await supervisor.stop(0.05)
    assert not supervisor.alive("late")
    await supervisor.stop(5)


async def test_a_failed_task_is_not_awaited_until_its_restart() -> None:
    supervisor, failed = Supervisor(lambda _name, _error: failed.set()), asyncio.Event()

    async def fails() -> None:
        raise OSError("no disk")

    supervisor.start("fails", fails)
    await failed.wait()
    async with asyncio.timeout(10):
        await supervisor.stop(3600)


async def test_late_background_tasks_are_cancelled_and_waited_for() -> None:
    tasks, order = BackgroundTasks(), []

    async def late() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            order.append("ended")

    await tasks.cancel()
    tasks.start(late())
    assert await tasks.wait(0.01) == 1
    await tasks.cancel()
    assert (order, len(tasks)) == (["ended"], 0)
