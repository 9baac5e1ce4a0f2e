"""Saved conversations as HTML: what old ones have, and what of many is listed."""

from __future__ import annotations

from pathlib import Path

from airunner.messages import Message
from airunner.pictures import PicturesFolder
from airunner.records.branches import families
from airunner.records.conversation_rows import Entry
from airunner.records.folders import Page
from airunner.ui.chat.conversation_list import list_html
from airunner.ui.chat.message_html import Talk, talk_html


def test_old_messages_have_their_thoughts_and_the_sizes_of_their_files() -> None:
    question = '<file name="old.txt">\n12345\n</file>\n\nWhat is it?'
    messages = [Message("user", question)]
    messages += [Message("assistant", "<think>\nFive digits.\n</think>\n\nA number.")]
    asked, answer = talk_html(Talk("c", messages, PicturesFolder(Path("none"))))
    assert '<span class="size">5 characters</span>' in asked
    folded, said = answer.split("</details>")
    assert "Five digits." in folded
    assert "A number." in said
    assert "think&gt;" not in answer


def test_of_many_conversations_the_older_ones_are_shown_on_demand() -> None:
    entries = tuple(Entry(f"{n}" * 32, f"Talk {n}", 1.0, 1.0, 1) for n in range(3))
    for following, count in (("more", 1), ("", 0)):
        shown = list_html(Page(entries, following, 1203), families(entries), ())
        assert shown.count("Talk 2</span>") == 1
        assert shown.count("1,200 more.") == shown.count("Show older ones") == count
