"""The runtime of a program while a server runs for its home folder: nothing is loaded twice.

Owns the same face as ``Runtime`` has, made of requests to the server. Conversations and
what else is remembered are read and written here, in the file that both share. Whether a
server is used, and which settings then are its own, is ``attaching``'s to say.
"""

from __future__ import annotations

import logging
from collections.abc import (
    AsyncGenerator,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, aclosing, closing, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airunner.agent.approvals import Answer
from airunner.agent.conversation import Conversation
from airunner.agent.specialist import SpecialistRequest
from airunner.agent.tool_call import Outcome
from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError, UnknownModelError
from airunner.events import Event, EventBus, FallbackChosen, SpecialistFailed, TextStreamed
from airunner.messages import Content
from airunner.models.assign import Assignment
from airunner.models.catalog import Resolution
from airunner.models.spec import ModelCapability, ModelSpec, Sampling
from airunner.pictures import PicturesFolder
from airunner.resources.scope import current_scope
from airunner.resources.status import Status
from airunner.runtime.attached_catalogue import AttachedCatalogue
from airunner.runtime.attached_handle import AttachedHandle
from airunner.runtime.attached_records import attached_records
from airunner.runtime.attached_turn import attached_turn
from airunner.runtime.attached_work import Result, attached_work, end_of, work_from_loop
from airunner.runtime.file_models import open_catalog
from airunner.runtime.native_client import NativeClient
from airunner.runtime.native_form import content_as_json, outcome_from_json, read
from airunner.runtime.plain_values import plain
from airunner.runtime.specialist_face import SpecialistFace
from airunner.runtime.survey import PRIMARY, for_conversations, usable
from airunner.tools.json_form import JsonForm
from airunner.tools.selection import NONE, switched_on
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset
from airunner.weights.store import open_store

ALL_TOOLS = "*"
# What a failure of a specialist is logged as, wherever it ran.
_log = logging.getLogger("airunner.runtime.specialists")


class AttachedRuntime(SpecialistFace):
    """See the module's description, and ``Runtime`` for what each method does.

    ``remarks`` is what the user should know of it, a line each; ``given`` names what this
    program was told of ``primary`` and ``tools``, which then holds for its turns.
    """

    def __init__(
        self,
        settings: Settings,
        client: NativeClient,
        pictures: Path,
        remarks: Sequence[str] = (),
        given: Collection[str] = (),
    ) -> None:
        self.settings, self.remarks, self._client = settings, tuple(remarks), client
        self.bus = EventBus()
        self.engines = known_engines()
        self.catalog = open_catalog(settings, self.engines.traits)
        self.store = open_store(settings, self.catalog, self.bus)
        self.records = attached_records(settings, client)
        self.pictures = PicturesFolder(pictures)
        self.catalogue = AttachedCatalogue(client)
        self.closed = False
        self._tools: list[dict[str, Any]] | None = None
        self._answers: ModelSpec | None = None
        self._given = given

    # Conversation.

    def turn(
        self,
        conversation: Conversation,
        content: Content,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        may_ask: bool = False,
        tool_choice: str = "auto",
    ) -> Generator[Event, None, None]:
        """Run one turn on the server. Closing the generator cancels it."""
        options: dict[str, Any] = {
            "sampling": plain(sampling or Sampling()),
            "seed": seed,
            "may_ask": may_ask,
            "tool_choice": tool_choice,
        }
        if self.settings.origins["max_tokens"] != "default":
            options["max_tokens"] = self.settings.max_tokens
        chosen: dict[str, Any] = {"without": self._without()}
        if (answers := self._chosen_primary()) is not None:
            chosen["model"] = answers.model_path
        options["options"] = chosen
        return attached_turn(self._client, conversation, content, options, self.bus.publish)

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer a ``PermissionAsked`` by its question; false if it is no longer open."""
        return bool(self._client.post(f"/approvals/{question}", {"answer": answer})["open"])

    # Tools.

    @property
    def toolset(self) -> Toolset:
        """Every tool that the primary may call; each is called on the server."""
        tools = Toolset()
        for each in self._listed():
            tools += Toolset([self._tool(each)], each["toolset"])
        return tools

    @property
    def core_tools(self) -> tuple[str, ...]:
        """The tools that every prompt shows."""
        return tuple(each["name"] for each in self._listed() if each["core"])

    def call_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """Run one tool on the server, outside of any turn."""
        body = {"arguments": dict(arguments), "approved": by_user, "stream": True}
        return outcome_from_json(end_of(self._follow(f"/tools/{name}", body)))

    async def run_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """The same for callers with an event loop of their own; cancelling it cancels the call."""
        body = {"arguments": dict(arguments), "approved": by_user}
        return outcome_from_json(await self._client.post_from_loop(f"/tools/{name}", body))

    # Specialised models.

    @contextmanager
    def series(self) -> Iterator[None]:
        """Several models are used in the body."""
        with self._client.stream("/series", {}) as pieces:
            next(pieces)
            yield

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, from the model that serves ``EMBEDDING``."""
        vectors: list[list[float]] = self._client.post("/embed", {"texts": list(texts)})["vectors"]
        return vectors

    # Pictures.

    def draw(
        self, request: ImageRequest, *, model: str | None = None
    ) -> Generator[Event, None, Drawn]:
        """Draw and save on the server. Closing the generator cancels within one step."""
        loras = tuple(replace(each, path=each.path.absolute()) for each in request.loras)
        wanted = replace(
            request,
            loras=loras,
            init_image=request.init_image and request.init_image.absolute(),
            mask=request.mask and request.mask.absolute(),
        )
        body = {"request": plain(wanted), "model": model, "stream": True}
        return read(Drawn, (yield from self._follow("/draw", body)))

    # What is known of models.

    def model_list(self) -> dict[str, Any]:
        """See ``model_sheet.model_list``."""
        return self._client.get("/models")

    def model_sheet(self, name: str) -> dict[str, Any]:
        """See ``model_sheet.model_sheet``."""
        return self._client.get(f"/models/{quote(name)}")

    def resolve(self, capability: ModelCapability) -> Resolution:
        """Which model serves a capability here and now."""
        if capability is PRIMARY and (chosen := self._chosen_primary()) is not None:
            return Resolution(chosen, chosen)
        found = self._client.get(f"/serving/{capability.value}")
        names = (found["model"], found["wanted"])
        self._know(*names)
        spec, wanted = map(self.catalog.spec, names)
        if spec is not wanted:
            self._tell_why(wanted.model_path)
        return Resolution(spec, wanted, found["reason"], found["advice"])

    # Memory.

    def keep_in_memory(self, capabilities: Iterable[ModelCapability]) -> None:
        """Load these capabilities' models and never evict them; replaces an earlier choice."""
        self._client.post("/pin", {"capabilities": [each.value for each in capabilities]})

    def assign_device(self, capability: ModelCapability, device: str | None) -> None:
        """Place a capability's model on one device; it moves there at its next load."""
        self._client.post("/assign", {"capability": capability.value, "device": device})

    def auto_assign(self, budget_bytes: int | None = None) -> Assignment:
        """Map every capability to the best model that fits, on the server and here."""
        chosen = read(Assignment, self._client.post("/plan", {"budget_bytes": budget_bytes}))
        CAPABILITY_TO_MODEL.update(chosen.mapping)
        return chosen

    def plan(self, budget_bytes: int | None = None) -> Assignment:
        """What ``auto_assign`` would choose, without changing anything."""
        found = read(Assignment, self._client.get("/plan", budget_bytes=budget_bytes))
        self._know(*found.models)
        for spec in list(self.catalog.registry.values()):
            usable(self.store, spec)  # what is passed over is told here, too
        return found

    def unload(self, name: str) -> tuple[str, bool]:
        """Take a model out of the server's memory; its registered name, and whether it is out.

        One that answers stays.
        """
        model = self.catalog.spec(name).model_path
        told = self._client.post("/unload", {"model": model})
        return model, not any(m["held_bytes"] for m in told["models"] if m["model"] == model)

    def choose_primary(self, name: str) -> ModelSpec:
        """See ``Runtime.choose_primary``. It holds for this program's turns, not for others'."""
        self._know(name)
        self._answers = for_conversations(self.catalog, self.store, name)
        return self._answers

    def status(self) -> Status:
        """What is loaded where, now."""
        return read(Status, self._client.get("/status"))

    def settle(self) -> None:
        """Return when nothing is being loaded, parked, restored or stopped."""
        self._client.post("/settle")

    def close(self) -> None:
        """Leave the server, which goes on. Safe to call twice."""
        self.closed = True
        self._client.close()
        self.records.close()

    def _use(self, asked: SpecialistRequest, required: bool) -> str | None:
        with self._refusing(asked.capability, required):
            told = end_of(self._follow(*_question(asked, required)))
            answer: str | None = told["text"]
            return answer
        return None

    async def _ause(self, asked: SpecialistRequest, required: bool) -> str | None:
        with self._refusing(asked.capability, required):
            async with aclosing(self._follow_from_loop(*_question(asked, required))) as events:
                async for each in events:
                    if isinstance(each, Result):
                        answer: str | None = each.value["text"]
                        return answer
        return None

    def _stream(self, asked: SpecialistRequest) -> Generator[str, None, None]:
        with closing(self._follow(*_question(asked, required=True))) as events:
            for event in events:
                if isinstance(event, TextStreamed):
                    yield event.text

    async def _astream(self, asked: SpecialistRequest) -> AsyncGenerator[str, None]:
        async with aclosing(self._follow_from_loop(*_question(asked, required=True))) as events:
            async for each in events:
                if isinstance(each, TextStreamed):
                    yield each.text

    def _load(
        self, capability: ModelCapability, returns: bool, required: bool
    ) -> AttachedHandle | None:
        body = {"capability": capability.value, "returns": returns}
        held = ExitStack()
        try:
            pieces = held.enter_context(self._client.stream("/leases", body))
            held.callback(pieces.close)  # who forgets them hangs up
            lease = next(pieces).value
        except AiRunnerError as error:
            self._failed(capability, error)
            if required:
                raise
            return None
        handle = AttachedHandle(self._client, held, lease["id"], lease["model"])
        scope = current_scope()
        if scope is not None:
            scope.handles.append(handle)
        return handle

    def _follow(self, path: str, body: Any) -> Generator[Event, None, Any]:
        return attached_work(self._client, path, body, self._tell)

    def _follow_from_loop(self, path: str, body: Any) -> AsyncGenerator[Event | Result, None]:
        return work_from_loop(self._client, path, body, self._tell)

    def _tell(self, event: Event) -> None:
        if isinstance(event, SpecialistFailed):
            _log.warning("%s could not be used: %s", event.capability, event.problem)
        if isinstance(event, FallbackChosen) and event.reason:
            self._tell_why(event.wanted)
        if not isinstance(event, TextStreamed):  # a specialist's, which is its caller's alone
            self.bus.publish(event)

    def _tell_why(self, model: str) -> None:
        """Log here, too, what the server has logged of a model that is passed over; once."""
        self._know(model)
        with suppress(UnknownModelError):
            usable(self.store, self.catalog.spec(model))

    @contextmanager
    def _refusing(self, capability: ModelCapability, required: bool) -> Iterator[None]:
        """Tell of a failure of the body, and raise it only if it is ``required`` there is none."""
        try:
            yield
        except AiRunnerError as error:
            if required:
                raise
            self._failed(capability, error)

    def _failed(self, capability: ModelCapability, error: AiRunnerError) -> None:
        self._tell(SpecialistFailed(capability=capability.value, model="", problem=str(error)))

    def _know(self, *names: str) -> None:
        """The server may have registered a model since."""
        try:
            for name in names:
                self.catalog.spec(name)
        except UnknownModelError:
            open_catalog(self.settings, self.engines.traits)

    def _chosen_primary(self) -> ModelSpec | None:
        """Who answers this program's turns, where it was told another than the server's own."""
        wanted = self.settings.primary
        if self._answers is None and wanted and "primary" in self._given:
            self.choose_primary(wanted)
        return self._answers

    def _listed(self) -> list[dict[str, Any]]:
        """The server's tools, without the toolsets that this program switches off."""
        without = self._without()
        return [t for t in self._all_tools() if not {t["toolset"], ALL_TOOLS} & set(without)]

    def _all_tools(self) -> list[dict[str, Any]]:
        if self._tools is None:
            self._tools = self._client.get("/tools")["tools"]
        return self._tools

    def _without(self) -> list[str]:
        """The toolsets that this program switches off, as the options of a turn say it."""
        said = self.settings.tools
        if "tools" not in self._given or not said:
            return []
        if NONE in said and len(said) == 1:
            return [ALL_TOOLS]
        known = list(dict.fromkeys(each["toolset"] for each in self._all_tools()))
        on = switched_on(said, known, self.settings.origins["tools"])
        return [name for name in known if name not in on]

    def _tool(self, listed: Mapping[str, Any]) -> Tool:
        name = listed["name"]

        def call(**arguments: Any) -> str:
            return self.call_tool(name, arguments).message.text

        return Tool(
            call,
            name=name,
            description=listed["description"],
            permission=listed["permission"],
            form=JsonForm(name, listed["parameters"]),
        )


def _question(asked: SpecialistRequest, required: bool) -> tuple[str, dict[str, Any]]:
    """Where and how a specialist is asked."""
    body = {"prompt": content_as_json(asked.prompt), "max_tokens": asked.max_tokens}
    body |= {**asdict(asked.form), "required": required, "stream": True}
    return f"/specialists/{asked.capability.value}", body
