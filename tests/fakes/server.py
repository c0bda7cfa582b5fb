"""The fake Bot API over HTTP: takes requests, does what a test scripted or what they ask, and answers."""

import asyncio
import json
import time
from collections import defaultdict, deque
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.methods import METHODS
from tests.fakes.params import Params, read_params
from tests.fakes.replies import Cut, Delay, Error, Raw, Refusal, Reply
from tests.fakes.world import Call, World

JSON = "application/json"
_Key = tuple[str, int | None]


class Server:
    """Serves a World on a port of the loopback interface until closed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.port = 0
        self._script: defaultdict[_Key, deque[Reply]] = defaultdict(deque)
        self._always: dict[_Key, Reply] = {}
        self._runner: web.AppRunner | None = None
        self._hook: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._hook = asyncio.get_running_loop().create_task(self._push_updates())

    async def close(self) -> None:
        self.world.closing = True
        self.world.changed()
        if self._hook is not None:
            self._hook.cancel()
            with suppress(asyncio.CancelledError):
                await self._hook
        if self._runner is not None:
            await self._runner.cleanup()

    def script(self, method: str, replies: tuple[Reply, ...], chat_id: int | None, *, always: bool) -> None:
        key = (method.lower(), chat_id)
        if always:
            (self._always[key],) = replies
        else:
            self._script[key].extend(replies)

    def forget_script(self) -> None:
        self._script.clear()
        self._always.clear()

    def _scripted(self, method: str, chat_id: int | None) -> Reply | None:
        keys = [(name, chat) for name in (method, "*") for chat in dict.fromkeys((chat_id, None))]
        for key in keys:
            if queue := self._script.get(key):
                return queue.popleft()
        return next((self._always[key] for key in keys if key in self._always), None)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        if request.match_info["token"] != self.world.token:
            return _answer(Refusal(401, "Unauthorized"))
        try:
            params = await read_params(request)
        except Refusal as refusal:
            return _answer(refusal)
        reply = self._scripted(name.lower(), params.chat_id)
        if reply == Cut("before"):
            return _cut(request)
        now = time.monotonic()
        self.world.calls.append(
            Call(method=name, params=params.values | params.files, chat_id=params.chat_id, time=now)
        )
        if name.lower() != "getupdates":
            self.world.last_call = now
        return await self._respond(request, name.lower(), params, reply)

    async def _respond(
        self, request: web.Request, name: str, params: Params, reply: Reply | None
    ) -> web.StreamResponse:
        match reply:
            case Error(code, description, parameters):
                answer = _answer(Refusal(code, description, **parameters))
            case Raw(status, body, recorded):
                if recorded:
                    await self._do(name, params)
                answer = web.Response(status=status, body=body)
            case Cut("after"):
                await self._do(name, params)
                return _cut(request)
            case Cut():
                return await _half(request, await self._do(name, params))
            case Delay(seconds):
                answer = await self._do(name, params)
                await self.world.until(lambda: False, seconds)
            case None:
                answer = await self._do(name, params)
        if self.world.latency and name != "getupdates":
            await asyncio.sleep(self.world.latency)
        return answer

    async def _do(self, name: str, params: Params) -> web.Response:
        method = METHODS.get(name)
        try:
            if method is None:
                raise Refusal(404, "Not Found: method not found")
            return _ok(await method(self.world, params))
        except Refusal as refusal:
            return _answer(refusal)

    async def _push_updates(self) -> None:
        """Bring updates to the webhook in order, again and again until it takes them."""
        world = self.world
        async with aiohttp.ClientSession() as session:
            while await world.until(lambda: bool(world.webhook and world.updates), 3600.0):
                if not world.webhook or not world.updates:
                    continue
                update = world.updates[0]
                secret = world.webhook.get("secret_token", "")
                headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
                try:
                    async with session.post(world.webhook["url"], json=update, headers=headers) as response:
                        taken = response.status < 300
                        carried = await response.json() if response.content_type == JSON else None
                except aiohttp.ClientError:
                    taken, carried = False, None
                if taken and carried:
                    await self._carried(carried)
                if taken:
                    world.updates[:] = [each for each in world.updates if each is not update]
                    world.changed()
                else:
                    await asyncio.sleep(0.05)

    async def _carried(self, call: dict[str, Any]) -> None:
        """Execute the call in the response to an update; its result is discarded."""
        name = str(call.pop("method"))
        params = Params(call, {})
        self.world.calls.append(
            Call(method=name, params=call, chat_id=params.chat_id, time=time.monotonic(), carried=True)
        )
        await self._do(name.lower(), params)


def _ok(result: Any) -> web.Response:
    return _json(200, {"ok": True, "result": result})


def _answer(refusal: Refusal) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return _json(refusal.code, body)


def _json(status: int, body: dict[str, Any]) -> web.Response:
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(status=status, body=text.encode(), content_type="application/json")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """Begin the answer and break the connection within its body."""
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    assert isinstance(answer.body, bytes)
    await response.write(answer.body)
    if request.transport is not None:
        request.transport.close()
    return response
