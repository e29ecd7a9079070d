"""One browser session without a browser: Streamlit's own websocket protocol, in protobuf.

What a browser does with a page, this does too, but for drawing it: it opens the websocket, asks for
a script run with a page, a query string and the states of widgets, takes every message, asks again
for fragments that repeat by themselves, and uploads files by PUT with the anti-forgery cookie.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

FINISHED = ForwardMsg.ScriptFinishedStatus


@dataclass
class Run:
    """What one whole script run sent."""

    html: list[str] = field(default_factory=list)
    markdown: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def says(self, text: str) -> bool:
        """Return whether a text stands on the page."""
        return any(text in each for each in (*self.html, *self.markdown))


class Session:
    """A session of the app; `async with` opens and closes it.

    Args:
        address: host and port of the server.
        look: is given every message's raw bytes, also those of fragments.
    """

    def __init__(self, address: str, look: Callable[[bytes], None] = lambda data: None) -> None:
        self.address = address
        self.pages: dict[str, str] = {}  # url path -> page hash
        self.errors: list[str] = []
        self._look = look
        self._widgets: dict[str, Any] = {}  # id -> its message
        self._run = Run()
        self._whole = True  # the run that is being received is not one of a fragment
        self._done = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._repeats: dict[str, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._page = ""
        self._query = ""
        self._session_id = ""

    async def __aenter__(self) -> Session:
        self._http = httpx.AsyncClient(base_url=f"http://{self.address}", timeout=120)
        await self._http.get("/_stcore/health")
        await self._http.get("/_stcore/host-config")
        cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        self._socket: ClientConnection = await connect(
            f"ws://{self.address}/_stcore/stream", subprotocols=["streamlit"], max_size=None,
            additional_headers={"Cookie": cookies}, ping_interval=None, proxy=None,
        )  # fmt: skip
        self._receiving = asyncio.create_task(self._receive())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stop_repeats()
        self._receiving.cancel()
        await self._socket.close()
        await self._http.aclose()

    async def open(self, page: str, **query: str) -> Run:
        """Open a page by its link in this session, or go there by the menu."""
        self._query = urlencode(query)
        self._page = self.pages.get(page, "")
        return await self._rerun({}, name="" if self._page else page)

    async def set(self, values: Mapping[str, Any]) -> Run:
        """Set widgets by the end of their ids and run the script; True presses a button."""
        return await self._rerun(values)

    async def upload(self, key: str, submit: str, name: str, data: bytes) -> Run:
        """Put a file into an uploader and press its form's button."""
        message = BackMsg()
        request = message.file_urls_request
        request.request_id = str(next(self._numbers))
        request.file_names.append(name)
        request.session_id = self._session_id
        self._answers[request.request_id] = asyncio.get_running_loop().create_future()
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(120):
            urls = (await self._answers[request.request_id]).file_urls[0]
        put = await self._http.put(
            urls.upload_url, files={"file": (name, data)},
            headers={"X-Xsrftoken": self._http.cookies.get("_streamlit_xsrf", "")},
        )  # fmt: skip
        put.raise_for_status()
        return await self._rerun({key: (name, len(data), urls), submit: True})

    @property
    def busy(self) -> bool:
        """Whether a fragment of the page repeats by itself, as the one that follows a queue."""
        return bool(self._repeats)

    def widget(self, end: str) -> str:
        """Return the id of the widget whose key or kind this is; of the last run."""
        for name, element in self._widgets.items():
            if name.endswith(f"-{end}") or element.DESCRIPTOR.name == end:
                return name
        raise LookupError(f"the page has no widget {end}: {sorted(self._widgets)}")

    async def _rerun(self, values: Mapping[str, Any], name: str = "") -> Run:
        self._stop_repeats()
        message = self._asking(values)
        message.rerun_script.page_name = name
        self._run, self._whole = Run(), True
        self._done.clear()
        begun = asyncio.get_running_loop().time()
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(120):
            await self._done.wait()
        found = self._run
        found.seconds = asyncio.get_running_loop().time() - begun
        return found

    def _asking(self, values: Mapping[str, Any]) -> BackMsg:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_script_hash = self._page
        state.context_info.url = f"http://{self.address}/"
        state.context_info.timezone = "Europe/Berlin"
        for end, value in values.items():
            widget = state.widget_states.widgets.add()
            widget.id = self.widget(end)
            if value is True:
                widget.trigger_value = True
            elif isinstance(value, tuple):
                name, size, urls = value
                file = widget.file_uploader_state_value.uploaded_file_info.add()
                file.name, file.size, file.file_id = name, size, urls.file_id
                file.file_urls.CopyFrom(urls)
            elif end == "ChatInput":
                widget.chat_input_value.data = value
            else:
                widget.string_value = value
        return message

    async def _receive(self) -> None:
        try:
            async for data in self._socket:
                assert isinstance(data, bytes)
                self._look(data)
                self._take(ForwardMsg.FromString(data))
        except Exception as error:  # whatever ends a session is noted
            self._fail(f"the connection ended: {error!r}")
        else:
            self._fail("the server closed the connection")

    def _fail(self, why: str) -> None:
        self.errors.append(why)
        self._run.errors.append(why)
        self._done.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session_id = message.new_session.initialize.session_id
            self._whole = not message.metadata.run.fragment_ids
            if self._whole:
                self._stop_repeats()
                self._widgets.clear()
        elif kind == "navigation":
            self.pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta":
            self._element(message)
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "file_urls_response":
            self._answers[message.file_urls_response.response_id].set_result(
                message.file_urls_response
            )
        elif kind == "script_finished":
            self._finish(message.script_finished)

    def _finish(self, how: int) -> None:
        if how == FINISHED.FINISHED_WITH_COMPILE_ERROR:
            self._fail("compile error")
        elif how == FINISHED.FINISHED_SUCCESSFULLY:
            self._done.set()

    def _element(self, message: ForwardMsg) -> None:
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind is None:
            return
        body = getattr(element, kind)
        if getattr(body, "id", ""):
            self._widgets[body.id] = body
        if kind == "html":
            self._run.html.append(body.body)
        elif kind == "markdown":
            self._run.markdown.append(body.body)
        elif kind == "exception":
            self._run.errors.append(f"{body.type}: {body.message}")
        elif kind == "alert" and body.format == Alert.ERROR:
            self._run.errors.append(body.body)

    def _repeat(self, fragment: str, interval: float) -> None:
        async def repeat() -> None:
            while True:
                await asyncio.sleep(interval)
                message = self._asking({})
                message.rerun_script.fragment_id = fragment
                message.rerun_script.is_auto_rerun = True
                with contextlib.suppress(OSError):
                    await self._socket.send(message.SerializeToString())

        if fragment not in self._repeats:
            self._repeats[fragment] = asyncio.create_task(repeat())

    def _stop_repeats(self) -> None:
        for task in self._repeats.values():
            task.cancel()
        self._repeats.clear()
