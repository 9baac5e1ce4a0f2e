"""What a client never saw stays in its conversation with the team."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_png import RED

from airunner.messages import Message, TextPart, ToolCall
from airunner.resources.known_conversations import KnownConversations
from airunner.resources.visitor import Visitor, serving
from airunner.server.team_conversations import MOST_HELD, TeamConversations

SYSTEM, HELLO = Message("system", "Be brief."), Message("user", "Hello.")


def user(text: str) -> Message:
    return Message("user", text)


def answered(text: str, *calls: ToolCall) -> Message:
    return Message("assistant", text, calls)


def call(number: int, name: str = "ours") -> ToolCall:
    return ToolCall(f"c{number}", name, {"n": number})


def result(number: int, text: str = "") -> Message:
    return Message("tool", text or f"result {number}", tool_call_id=f"c{number}")


class Client:
    """Asks with its whole history, and the team takes its hidden steps."""

    def __init__(self, teams: TeamConversations) -> None:
        self.teams = teams
        self.before: list[Message] = []
        self.id = ""

    def ask(
        self, history: Sequence[Message], *steps: Message, answer: Message
    ) -> tuple[Message, ...]:
        """The conversation after a turn of ``steps`` that came to ``answer``."""
        with self.teams.going_on(history) as opened:
            messages = opened.conversation.messages
            if opened.content is not None:
                messages.append(Message("user", opened.content))
            self.before, self.id = list(messages), opened.conversation.id
            messages += steps
            opened.answer = answer
            return tuple(messages)


@pytest.fixture
def client() -> Client:
    return Client(TeamConversations(KnownConversations()))


STEPS = (answered("", call(1)), result(1), answered("It is 5."))


def test_hidden_steps_stay_between_what_the_client_knows(client: Client) -> None:
    first = client.ask([SYSTEM, HELLO], *STEPS, answer=answered("It is 5."))
    history = [SYSTEM, HELLO, answered("It is 5."), user("Thanks.")]
    client.ask(history, answered("Bye."), answer=answered("Bye."))
    assert tuple(client.before) == (*first, user("Thanks."))


def test_clients_join_the_pieces_of_an_answer_in_their_own_ways(client: Client) -> None:
    first = client.ask([HELLO], *STEPS, answer=answered("I look.\n\nIt is 5."))
    client.ask([HELLO, answered(" I look. It\nis 5. "), user("Thanks.")], answer=answered("Bye."))
    assert tuple(client.before) == (*first, user("Thanks."))


def test_another_answer_begins_after_the_users_message(client: Client) -> None:
    client.ask([HELLO], *STEPS, answer=answered("It is 5."))
    first = client.id
    client.ask([HELLO], answered("Six."), answer=answered("Six."))
    assert (client.before, client.id) == ([HELLO], first)
    client.ask([HELLO, answered("Six."), user("Sure?")], answer=answered("Yes."))
    assert client.before == [HELLO, answered("Six."), user("Sure?")]


def test_an_edited_message_keeps_the_steps_before_it(client: Client) -> None:
    first = client.ask([HELLO], *STEPS, answer=answered("It is 5."))
    history = [HELLO, answered("It is 5."), user("Thanks.")]
    client.ask(history, *STEPS, answer=answered("It is 5."))
    client.ask([*history[:2], user("Sure?")], answer=answered("Yes."))
    assert tuple(client.before) == (*first, user("Sure?"))


def test_a_history_that_nobody_knows_becomes_a_conversation(client: Client) -> None:
    told = [
        SYSTEM,
        HELLO,
        Message("assistant", "", (call(1, "theirs"), call(2, "theirs")), reasoning="tool x done"),
        result(2),
        result(1),
        answered("Done."),
        Message("assistant", "", (call(3, "theirs"),)),
        user("Stop."),
        user("Do you hear?"),
    ]
    client.ask(told, answer=answered("Yes."))
    texts = [f"{m.role} {m.text}".strip() for m in client.before]
    assert texts[2:6] == ["assistant", "tool result 1", "tool result 2", "assistant Done."]
    assert "cancelled" in texts[7]
    assert texts[8] == "user Stop."
    assert not any(m.reasoning for m in client.before)


def test_results_of_the_client_stand_among_ours(client: Client) -> None:
    step = answered("", call(1, "theirs"), call(2), call(3, "theirs"))
    client.ask([HELLO], step, result(2), answer=answered("", step.tool_calls[0], call(3, "theirs")))
    history = [HELLO, answered("", call(1, "theirs"), call(3, "theirs")), result(3), result(1)]
    client.ask(history, answered("Done."), answer=answered("Done."))
    assert [m.tool_call_id for m in client.before[2:]] == ["c1", "c2", "c3"]
    # Asked again, the same; with another result, only that one differs.
    client.ask(history, answered("Done."), answer=answered("Done."))
    assert [m.text for m in client.before[2:]] == ["result 1", "result 2", "result 3"]
    client.ask([*history, answered("Done."), user("So?")], answer=answered("So."))
    assert [m.text for m in client.before[2:]] == [
        *("result 1", "result 2", "result 3", "Done.", "So?")
    ]
    client.ask([*history[:2], result(3, "another"), result(1)], answer=answered("Done."))
    assert [m.text for m in client.before[2:]] == ["result 1", "result 2", "another"]
    client.ask([*history[:2], user("Stop.")], answer=answered("Yes."))
    texts = [m.text for m in client.before[2:]]
    assert (texts[1], texts[3]) == ("result 2", "Stop.")
    assert all("cancelled" in text for text in (texts[0], texts[2]))


def test_a_result_that_the_client_takes_back_is_gone(client: Client) -> None:
    told = [HELLO, answered("", call(1, "theirs")), result(1)]
    client.ask(told, answered("Done."), answer=answered("Done."))
    client.ask([*told[:2], user("Stop.")], answer=answered("Yes."))
    assert "cancelled" in client.before[2].text


def test_a_turn_that_broke_off_is_gone_on_with_by_what_was_said(client: Client) -> None:
    def hung_up() -> None:
        with client.teams.going_on([HELLO]) as opened:
            opened.conversation.messages += [HELLO, *STEPS[:2], answered("It")]
            opened.answer = answered("It")
            raise GeneratorExit

    with pytest.raises(GeneratorExit):
        hung_up()
    client.ask([HELLO, answered("It"), user("Go on.")], answer=answered("is 5."))
    assert client.before == [HELLO, *STEPS[:2], answered("It"), user("Go on.")]


def test_a_turn_that_ended_before_it_began_is_asked_again_with_its_picture(client: Client) -> None:
    seen = Message("user", (RED, TextPart("What is this?")))
    with pytest.raises(ValueError, match="busy"), client.teams.going_on([SYSTEM, seen]):
        raise ValueError("busy")
    with client.teams.going_on([SYSTEM, seen]) as opened:
        assert opened.conversation.messages == [SYSTEM]
        assert opened.content == seen.content


def test_two_requests_at_once_are_two_conversations(client: Client) -> None:
    with client.teams.going_on([HELLO]) as one, client.teams.going_on([HELLO]) as other:
        assert one.conversation is not other.conversation
        assert one.conversation.id != other.conversation.id


def test_what_one_keys_team_did_is_nobody_elses(client: Client) -> None:
    history = [HELLO, answered("It is 5."), user("Thanks.")]
    with serving(Visitor("ada")):
        client.ask([HELLO], *STEPS, answer=answered("It is 5."))
    with serving(Visitor("bob")):
        client.ask(history, answer=answered("Bye."))
    assert client.before == history
    with serving(Visitor("ada")):
        client.ask(history, answer=answered("Bye."))
    assert client.before == [HELLO, *STEPS, user("Thanks.")]


def test_of_too_many_the_oldest_are_made_anew(client: Client) -> None:
    client.ask([HELLO], *STEPS, answer=answered("It is 5."))
    for number in range(MOST_HELD):
        client.ask([user(f"Number {number}")], *STEPS, answer=answered("It is 5."))
    client.ask([HELLO, answered("It is 5."), user("Thanks.")], answer=answered("Bye."))
    assert client.before == [HELLO, answered("It is 5."), user("Thanks.")]
    client.ask([user("Number 9"), answered("It is 5."), user("So?")], answer=answered("Bye."))
    assert client.before == [user("Number 9"), *STEPS, user("So?")]


@settings(max_examples=60, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_whatever_a_client_sends_the_conversation_says_that_and_is_whole(seed: int) -> None:
    """New messages, other answers, edits, and answers that broke off, in any order."""
    rng = random.Random(seed)
    client = Client(TeamConversations(KnownConversations()))
    history: list[Message] = [SYSTEM]
    for number in range(25):
        ends_in_calls = history[-1].role == "assistant" and bool(history[-1].tool_calls)
        if ends_in_calls and rng.random() < 0.9:
            answers = [c for c in history[-1].tool_calls if rng.random() < 0.95]
            rng.shuffle(answers)
            history += [Message("tool", f"of {c.id}", tool_call_id=c.id) for c in answers]
        elif rng.random() < 0.3:
            places = [i for i, m in enumerate(history) if m.role == "user"]
            del history[rng.choice(places) if places else 1 :]
        if history[-1].role != "tool" or rng.random() < 0.3:
            history.append(user(f"question {number}"))

        hidden = [call(10 * number + n) for n in range(rng.randint(0, 2))]
        steps = [m for each in hidden for m in (answered("", each), result(each.arguments["n"]))]
        theirs = [call(10 * number + n, "theirs") for n in range(5, 5 + rng.randint(0, 2))]
        if theirs:
            ours = call(10 * number + 9)
            made = rng.sample([*theirs, ours], len(theirs) + 1)
            steps += [answered(f"step {number}", *made), result(10 * number + 9)]
            answer = answered(f"step {number}", *theirs)
        else:
            answer = answered(f"answer {number}")
            steps.append(answer)
        client.ask(history, *steps, answer=answer)

        def spoken(messages: Sequence[Message]) -> list[str]:
            return [m.text for m in messages if m.text and m.role not in ("tool", "system")]

        assert spoken(client.before) == spoken(history)
        for at, message in enumerate(client.before):
            asked = [each.id for each in message.tool_calls]
            following = client.before[at + 1 : at + 1 + len(asked)]
            assert [m.tool_call_id for m in following] == asked
        if rng.random() < 0.8:
            history.append(answer)
