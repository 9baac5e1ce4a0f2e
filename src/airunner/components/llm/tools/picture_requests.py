"""The words by which a request for a picture is known.

Owns keywords, topics and counter-words of the image tools, one phrase a line;
what they mean is ``airunner.tools.tool``'s.
"""

from __future__ import annotations


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines())


DRAWING_KEYWORDS = _lines("""
draw a
draw an
draw me
draw us
draw the
draw some
draw two
draw three
draw this
draw it
please draw
paint a
paint an
paint me
sketch a
sketch an
sketch me
illustrate
visualize
make a picture
make an image
make me a picture
make me an image
create a picture
create an image
generate a picture
generate an image
generate image
generate picture
want a picture
want an image
need a picture
need an image
like a picture
like an image
give me a picture
show me a picture
picture please
pictures of
images of
image of
an illustration of
a painting of
oil painting
digital art
concept art
pixel art
watercolor
watercolour
photorealistic
wallpaper
dark fantasy
on a black background
on a blue background
on a green background
on a red background
on a white background
on a yellow background
draw that
""")
DRAWING_TOPICS = (
    "draw",
    "drawing",
    "paint",
    "sketch",
    "illustration",
    "picture",
    "portrait",
    "landscape",
    "artwork",
    "poster",
    "logo",
    "background",
    "cyberpunk",
    "surreal",
    "cinematic",
    "fantasy",
    "dragon",
    "unicorn",
    "castle",
    "sunset",
)
DRAWING_UNLESS = (
    "write",
    "story",
    "stories",
    "tale",
    "poem",
    "essay",
    "song",
    "novel",
    "book",
    "film",
    "movie",
    "conclusion",
    "explain",
    "recommend",
    "html",
    "css",
    "yesterday",
)

VARYING_KEYWORDS = _lines("""
another version
another variation
other version
new version of the picture
variation
variant
vary
draw it again
draw that again
redraw
same picture again
same but different
""")
VARYING_TOPICS = ("again", "picture", "image", "version", "different", "seed")

CHANGING_KEYWORDS = _lines("""
turn it into
turn that into
turn this into
turn the picture into
turn the image into
transform the picture
transform the image
transform it
change the picture
change the image
edit the picture
edit the image
make the picture
make the image
make it look
restyle
""")
CHANGING_TOPICS = ("picture", "image", "style", "turn", "transform", "look")
CHANGING_UNLESS = ("text", "function", "code", "list", "sentence", "letter", "story")

TELLING_KEYWORDS = _lines("""
settings of the picture
settings of the last
settings of that
image settings
picture settings
what settings
which settings
which seed
what seed
which prompt
what prompt
how was it drawn
how did you draw
""")
TELLING_TOPICS = ("settings", "seed", "steps", "prompt", "picture", "image", "sampler", "scheduler")
