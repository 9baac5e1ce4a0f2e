"""The conversation that ``conversation`` measures, turn by turn.

Ten turns whose subject changes each time, and ten in which a call is required: a model
as small as the embedded one calls nothing that helps of its own accord. In three of the
others a call is forbidden, or its searches for tools would outgrow the context, and a history
that has to be shortened is read again. The tools are quick, work offline, and return the
same every time.
"""

from __future__ import annotations

from dataclasses import dataclass

from airunner.models.spec import Sampling

SYSTEM_PROMPT = "You are a helpful assistant. Answer in one or two short sentences."
ANSWER_TOKENS = 40
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.1)
PERMISSIONS = "@write=allow,@network=deny,@execute=deny,generate_image=deny"


@dataclass(frozen=True)
class Said:
    """What the user says.

    ``tool`` is the tool that is called first, ``"required"`` for any, ``"none"`` where no call
    is allowed; ``swap`` says that a specialist is used before, so that the primary has to
    come back for this turn.
    """

    text: str
    tool: str = ""
    swap: bool = False

    @property
    def calls(self) -> bool:
        """A call is required."""
        return self.tool not in ("", "none")


TALK = (
    Said("Hello! I am planning a small trip to the coast next week."),
    Said("What time is it now?", "current_time"),
    Said("Good. Then let us say that we leave at nine."),
    Said("Please remember that I like to sit at the window.", "remember_fact"),
    Said("Make it 10:30 instead.", swap=True),
    Said("Can you convert units, or work with tables?", "search_tools"),
    Said("How much is 5 miles in kilometres?", "convert_units"),
    Said("And which files did I put into my folder?", "none"),
    Said("Then show me my notes.", "search_notes"),
    Said("Is there one about the garden among them?", swap=True),
    Said("Remind me tomorrow at 8 to water the plants.", "set_reminder"),
    Said("How many ounces are 350 grams, roughly?"),
    Said("What is the mean of 4, 8, 15, 16, 23 and 42?", "calculate", swap=True),
    Said("Later I want a picture of a lighthouse in the fog.", "none"),
    Said("Translate 'good morning' into French.", "translate_text"),
    Said("How warm will it be there, do you think?", "none"),
    Said("Do what you think is best now.", "required"),
    Said("Thanks. Which of the two dates was the earlier one?", swap=True),
    Said("Work out 12 * (3 + 4).", "calculate"),
    Said("That is all for today, goodbye."),
)
