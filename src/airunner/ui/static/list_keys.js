// The list of conversations is one stop of the Tab key: the arrow keys lead through it, so that
// hundreds of lines are in nobody's way. A line's button follows it.

(() => {
  const LINES = ".conversations a.conversation, .conversations summary";
  const STOPS = `${LINES}, .conversations button`;
  const lineOf = (element) =>
    element.matches("button")
      ? element.parentElement.querySelector(":scope > a, :scope > details > summary")
      : element;
  const shown = () => [...document.querySelectorAll(LINES)].filter((each) => each.offsetParent);
  const nameOf = (line) => line?.getAttribute("href") ?? line?.textContent;
  let last = ""; // the line that had the focus

  function stopAt(line) {
    for (const each of document.querySelectorAll(STOPS)) {
      const own = lineOf(each);
      each.tabIndex = own === null || own === line ? 0 : -1;
    }
  }

  // What was drawn anew has no stop yet.
  function prepare() {
    if (document.querySelector('.conversations [tabindex="0"]')) return;
    const lines = shown();
    const same = (each) => nameOf(each) === last;
    const line = lines.find(same) ?? lines.find((each) => each.ariaCurrent) ?? lines[0];
    if (line) stopAt(line);
  }
  new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });

  document.addEventListener("focusin", ({ target }) => {
    const line = target.matches(STOPS) && lineOf(target);
    if (!line) return;
    last = nameOf(line);
    stopAt(line);
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(STOPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    const lines = shown();
    const at = lines.indexOf(lineOf(event.target));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: lines.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    lines[to]?.focus();
  });
})();
